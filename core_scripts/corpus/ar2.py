"""The process x_t = c + a x_{t-1} + b x_{t-2} + e_t, e_t ~ N(0, sigma^2): a series whose answer is known. No torch.

Stationary if and only if b < 1 and b > -1, a + b < 1, and b - a < 1 (the roots of z^2 = a z + b lie inside the unit
circle). Then its mean is c / (1 - a - b), its variance sigma^2 (1 - b) / ((1 + b) ((1 - b)^2 - a^2)), and no density
can predict it better than with 1/2 ln(2 pi e sigma^2) nats per sample, its entropy rate (Box and Jenkins 1976, 3.2.4).
"""
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np

from core_scripts.errors import ConfigError, all_faults
from core_scripts.streams import normals

_STREAM = 0x617232  # of the noise; the third coordinate is the series
_BLOCK = 1024
_SETTLING = 1e-12  # what is left of the start when a stationary series begins
_LONGEST_SETTLING = 1_000_000  # samples


@dataclass(frozen=True, kw_only=True)
class Ar2Process:
    """An AR(2) series and how much of it there is. Raises: ConfigError, all faults together."""

    a: float = -0.4  # weight of the sample before
    b: float = 0.5  # weight of the one before that
    c: float = 0.0
    sigma: float = 1.0  # deviation of the noise
    x0: float | None = None  # the first two samples; None: in the stationary state, with no beginning
    x1: float | None = None
    samples: int = 10000  # of the series to train on, and of the one to test with
    seed: int = 1
    standard_error: float = 0.0  # that the estimates of a and b are to have at most; 0: any

    def __post_init__(self) -> None:
        faults = [f"{name}={value!r} must be a finite number" for name, value in asdict(self).items()
                  if value is not None and not _is_number(value)]
        faults = faults or [*stationarity_faults(self.a, self.b), *self._size_faults()]
        if faults:
            raise all_faults(ConfigError, "AR(2) process", faults)

    @property
    def is_transient(self) -> bool:
        """Whether it starts from given samples."""
        return self.x0 is not None

    @property
    def mean(self) -> float:
        return self.c / (1 - self.a - self.b)

    @property
    def variance(self) -> float:
        """Of the stationary series."""
        a, b = self.a, self.b
        return self.sigma**2 * (1 - b) / ((1 + b) * ((1 - b) ** 2 - a**2))

    @property
    def entropy_rate(self) -> float:
        """Nats per sample."""
        return 0.5 * math.log(2 * math.pi * math.e * self.sigma**2)

    @property
    def name(self) -> str:
        """For a folder: another one for other values."""
        values = {key: value for key, value in self.record().items() if key != "process" and value is not None}
        return "_".join(f"{key}{value:g}" for key, value in values.items())

    def autocorrelation(self, lags: int) -> np.ndarray:
        """rho_0 ... rho_{lags}: rho_1 = a / (1 - b), rho_k = a rho_{k-1} + b rho_{k-2} (Yule and Walker)."""
        found = [1.0, self.a / (1 - self.b)]
        while len(found) <= lags:
            found.append(self.a * found[-1] + self.b * found[-2])
        return np.array(found[: lags + 1])

    def record(self) -> dict[str, float | str | None]:
        """The values as they stand in corpus.json; what is asked of the estimates changes no sample."""
        values = asdict(self)
        del values["standard_error"]
        return {"process": "AR(2)"} | values

    def describe(self) -> str:
        """One line for people."""
        values = ", ".join(f"{name}={vars(self)[name]:g}" for name in ("a", "b", "c", "sigma"))
        return f"AR(2) with {values}, 2 x {self.samples:,} samples"

    def series(self, number: int = 0) -> np.ndarray:
        """float64 (samples,): series of other numbers have other noise."""
        noise = _noise(self.sigma, self.seed, number)
        if self.is_transient:
            samples = follow(self, self.x0, self.x1, noise)
            first = [self.x0, self.x1]
        else:
            samples = follow(self, self.mean, self.mean, noise)
            for _ in range(self._settling()):
                next(samples)
            first = []
        return np.array([*first, *(next(samples) for _ in range(self.samples - len(first)))])

    def _settling(self) -> int:
        """Samples after which nothing is left of the start."""
        root = max(abs(np.roots([1, -self.a, -self.b])))
        return 2 if root < _SETTLING else min(_LONGEST_SETTLING, 2 + math.ceil(math.log(_SETTLING) / math.log(root)))

    def _size_faults(self) -> list[str]:
        faults = []
        if self.sigma <= 0:
            faults.append(f"sigma={self.sigma} must be above 0: without noise nothing is left to be uncertain of")
        if (self.x0 is None) != (self.x1 is None):
            faults.append(f"x0={self.x0}, x1={self.x1}: give both first samples, or neither")
        if not isinstance(self.samples, int) or self.samples < 8:
            faults.append(f"samples={self.samples!r} must be a whole number of at least 8, for three coefficients")
        if not isinstance(self.seed, int) or not 0 <= self.seed < 2**64:
            faults.append(f"seed={self.seed!r} must be a whole number in [0, 2**64)")
        if self.standard_error < 0:
            faults.append(f"standard_error={self.standard_error} must be at least 0, which asks for none")
        needed = samples_for(self.b, self.standard_error) if self.standard_error > 0 and abs(self.b) < 1 else 0
        if not faults and needed > self.samples:
            reached = math.sqrt((1 - self.b**2) / self.samples)
            faults.append(f"samples={self.samples} give a and b a standard error of {reached:.3g}, and "
                          f"standard_error={self.standard_error:g} asks for less: it needs (1 - b^2) / "
                          f"standard_error^2 = {needed} samples; take samples={needed}, or standard_error=0")
        return faults


def stationarity_faults(a: float, b: float) -> list[str]:
    """Which of the conditions of a stationary AR(2) process fail, and what follows."""
    conditions = (("|b| < 1", abs(b) < 1, f"|{b:g}| = {abs(b):g}"),
                  ("a + b < 1", a + b < 1, f"{a:g} + {b:g} = {a + b:g}"),
                  ("b - a < 1", b - a < 1, f"{b:g} - {a:g} = {b - a:g}"))
    return [f"not stationary: {name} fails, {value}; the series would grow without bounds or never settle"
            for name, holds, value in conditions if not holds]


def samples_for(b: float, standard_error: float) -> int:
    """Samples after which the least-squares estimates of a and b have this standard error: (1 - b^2) / se^2."""
    return math.ceil((1 - b**2) / standard_error**2 * (1 - 1e-12))


def follow(process: Ar2Process, x0: float, x1: float, noise: Iterator[float]) -> Iterator[float]:
    """The samples after x0 and x1, without end."""
    while True:
        x0, x1 = x1, process.c + process.a * x1 + process.b * x0 + next(noise)
        yield x1


def _noise(sigma: float, seed: int, number: int) -> Iterator[float]:
    block = 0
    while True:
        yield from (sigma * normals(seed, _STREAM, number, block, count=_BLOCK)).tolist()
        block += 1


def endless(process: Ar2Process, x0: float, x1: float) -> Iterator[float]:
    """The samples after x0 and x1, without end, with the noise of series 0."""
    return follow(process, x0, x1, _noise(process.sigma, process.seed, 0))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
