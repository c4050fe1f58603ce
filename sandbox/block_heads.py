"""What a WaveNet's last numbers mean: a distribution over the codes of the next sample.

categorical  one logit per mu-law code
logistics    16-bit levels under a mixture of logistic distributions (Salimans et al. 2017, arXiv:1701.05517, eq. 2)
gaussian     16-bit levels under one normal distribution (Ping et al. 2018, arXiv:1807.07281), discretised alike

The two over 16-bit levels live on the axis of mu-law companding, g(x) = sgn(x) ln(1 + 255 |x|) / ln 256, so that quiet
and loud recordings ask for numbers of one size: P(level) = F(g(upper border)) - F(g(lower border)), the outermost
levels reaching to infinity. The masses of all 65,536 levels sum to 1.
"""
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from core_scripts.features import mulaw, pcm16
from sandbox.config_wavenet import WaveNetConfig

_MU = 255.0
_LOG_SCALES = (-12.0, 3.0)  # the finest level is 5e-6 wide on the companded axis, the whole axis 2
_FIRST_LOG_SCALE = -2.0
_BEYOND = 1e4  # stands for infinity: finite, so that no gradient is 0 * infinity
_FARTHEST = -1e8  # deviations; beyond 1e10 torch's derivative of log_ndtr overflows, where it no longer matters


class CategoricalHead:
    """Logits of mu-law codes, which enter the network by a table of vectors."""

    inverse_cdf = None  # generation draws from logits by itself

    def __init__(self, config: WaveNetConfig) -> None:
        self.outputs = self.levels = config.levels
        self._channels, self._has_bias = config.residual_channels, config.input_bias

    def build_input(self) -> nn.Module:
        """Codes (...) to vectors (..., R)."""
        return (BiasedEmbedding if self._has_bias else nn.Embedding)(self.levels, self._channels)

    def quantise(self, wave: Tensor) -> Tensor:
        return mulaw.encode(wave, self.levels)

    def dequantise(self, codes: Tensor) -> Tensor:
        return mulaw.decode(codes, self.levels)

    def code_widths(self) -> Tensor:
        """Amplitudes that share each code, (levels,) float64."""
        return mulaw.cell_widths(self.levels)

    def export(self, entry: nn.Embedding) -> dict[str, Any]:
        """The head's fields of the record that engines run; entry: what `build_input` gave, trained."""
        return {"embedding": entry(torch.arange(self.levels, device=entry.weight.device))}

    def nats(self, logits: Tensor, codes: Tensor) -> Tensor:
        """-ln P(code), (B, T), from logits (B, T, levels)."""
        return functional.cross_entropy(logits.transpose(1, 2), codes, reduction="none")


class SixteenBitHead:
    """Levels of 16-bit audio under a mixture of one family; they enter the network as one companded number.

    Outputs (..., 3 K) are log weights, means and log scales of K components, or without the weights for K = 1.
    """

    levels = pcm16.LEVELS

    def __init__(self, config: WaveNetConfig) -> None:
        self._family = _FAMILIES[config.head]
        self._components = config.mixtures if config.head == "logistics" else 1
        self._channels = config.residual_channels
        self.outputs = 3 * self._components if self._components > 1 else 2
        edges = (torch.arange(1, self.levels, dtype=torch.float64) - self.levels / 2 - 0.5) * pcm16.STEP
        beyond = edges.new_tensor([_BEYOND])
        self._borders = torch.cat([-beyond, compand(edges), beyond])

    def build_input(self) -> nn.Module:
        """Codes (...) to vectors (..., R)."""
        return CompandedInput(self._channels)

    def quantise(self, wave: Tensor) -> Tensor:
        return pcm16.encode(wave)

    def dequantise(self, codes: Tensor) -> Tensor:
        return pcm16.decode(codes)

    def code_widths(self) -> Tensor:
        """Amplitudes that share each code, (levels,) float64."""
        return torch.full((self.levels,), pcm16.STEP, dtype=torch.float64)

    def export(self, entry: "CompandedInput") -> dict[str, Any]:
        """As of `CategoricalHead`."""
        amplitudes = compand(pcm16.decode(torch.arange(self.levels)))
        return {"embedding": torch.stack([entry.scale.weight[:, 0], entry.scale.bias]), "amplitudes": amplitudes,
                "borders": self._borders[1:-1], "first_log_scale": _FIRST_LOG_SCALE, "log_scales": _LOG_SCALES}

    def nats(self, outputs: Tensor, codes: Tensor) -> Tensor:
        """-ln P(code), (B, T), from outputs (B, T, n); inside in float64, where narrow masses keep their digits."""
        log_weights, means, log_scales = self._split(outputs)
        borders = self._borders.to(outputs.device)
        lower, upper = ((borders[codes + side].unsqueeze(-1) - means) * torch.exp(-log_scales) for side in (0, 1))
        log_masses = self._family.log_mass(lower, upper)
        return -torch.logsumexp(log_weights + log_masses, -1).to(outputs.dtype)

    def inverse_cdf(self, outputs: Tensor, uniforms: Tensor, temperature: float) -> Tensor:
        """Codes (B,) from outputs (B, n) and one uniform number each: it picks a component, and what is left of it
        between the component's bounds is uniform again and goes through the inverse of that component's CDF.

        A temperature multiplies the scales and divides the log weights; 0 is the mean of the weightiest component.
        """
        log_weights, means, log_scales = self._split(outputs)
        if temperature == 0:
            points = _pick(means, log_weights.argmax(1))
        else:
            shares = torch.softmax(log_weights / temperature, 1)
            ends = shares.cumsum(1)
            thresholds = uniforms.double() * ends[:, -1]
            chosen = torch.searchsorted(ends, thresholds[:, None], right=True).squeeze(1).clamp(max=shares.shape[1] - 1)
            share = _pick(shares, chosen)
            rest = ((thresholds - _pick(ends, chosen) + share) / share).clamp(2.0**-60, 1 - 2.0**-53)
            scales = torch.exp(_pick(log_scales, chosen)) * temperature
            points = _pick(means, chosen) + scales * self._family.quantile(rest)
        return torch.bucketize(points, self._borders[1:-1].to(points.device), right=True)

    def _split(self, outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Normalised log weights, means and log scales, each (..., K) float64."""
        outputs = outputs.double()
        if self._components == 1:
            means, log_scales = outputs[..., -2:].chunk(2, -1)
            log_weights = torch.zeros_like(means)
        else:
            log_weights, means, log_scales = outputs.chunk(3, -1)
        return torch.log_softmax(log_weights, -1), means, (log_scales + _FIRST_LOG_SCALE).clamp(*_LOG_SCALES)


class BiasedEmbedding(nn.Module):
    """Codes (...) to vectors (..., R): a row of the table plus one vector, as of a convolution of one-hot codes."""

    def __init__(self, levels: int, channels: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(levels, channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    @property
    def weight(self) -> Tensor:
        """The vectors (levels, R) of all codes, as those of `nn.Embedding`; for reading."""
        return self.table + self.bias

    def forward(self, codes: Tensor) -> Tensor:
        return functional.embedding(codes, self.table) + self.bias


class CompandedInput(nn.Module):
    """16-bit codes (...) to vectors (..., R): the companded amplitude times a vector, plus another."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Linear(1, channels)

    def forward(self, codes: Tensor) -> Tensor:
        return self.scale(compand(pcm16.decode(codes)).to(self.scale.weight.dtype).unsqueeze(-1))


class Logistic:
    """F(z) = 1 / (1 + exp(-z))."""

    @staticmethod
    def log_mass(lower: Tensor, upper: Tensor) -> Tensor:
        """ln(F(upper) - F(lower)), by F(u) - F(l) = F(u) F(-l) (1 - exp(l - u)): no difference of close numbers."""
        return functional.logsigmoid(upper) + functional.logsigmoid(-lower) + torch.log(-torch.expm1(lower - upper))

    @staticmethod
    def quantile(share: Tensor) -> Tensor:
        """The inverse of F."""
        return torch.logit(share)


class Normal:
    """F is that of mean 0 and variance 1."""

    @staticmethod
    def log_mass(lower: Tensor, upper: Tensor) -> Tensor:
        """ln(F(upper) - F(lower)), on the side of the smaller tail, where F itself is small and exact."""
        flipped = lower + upper > 0
        low, high = torch.where(flipped, -upper, lower), torch.where(flipped, -lower, upper)
        top = torch.special.log_ndtr(high)
        return top + torch.log(-torch.expm1(torch.special.log_ndtr(low.clamp(min=_FARTHEST)) - top))

    @staticmethod
    def quantile(share: Tensor) -> Tensor:
        """The inverse of F."""
        return torch.special.ndtri(share)


_FAMILIES: dict[str, type[Logistic] | type[Normal]] = {"logistics": Logistic, "gaussian": Normal}
_BUILDERS: dict[str, Callable] = {"categorical": CategoricalHead, "logistics": SixteenBitHead,
                                  "gaussian": SixteenBitHead}


def build_head(config: WaveNetConfig) -> CategoricalHead | SixteenBitHead:
    """The head that `config.head` names."""
    return _BUILDERS[config.head](config)


def compand(wave: Tensor) -> Tensor:
    """Amplitudes in [-1, 1] on the axis of 8-bit mu-law, also in [-1, 1]."""
    return wave.sign() * torch.log1p(_MU * wave.abs()) / math.log1p(_MU)


def _pick(values: Tensor, columns: Tensor) -> Tensor:
    """values[b, columns[b]] for (B, K) and (B,)."""
    return values.gather(1, columns[:, None]).squeeze(1)
