"""Work on a random part of many recordings until the time is up, and how far off the part may be. No torch."""
import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from core_scripts.corpus.prepare_pool import choose_workers, map_files
from core_scripts.progress import Progress

GROUPS = 20
_Z_95 = 1.96
_MOST_FILES = 50_000


@dataclass(frozen=True)
class Effort:
    """How much may be done: seconds by the clock for each part of the work (0: no limit), and by how many processes."""

    seconds: float = 120.0
    workers: int = 0  # 0: as fits
    is_quiet: bool = False


@dataclass(frozen=True)
class Estimate:
    """A figure, and half the width of its 95 % interval; None: too few recordings to tell."""

    value: float
    error: float | None = None

    def __str__(self) -> str:
        return f"{self.value:.3g}" + (f" ± {self.error:.1g}" if self.error else "")


def shuffled(names: Iterable[str]) -> list[str]:
    """An order that looks random and is always the same for the same names."""
    return sorted(names, key=lambda name: hashlib.blake2b(name.encode("utf-8")).digest())


def work_through(label: str, function: Callable[[Any], Any], jobs: Sequence[Any], effort: Effort) -> list[Any]:
    """function(job) of the first jobs, as many as the time allows and `GROUPS` at least; `function` is a module's."""
    jobs = jobs[:_MOST_FILES]
    begun, found = time.monotonic(), []
    with Progress(label, len(jobs), "file", quiet=effort.is_quiet) as progress, \
            closing(map_files(function, jobs, choose_workers(effort.workers, len(jobs)))) as results:
        for result in results:
            found.append(result)
            progress.show(len(found))
            if effort.seconds and len(found) >= GROUPS and time.monotonic() - begun > effort.seconds:
                break
    return found


class GroupedMean:
    """The weighted mean of curves, from sums of groups of recordings, so that its error can be told (jackknife)."""

    def __init__(self, curves: Sequence[np.ndarray], weights: Sequence[float]) -> None:
        groups = min(GROUPS, len(curves))
        self._sums = np.zeros((groups, len(curves[0])))
        self._weights = np.zeros_like(self._sums)
        for number, (curve, weight) in enumerate(zip(curves, weights, strict=True)):
            known = ~np.isnan(curve)
            self._sums[number % groups, known] += weight * curve[known]
            self._weights[number % groups, known] += weight

    def mean(self) -> np.ndarray:
        """NaN where no curve has a value."""
        return _divide(self._sums.sum(axis=0), self._weights.sum(axis=0))

    def estimate(self, statistic: Callable[[np.ndarray], float | None]) -> Estimate | None:
        """A figure of the mean curve, with the error that recordings drawn at random give it (Tukey 1958)."""
        value = statistic(self.mean())
        if value is None:
            return None
        groups = len(self._sums)
        if groups < 4:
            return Estimate(value)
        left = [statistic(_divide(self._sums.sum(axis=0) - self._sums[group],
                                  self._weights.sum(axis=0) - self._weights[group])) for group in range(groups)]
        if any(one is None for one in left):
            return Estimate(value)
        spread = np.square(np.array(left) - np.mean(left)).sum() * (groups - 1) / groups
        return Estimate(value, _Z_95 * float(np.sqrt(spread)))


def mean_estimate(values: Sequence[float]) -> Estimate:
    """The mean of figures of recordings, each counted once."""
    if len(values) < 2:
        return Estimate(float(np.mean(values)))
    return Estimate(float(np.mean(values)), _Z_95 * float(np.std(values, ddof=1) / np.sqrt(len(values))))


def _divide(sums: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.where(weights > 0, sums / np.where(weights > 0, weights, 1.0), np.nan)
