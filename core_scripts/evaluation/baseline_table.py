"""Every baseline of a set of codes in one call: the rows that a trained model is printed beside."""
import numpy as np
import torch

from core_scripts.evaluation.baselines import (
    Codes,
    Score,
    bigram_score,
    flac_bits,
    marginal_score,
    persistence_score,
)
from core_scripts.evaluation.lpc import Scale, lpc_score
from core_scripts.features import mulaw, pcm16

BASELINES = ("marginal", "bigram", "persistence", "flac", "lpc16")


def measure_baselines(train_codes: Codes, test_codes: Codes, scale: Scale) -> dict[str, Score]:
    """Score of each of `BASELINES`; marginal, bigram and persistence are fitted on the training codes.

    Raises: DataError as `marginal_bits`, or if no test utterance has two samples.
    """
    levels = scale.levels
    return {
        "marginal": marginal_score(train_codes, test_codes, levels),
        "bigram": bigram_score(train_codes, test_codes, levels),
        "persistence": persistence_score(train_codes, test_codes, levels),
        "flac": Score(flac_bits(test_codes, levels), None),
        "lpc16": lpc_score(test_codes, scale),
    }


def mulaw_scale(levels: int) -> Scale:
    """Amplitudes of the codes of `features.mulaw`. Raises: ConfigError for fewer than two levels."""
    borders = np.cumsum(mulaw.cell_widths(levels).numpy())[:-1] - 1.0
    return Scale(mulaw.decode(torch.arange(levels), levels).double().numpy(), borders)


def pcm16_scale() -> Scale:
    """Amplitudes of the codes of `features.pcm16`."""
    centres = pcm16.decode(torch.arange(pcm16.LEVELS)).double().numpy()
    return Scale(centres, (centres[1:] + centres[:-1]) / 2)
