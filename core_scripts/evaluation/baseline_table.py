"""Every baseline of a set of codes in one call: the rows that a trained model is printed beside."""
import numpy as np
import torch

from core_scripts.evaluation.baselines import (
    Codes,
    Costs,
    Score,
    bigram_costs,
    flac_bits,
    marginal_costs,
    persistence_costs,
)
from core_scripts.evaluation.lpc import Scale, lpc_costs
from core_scripts.features import mulaw, pcm16

BASELINES = ("marginal", "bigram", "persistence", "flac", "lpc16")


def measure_baselines(train_codes: Codes, test_codes: Codes, scale: Scale) -> dict[str, Score]:
    """Score of each of `BASELINES`; marginal, bigram and persistence are fitted on the training codes.

    Raises: DataError as `marginal_bits`.
    """
    costs = fitted_costs(train_codes, test_codes, scale.levels) | {"lpc16": lpc_costs(test_codes, scale)}
    scores = {name: own.score() for name, own in costs.items()}
    return {name: scores.get(name) or Score(flac_bits(test_codes, scale.levels), None) for name in BASELINES}


def fitted_costs(train_codes: Codes, test_codes: Codes, levels: int) -> dict[str, Costs]:
    """Of the baselines that learn from training codes."""
    fitted = {"marginal": marginal_costs, "bigram": bigram_costs, "persistence": persistence_costs}
    return {name: costs(train_codes, test_codes, levels) for name, costs in fitted.items()}


def mulaw_scale(levels: int) -> Scale:
    """Amplitudes of the codes of `features.mulaw`. Raises: ConfigError for fewer than two levels."""
    borders = np.cumsum(mulaw.cell_widths(levels).numpy())[:-1] - 1.0
    return Scale(mulaw.decode(torch.arange(levels), levels).double().numpy(), borders)


def pcm16_scale() -> Scale:
    """Amplitudes of the codes of `features.pcm16`."""
    centres = pcm16.decode(torch.arange(pcm16.LEVELS)).double().numpy()
    return Scale(centres, (centres[1:] + centres[:-1]) / 2)
