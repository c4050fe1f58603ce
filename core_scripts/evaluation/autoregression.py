"""What is known of an AR(2) series in closed form, beside what a trained network found: recipe 04's table."""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core_scripts.corpus.ar2 import Ar2Process
from core_scripts.errors import DataError

NAMES = ("a", "b", "c")
Coefficients = dict[str, float]  # by these names


@dataclass(frozen=True)
class Fit:
    """x_t = c + a x_{t-1} + b x_{t-2}, solved by least squares; what conditional maximum likelihood finds too."""

    coefficients: Coefficients
    standard_error: Coefficients  # by the inverse of the normal equations; of a long stationary series
    sigma: float  # root mean square of what is left over                 sqrt((1 - b^2) / n) for a and for b


def least_squares(series: Sequence[np.ndarray]) -> Fit:
    """In float64, over all (x_{t-1}, x_{t-2}, x_t) inside the series.

    Raises: DataError if they do not determine three coefficients, as constant series do not.
    """
    columns, targets = regressors(series)
    if len(targets) <= len(NAMES) or np.linalg.matrix_rank(columns / np.abs(columns).max(0).clip(1e-300)) < len(NAMES):
        raise DataError(f"{len(targets)} samples of this series do not determine a, b and c: it is too short, constant "
                        "or silent; take a series with noise")
    solution, *_ = np.linalg.lstsq(columns, targets, rcond=None)
    left = targets - columns @ solution
    variance = left @ left / (len(targets) - len(NAMES))
    errors = np.sqrt(variance * np.diag(np.linalg.inv(columns.T @ columns)))
    return Fit(_named(solution), _named(errors), float(np.sqrt(np.mean(left**2))))


def regressors(series: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(N, 3) of x_{t-1}, x_{t-2}, 1 and (N,) of x_t."""
    series = [np.asarray(own, dtype=np.float64) for own in series]
    columns = [np.stack([own[1:-1], own[:-2], np.ones(max(0, len(own) - 2))], 1) for own in series]
    return np.concatenate(columns), np.concatenate([own[2:] for own in series])


@dataclass(frozen=True)
class Ar2Table:
    """The network's coefficients beside the best that the same samples allow; its error and its likelihood on others.

    nll and entropy_rate are nats per sample of the density, so that the heads compare; a categorical one spreads the
    probability of a code evenly over the code's width.
    """

    head: str
    estimate: Coefficients
    least_squares: Coefficients
    truth: Coefficients
    standard_error: Coefficients
    distance_to_least_squares: float  # of the worst coefficient, in standard errors
    distance_to_truth: float
    sigma: float  # as the network has it
    sigma_truth: float
    mse_over_sigma2: float  # of the test series
    nll: float
    nll_standard_error: float
    entropy_rate: float
    samples: int
    unit: str = "nats per sample"

    def __str__(self) -> str:
        lines = [f"AR(2), {self.head} head, {self.samples:,} samples to train on and as many to test",
                 f"  {'':<4} {'network':>12} {'least squares':>14} {'truth':>12} {'standard error':>15}"]
        lines += [f"  {name:<4} {self.estimate[name]:12.6f} {self.least_squares[name]:14.6f} {self.truth[name]:12.6f} "
                  f"{self.standard_error[name]:15.3g}" for name in NAMES]
        lines += [f"  the network is {self.distance_to_least_squares:.4f} standard errors off least squares and "
                  f"{self.distance_to_truth:.2f} off the truth, where it is worst",
                  f"  sigma {self.sigma:.6g}, truth {self.sigma_truth:.6g}; mean squared error / sigma^2 "
                  f"{self.mse_over_sigma2:.4f} on the test series",
                  f"  negative log-likelihood {self.nll:.4f} (standard error {self.nll_standard_error:.4f}), entropy "
                  f"rate {self.entropy_rate:.4f} nats per sample"]
        return "\n".join(lines)


@dataclass(frozen=True)
class Found:
    """What a network says: of the samples it was trained on, and of each test sample from its third on."""

    head: str
    estimate: Coefficients
    sigma: float
    errors: np.ndarray  # (N,) x_t less the predicted mean
    nats: np.ndarray  # (N,) of the density


def compare(process: Ar2Process, train_series: Sequence[np.ndarray], found: Found) -> Ar2Table:
    """The table. Raises: DataError as `least_squares`."""
    fit = least_squares(train_series)
    truth = {name: float(vars(process)[name]) for name in NAMES}
    apart = [max(abs(found.estimate[name] - other[name]) / fit.standard_error[name] for name in NAMES)
             for other in (fit.coefficients, truth)]
    return Ar2Table(
        head=found.head, estimate=found.estimate, least_squares=fit.coefficients, truth=truth,
        standard_error=fit.standard_error, distance_to_least_squares=apart[0], distance_to_truth=apart[1],
        sigma=found.sigma, sigma_truth=process.sigma,
        mse_over_sigma2=float(np.mean(found.errors**2)) / process.sigma**2, nll=float(found.nats.mean()),
        nll_standard_error=float(found.nats.std() / np.sqrt(len(found.nats))), entropy_rate=process.entropy_rate,
        samples=sum(map(len, train_series)))


def _named(values: np.ndarray) -> Coefficients:
    return dict(zip(NAMES, map(float, values), strict=True))
