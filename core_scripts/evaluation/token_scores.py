"""One representation of speech, scored by all that can be asked of its tokens, told as a row of a table. No torch."""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core_scripts.evaluation.abx import AbxScore, abx_errors, warped_distances
from core_scripts.evaluation.probes import fit_probe, pool_parts
from core_scripts.evaluation.units import (
    bits_per_second,
    energy_r2,
    label_information,
    perplexity,
    position_labels,
)

_POOLED_PARTS = 3
_NONE = float("nan")


@dataclass(frozen=True)
class Spoken:
    """What is known of the utterances of a set, in the order of the list; contents and speakers count from 0 on."""

    contents: Sequence[int]  # the word of each
    speakers: Sequence[int]
    energies: Sequence[np.ndarray]  # per utterance the mean log energy of each token
    seconds: float  # of all together


@dataclass(frozen=True)
class TokenScore:
    """Shares and error rates on the test set; NaN where only discrete units have a value."""

    content_probe: float  # found by logistic regression on tokens pooled in three parts
    speaker_probe: float
    abx: AbxScore  # of words; of discrete units as one-hot vectors
    perplexity: float = _NONE
    bits_per_second: float = _NONE
    content_pnmi: float = _NONE  # of word and fifth of it, beyond chance
    speaker_pnmi: float = _NONE
    energy_r2: float = _NONE

    HEADINGS = (f"{'perpl.':>6} {'bit/s':>6} {'word':>6} {'speaker':>7} {'PNMI wd':>8} {'PNMI spk':>8} {'energy':>7} "
                f"{'ABX in':>7} {'across':>7}")

    def __str__(self) -> str:
        within, across = (_NONE if error is None else error for error in (self.abx.within, self.abx.across))
        text = (f"{self.perplexity:6.1f} {self.bits_per_second:6.0f} {self.content_probe:6.3f} "
                f"{self.speaker_probe:7.3f} {self.content_pnmi:8.3f} {self.speaker_pnmi:8.3f} {self.energy_r2:7.3f} "
                f"{within:7.3f} {across:7.3f}")
        return text.replace("nan", "  -")


Sets = tuple[Sequence[np.ndarray], Sequence[np.ndarray]]


def score_tokens(tokens: Sets, spoken: tuple[Spoken, Spoken], count: int, seed: int = 0) -> TokenScore:
    """Tokens of the training and of the test set, which serves for scoring alone.

    tokens: per utterance the units in [0, count), or vectors (T, D) where count is 0.
    Raises: DataError if a figure cannot be computed, for instance of one speaker alone.
    """
    vectors = [[np.eye(count)[own] if count else own for own in side] for side in tokens]
    pooled = [np.stack([pool_parts(own, _POOLED_PARTS) for own in side]) for side in vectors]
    train, test = spoken
    probes = [fit_probe(pooled[0], fitted).accuracy(pooled[1], asked)
              for fitted, asked in ((train.contents, test.contents), (train.speakers, test.speakers))]
    abx = abx_errors(warped_distances(vectors[1]), test.contents, test.speakers)
    if not count:
        return TokenScore(*probes, abx)
    units = tokens[1]
    lengths = [len(own) for own in units]
    voices = [np.full(length, speaker) for length, speaker in zip(lengths, test.speakers, strict=True)]
    return TokenScore(
        *probes, abx, perplexity(units), bits_per_second(units, test.seconds),
        label_information(units, position_labels(test.contents, lengths), seed).beyond_chance,
        label_information(units, voices, seed).beyond_chance,
        energy_r2((tokens[0], train.energies), (units, test.energies)))
