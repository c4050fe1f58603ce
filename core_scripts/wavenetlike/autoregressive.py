"""Series that are predicted by their own past: the AR(2) process, and stacks of convolutions that learn it."""
import itertools
import math
from collections.abc import Iterator, Sequence
from enum import Enum

import numpy as np
import torch
from torch import Tensor, nn

from core_scripts import log
from core_scripts.corpus.ar2 import Ar2Process, endless
from core_scripts.errors import ConfigError, DataError, NonFiniteLossError

_STEPS, _RATE = 500, 0.1  # of Adam on the whole series, the rate along a cosine to zero


class Losses(Enum):
    """What a stack learns by: mean squared error, or the likelihood of a normal distribution of one deviation."""

    mse = "mse"
    gaussian = "gaussian"


class Block(nn.Module):
    """A stack of linear convolutions over a series, unpadded; layer i has dilation `dilation_rate ** i`.

    Raises: ConfigError for sizes below 1, or a kernel that sees no past.
    """

    def __init__(self, n_layers: int, kernel_length: int, dilation_rate: int) -> None:
        super().__init__()
        if min(n_layers, dilation_rate) < 1 or kernel_length < 2:
            raise ConfigError(f"Block(n_layers={n_layers}, kernel_length={kernel_length}, dilation_rate="
                              f"{dilation_rate}): layers and dilation are 1 or more, the kernel 2 or more")
        dilations = [dilation_rate**layer for layer in range(n_layers)]
        self.receptive_field = 1 + (kernel_length - 1) * sum(dilations)  # past samples that one prediction sees
        self.layers = nn.ModuleList(nn.Conv1d(1, 1, kernel_length, dilation=dilation, dtype=torch.float64)
                                    for dilation in dilations)
        self.register_buffer("mean", torch.zeros((), dtype=torch.float64))  # of the series it was trained on
        self.register_buffer("deviation", torch.ones((), dtype=torch.float64))

    def forward(self, series: Tensor) -> Tensor:
        """(T,) to the means of what follows on each window of `receptive_field`, (T - receptive_field + 1,)."""
        x = ((series - self.mean) / self.deviation)[None, None]
        for layer in self.layers:
            x = layer(x)
        return x[0, 0] * self.deviation + self.mean

    @property
    @torch.no_grad()
    def kernel(self) -> np.ndarray:
        """Weights of the past samples, the oldest first: of a layer of length 2 that learnt AR(2), [b, a]."""
        zeros = torch.zeros(self.receptive_field, dtype=torch.float64)
        ones = torch.eye(self.receptive_field, dtype=torch.float64)
        return np.array([float(self(one) - self(zeros)) for one in ones])

    @property
    @torch.no_grad()
    def bias(self) -> float:
        """The prediction after nothing but zeros: of AR(2), c."""
        return float(self(torch.zeros(self.receptive_field, dtype=torch.float64)))

    @torch.no_grad()
    def follow(self, series: np.ndarray, samples: int) -> np.ndarray:
        """The means of what follows. Raises: DataError if the series is shorter than the receptive field."""
        if len(series) < self.receptive_field:
            raise DataError(f"{len(series)} samples are fewer than the {self.receptive_field} that a prediction sees")
        past = list(map(float, series[-self.receptive_field :]))
        for _ in range(samples):
            past.append(float(self(torch.tensor(past[-self.receptive_field :], dtype=torch.float64))))
        return np.array(past[-samples:])


def ar2_process(a: float, b: float, x0: float, x1: float, c: float = 0.0, sigma: float = 1e-5) -> Iterator[float]:
    """x_t = c + a x_{t-1} + b x_{t-2} + e_t, e_t ~ N(0, sigma^2), from x2 on, without end.

    The noise is the same each time; `core_scripts.corpus.ar2` has processes of other seeds.
    Raises: ConfigError with the condition that fails if it is not stationary.
    """
    return endless(Ar2Process(a=a, b=b, c=c, sigma=sigma, x0=x0, x1=x1), x0, x1)


def train_stack_ar(
    stack: Block, data: Sequence[float] | Iterator[float], loss_type: Losses = Losses.mse, samples: int = 0
) -> float:
    """Let the stack predict each sample from those before it; returns the loss. The whole series at every step.

    Inside, the series has mean 0 and deviation 1: the notes' example falls from 60 to 0.03, on which plain descent
    diverges or stalls. samples: how many to take, which an endless series needs.
    Raises: DataError if the series is constant, or too short for the stack; NonFiniteLossError.
    """
    if isinstance(data, Iterator) and samples < 1:
        raise DataError(f"samples={samples} of a series that may be endless; say how many to take")
    values = np.array(list(itertools.islice(data, samples or None)), dtype=np.float64)
    if len(values) < 2 * (stack.receptive_field + 1) or not np.isfinite(values).all() or np.ptp(values) == 0:
        needed = 2 * (stack.receptive_field + 1)
        raise DataError(f"a series of {len(values)} samples teaches nothing: for this stack it needs {needed} "
                        "finite ones at least, and they must not be all alike")
    series = torch.from_numpy(values)
    stack.mean, stack.deviation = series.mean(), series.std()
    log_deviation = nn.Parameter(torch.zeros((), dtype=torch.float64))
    trained = [*stack.parameters(), *([log_deviation] if loss_type is Losses.gaussian else [])]
    optimizer = torch.optim.Adam(trained, _RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _STEPS)
    for _ in range(_STEPS):
        optimizer.zero_grad()
        errors = (stack(series)[:-1] - series[stack.receptive_field :]) / stack.deviation
        loss = errors.square().mean()
        if loss_type is Losses.gaussian:
            loss = 0.5 * loss * torch.exp(-2 * log_deviation) + log_deviation
        loss.backward()
        optimizer.step()
        schedule.step()
    found = _at_scale(loss.item(), float(stack.deviation), loss_type)
    if not math.isfinite(found):
        raise NonFiniteLossError("the loss became NaN or infinite; look at the series")
    log.say(f"{_STEPS} steps on {len(values):,} samples, {loss_type.name} {found:.4g}; kernel, the oldest sample "
            f"first: {', '.join(f'{weight:.6f}' for weight in stack.kernel[-8:])}; constant {stack.bias:.6f}")
    return found


def _at_scale(loss: float, deviation: float, loss_type: Losses) -> float:
    """The loss as it is of the series itself: squared units, or nats per sample."""
    if loss_type is Losses.mse:
        return loss * deviation**2
    return loss + math.log(deviation) + 0.5 * math.log(2 * math.pi)
