"""What every metric of sound shares: a pair of waveforms, a figure or the reason why there is none, what it means.

A metric module has `families_at(rate_hz)`: its settings follow from the rate. `Family.measure` is the one way in; it
holds that no NaN and no infinity ever leaves a metric. No torch.
"""
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core_scripts.constants import INT16_SCALE, LENGTH_TOLERANCE
from core_scripts.errors import DataError

LOWER, HIGHER, ZERO, NEITHER = "lower", "higher", "zero", "neither"  # which values of a metric are the better ones
_LARGEST = 100.0  # amplitudes beyond are no audio in floats
_SHORT_SECONDS = 0.1  # below it lengths may differ freely: a hop or two of a short file


@dataclass(frozen=True)
class Pair:
    """An output and the recording that it should sound like, both of one rate, aligned at sample 0."""

    name: str
    reference: np.ndarray | None  # (N,) float64 in [-1, 1]; None where there is none
    output: np.ndarray  # (M,) float64 in [-1, 1]
    rate_hz: int

    def __post_init__(self) -> None:
        for kind, wave in (("output", self.output), ("reference", self.reference)):
            if wave is not None and (wave.ndim != 1 or not np.issubdtype(wave.dtype, np.floating)):
                raise DataError(f"the {kind} of {self.name} is {wave.ndim}-dimensional {wave.dtype}; metrics take one "
                                f"channel of floating samples in [-1, 1]")


def make_pair(name: str, reference: tuple[np.ndarray, int] | None, output: tuple[np.ndarray, int]) -> Pair:
    """A pair from (samples, rate in Hz) of each. Raises: DataError if the rates differ, or a waveform is none."""
    if reference is not None and reference[1] != output[1]:
        raise DataError(f"the output of {name} has {output[1]} Hz and its reference {reference[1]} Hz; frames would "
                        f"not match. Resample one of them, or evaluate without the reference")
    waves = [None if one is None else _as_doubles(np.asarray(one[0])) for one in (reference, output)]
    return Pair(name, waves[0], waves[1], output[1])


def _as_doubles(wave: np.ndarray) -> np.ndarray:
    return wave.astype(np.float64) if np.issubdtype(wave.dtype, np.floating) else wave  # Pair refuses the rest


@dataclass(frozen=True)
class Figure:
    """A finite value and how many frames or samples it is of, or None and why there is no value."""

    value: float | None
    count: int = 0
    why: str = ""

    def __post_init__(self) -> None:
        assert (self.value is None) == bool(self.why), "a figure is a value, or a reason why there is none"
        assert self.value is None or math.isfinite(self.value), "a figure is finite; use figure_of"

    def __str__(self) -> str:
        return f"undefined: {self.why}" if self.value is None else f"{self.value:.4g}"


def figure_of(value: float, count: int) -> Figure:
    """A figure of `value`; undefined where that is not finite, as with samples far outside [-1, 1]."""
    value = float(value)
    return Figure(value, count) if math.isfinite(value) else undefined(f"it comes out as {value}")


def undefined(why: str) -> Figure:
    """No value, and the reason in words."""
    return Figure(None, 0, why)


@dataclass(frozen=True)
class Metric:
    """What a column of figures means."""

    key: str  # of CSV and JSON
    title: str
    unit: str  # empty for pure numbers and shares
    better: str  # LOWER, HIGHER, ZERO or NEITHER
    settings: str  # printed beside the figures: without them no two figures compare
    source: str


@dataclass(frozen=True)
class Family:
    """Metrics that one look at a pair gives together."""

    metrics: tuple[Metric, ...]
    compute: Callable[[Pair], tuple[Figure, ...]]  # of a pair that `measure` has found fit, in the order of `metrics`
    needs_reference: bool = True
    lengths_may_differ: bool = False  # it aligns by itself; else the longer waveform is cut to the shorter one

    def measure(self, pair: Pair) -> dict[str, Figure]:
        """A figure for the key of each metric."""
        why = why_unfit(pair, self.needs_reference, self.lengths_may_differ)
        if why:
            return {metric.key: undefined(why) for metric in self.metrics}
        if self.needs_reference and not self.lengths_may_differ:
            shared = min(len(pair.reference), len(pair.output))
            pair = Pair(pair.name, pair.reference[:shared], pair.output[:shared], pair.rate_hz)
        figures = self.compute(pair)
        return {metric.key: figure for metric, figure in zip(self.metrics, figures, strict=True)}


def why_unfit(pair: Pair, needs_reference: bool = True, lengths_may_differ: bool = False) -> str:
    """Why no metric can be taken of this pair; empty if it can."""
    waves = {"output": pair.output}
    if needs_reference:
        if pair.reference is None:
            return "there is no reference"
        waves["reference"] = pair.reference
    for kind, wave in waves.items():
        if not len(wave):
            return f"the {kind} is empty"
        if not np.isfinite(wave).all():
            return f"the {kind} has {np.count_nonzero(~np.isfinite(wave))} samples that are not finite"
        if np.abs(wave).max() > _LARGEST:
            return (f"the {kind} reaches {np.abs(wave).max():.3g}, far outside [-1, 1]; "
                    f"divide 16-bit samples by {INT16_SCALE}")
    lengths = [len(wave) for wave in waves.values()]
    apart = max(lengths) - min(lengths)
    if not lengths_may_differ and apart > max(LENGTH_TOLERANCE * max(lengths), _SHORT_SECONDS * pair.rate_hz):
        seconds = [f"{length / pair.rate_hz:.2f} s" for length in lengths]
        return (f"the output has {seconds[0]} and the reference {seconds[1]}, "
                f"more than {LENGTH_TOLERANCE:.0%} apart")
    return ""
