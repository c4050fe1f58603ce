"""Bits per sample on held-out audio, beside what needs no network."""
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from core_scripts.evaluation.baseline_table import measure_baselines, mulaw_scale, pcm16_scale
from core_scripts.evaluation.conditioning import audit_conditioning
from core_scripts.evaluation.prediction import Certainty, measure_certainty

_LSB = 2.0**-15  # step of 16-bit audio, as an amplitude


@dataclass(frozen=True)
class BitsTable:
    """Bits per sample of the same held-out samples; marginal, bigram and persistence are fitted on the training set.

    accuracies: share of samples whose likeliest code was right, by the names of the baselines that name one.
    """

    model: float
    swapped: float | None  # with another utterance's frames; None where there is no other
    constant: float  # with the mean frame at every position
    flac: float  # the codes as samples of a FLAC stream
    marginal: float  # each code by its frequency
    bigram: float  # each code by its frequency after the code before it
    density_offset: float  # what is added for bits relative to a 16-bit LSB
    samples: int
    levels: int
    quantiser: str = "mu-law"
    persistence: float | None = None  # the code before, repeated with the likeliest probability
    lpc16: float | None = None  # linear prediction from the past alone, which no training knows of
    accuracies: dict[str, float] = field(default_factory=dict)
    certainty: Certainty | None = None  # None of heads without a logit per code

    @property
    def swap_gap(self) -> float | None:
        """Bits per sample that another utterance's frames cost; near 0 or below: the condition is not used."""
        return None if self.swapped is None else self.swapped - self.model

    def __str__(self) -> str:
        named = {"LPC-16": "lpc16", "FLAC": "flac", "bigram": "bigram", "persistence": "persistence",
                 "marginal": "marginal"}
        rows = [("WaveNet", self.model, self.certainty.accuracy if self.certainty else None)]
        rows += [(name, vars(self)[key], self.accuracies.get(key)) for name, key in named.items()]
        rows.append(("uniform", math.log2(self.levels), 1 / self.levels))
        lines = [f"bits per sample, {self.samples:,} held-out samples, {self.levels} {self.quantiser} levels, "
                 f"level as recorded",
                 f"  {'':<11} {'code':>6} {'16-bit LSB':>11} {'accuracy':>9}"]
        lines += [f"  {name:<11} {bits:6.3f} {bits + self.density_offset:11.3f} "
                  f"{'' if accuracy is None else f'{accuracy:.3f}':>9}".rstrip()
                  for name, bits, accuracy in rows if bits is not None]
        lines += ["code: of one level; FLAC: the codes as samples, one stream, libsndfile's default compression",
                  "16-bit LSB: the same as a density, relative to the step of 16-bit audio, for other output heads",
                  "LPC-16: from the samples before alone, fitted every 16; persistence: the code before, or any"]
        if self.certainty:
            lines.append(f"WaveNet's predictions: {self.certainty}")
        lines.append("WaveNet with another condition (mean frame: the same at every position):")
        others = [("other file", self.swapped), ("mean frame", self.constant)]
        lines += [f"  {name:<10} {bits:6.3f}, gap {bits - self.model:+.3f}"
                  for name, bits in others if bits is not None]
        return "\n".join(lines)


def measure_bits(model: torch.nn.Module, train_data: Any, test_data: Any, device: torch.device) -> BitsTable:
    """Score a model that returns nats per sample on every sample of `test_data`.

    It has `levels`, `target_codes` and `code_widths`, as the model of recipe 01.
    """
    audit = audit_conditioning(model, test_data, device)
    train, test = collect_codes(model, train_data), collect_codes(model, test_data)
    is_16_bit = bool((model.code_widths() == _LSB).all())
    scores = measure_baselines(train, test, pcm16_scale() if is_16_bit else mulaw_scale(model.levels))
    return BitsTable(
        model=audit.true,
        swapped=audit.swapped,
        constant=audit.constant,
        **{name: score.bits for name, score in scores.items()},
        density_offset=density_offset(test, model.code_widths()),
        samples=sum(map(len, test)),
        levels=model.levels,
        quantiser="16-bit" if is_16_bit else "mu-law",
        accuracies={name: score.accuracy for name, score in scores.items() if score.accuracy is not None},
        certainty=measure_certainty(model, test_data.get_loader(), device),
    )


def density_offset(codes: Sequence[np.ndarray], widths: torch.Tensor) -> float:
    """Mean of log2(width / 2**-15) over the codes, `width` being the amplitudes that share a code; 0 for 16-bit codes.

    A code's bits plus this are -log2 of the density that is constant within each code, times the step of 16-bit audio:
    b16 = -log2 P(code) + log2(width(code) / 2**-15). So codes with any number of levels compare, with each other and
    with distributions over 16-bit samples, as long as no code is narrower than a step or two (up to 9 bits).
    """
    return float(np.log2(widths.numpy() / _LSB)[np.concatenate(codes)].mean())


def collect_codes(model: Any, data: Any) -> list[np.ndarray]:
    """The mu-law codes of every item of `data`, one array each, in the order of the list whatever the batches are."""
    found = [(int(number), codes.numpy()) for batch in data.get_loader()
             for number, codes in zip(batch.index, model.target_codes(batch), strict=True)]
    return [codes for _, codes in sorted(found, key=lambda pair: pair[0])]
