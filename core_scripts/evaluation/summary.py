"""From a figure per utterance to one for all of them, with what is left to chance. No torch."""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core_scripts import streams
from core_scripts.constants import STREAM_BOOTSTRAP
from core_scripts.evaluation.metric import Figure

RESAMPLES = 2000
COVERAGE = 0.95
HOW = (f"mean over utterances; {COVERAGE:.0%} interval by {RESAMPLES:,} bootstrap resamples of the utterances "
       f"(percentiles, fixed seed)")


@dataclass(frozen=True)
class Summary:
    """The mean of `n` utterances in an interval; `why` tells what is missing where a value is None."""

    mean: float | None
    low: float | None
    high: float | None
    n: int
    why: str = ""


def summarise(figures: Sequence[Figure]) -> Summary:
    """Of one metric over utterances, those left out that have no figure.

    The interval is that of Efron (1979), percentiles of the means of resampled utterances; the same figures give the
    same interval. One utterance has none.
    """
    values = np.array([figure.value for figure in figures if figure.value is not None])
    if not len(values):
        reasons = sorted({figure.why for figure in figures}) or ["no utterance was measured"]
        more = f" (and {len(reasons) - 1} more)" if reasons[1:] else ""
        return Summary(None, None, None, 0, reasons[0] + more)
    if len(values) == 1:
        return Summary(float(values[0]), None, None, 1, "one utterance has no interval")
    count = len(values)
    drawn = (streams.uniforms(1, STREAM_BOOTSTRAP, count=RESAMPLES * count) * count).astype(np.int64)
    means = values[drawn.reshape(RESAMPLES, count)].mean(1)
    low, high = np.quantile(means, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return Summary(float(values.mean()), float(low), float(high), count)
