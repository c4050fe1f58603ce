"""The WaveNet as a record: sizes and geometry only, so that configurations never import torch."""
import math
from dataclasses import dataclass, fields
from typing import Any

from core_scripts.errors import ConfigError, all_faults, did_you_mean
from core_scripts.geometry.chain import Chain, context
from core_scripts.geometry.ops import Conv, TransposedConv, causal, delay, linear, repeat
from core_scripts.geometry.span import Span

UPSAMPLE_MODES = ("repeat", "linear", "transposed")
HEADS = ("categorical", "logistics", "gaussian")
_PCM_LEVELS = 2**16
_LARGEST_BITS = 16
_SWITCHES = ("input_bias", "skip_bias", "plain_biases")
_MAY_BE_0 = ("codes", "cond_channels", "global_channels")


@dataclass(frozen=True, kw_only=True)
class WaveNetConfig:
    """An autoregressive model of samples, conditioned on frames (van den Oord et al. 2016, sections 2.1-2.5).

    Hidden position u sees the samples before u and predicts sample u. Conditioning frame i belongs to samples
    [i*hop, (i+1)*hop) and reaches them by one of

        repeat      the frame itself
        linear      the straight line between the centres of two neighbouring frames
        transposed  learned transposed convolutions, one stage per factor, each output a sum over `upsample_taps`
                    inputs; the number is odd so that a stage turns input i into outputs [i*s, (i+1)*s) exactly centred

    Without frames (cond_channels=0) only what is the same for a whole utterance conditions, or nothing at all.

    The head says what is predicted: `categorical` 2**bits mu-law codes by a logit each, `logistics` 16-bit samples by a
    mixture of `mixtures` logistic distributions, `gaussian` 16-bit samples by one normal distribution.

    Raises: ConfigError, all faults together.
    """

    layers: int = 20  # gated layers
    dilation_cycle: int = 10  # dilations 1, 2, ..., 2**9, then again
    kernel_size: int = 2
    residual_channels: int = 32
    gate_channels: int = 32  # after tanh * sigmoid
    skip_channels: int = 128
    post_channels: int = 256
    head: str = "categorical"
    bits: int = 8  # 2**bits mu-law levels of the categorical head; the others have 16 bits
    codes: int = 0  # mu-law levels where they are no power of two; 0: 2**bits
    mixtures: int = 10  # components of the logistics head
    cond_channels: int = 80  # values per conditioning frame; 0: there are none
    global_channels: int = 0  # values beside each frame that are the same for a whole utterance, as of a speaker
    hop: int = 80  # samples per conditioning frame
    upsample: str = "repeat"
    upsample_factors: tuple[int, ...] = ()  # stages of the transposed mode, product = hop; empty: chosen from hop
    upsample_taps: int = 3
    input_bias: bool = False  # a vector beside the table of the codes' vectors, as where one-hot codes are convolved
    skip_bias: bool = True  # of the sum of all skips
    plain_biases: bool = False  # as most repositories count: each skip and residual projection has a bias, gates have
    #                             none, and the last layer too has a residual, which leads nowhere

    def __post_init__(self) -> None:
        if isinstance(self.upsample_factors, list):  # as YAML and JSON have it
            object.__setattr__(self, "upsample_factors", tuple(self.upsample_factors))
        faults = self._size_faults() or self._fit_faults()
        if faults:
            raise all_faults(ConfigError, "WaveNetConfig", faults)

    @property
    def levels(self) -> int:
        """Number of codes."""
        return self.codes or 2**self.bits if self.head == "categorical" else _PCM_LEVELS

    @property
    def condition_channels(self) -> int:
        """Values per frame as the network gets them, those of the whole utterance behind those of the frame."""
        return self.cond_channels + self.global_channels

    @property
    def dilations(self) -> tuple[int, ...]:
        """One per layer."""
        return tuple(2 ** (layer % self.dilation_cycle) for layer in range(self.layers))

    @property
    def factors(self) -> tuple[int, ...]:
        """Stages of the transposed mode as they are used."""
        return tuple(self.upsample_factors) or choose_factors(self.hop)

    @property
    def receptive_field(self) -> int:
        """Number of past samples that one prediction sees: 1 + sum of (kernel_size - 1) * dilation."""
        return self.stack_geometry().receptive_field()

    def stack_geometry(self) -> Chain:
        """From waveform samples to hidden positions: one step of delay, then the causal layers."""
        return Chain((delay(1), *self._layer_geometry()))

    def upsample_geometry(self) -> Chain:
        """From conditioning frames to sample positions."""
        if self.upsample == "repeat":
            return Chain((repeat(self.hop),))
        if self.upsample == "linear":
            return Chain((linear(self.hop),))
        return Chain(tuple(self._stage(factor) for factor in self.factors))

    def condition_geometry(self) -> Chain:
        """From conditioning frames to hidden positions.

        Every layer reads the conditioning at its own output positions only, so the taps of the first layer need none.
        """
        return Chain((self.upsample_geometry(), self.layers_geometry()))

    def layers_geometry(self) -> Chain:
        """From conditioning at sample positions to hidden positions, without the first layer."""
        return Chain(self._layer_geometry()[1:])

    def condition_span(self, out: Span) -> Span:
        """Sample positions whose conditioning the predictions `out` need."""
        return self.condition_geometry().spans(out)[len(self.upsample_geometry().ops)]

    def frame_context(self) -> tuple[int, int]:
        """Extra frames (left, right) beyond [a/hop, ceil(b/hop)) that predictions [a, b), a multiple of hop, need."""
        return context(self.condition_geometry(), self.hop)

    def wave_context(self) -> tuple[int, int]:
        """Extra samples (left, right) beyond [a, b) that teacher-forced training on [a, b) needs."""
        return context(self.stack_geometry(), 1)

    def _layer_geometry(self) -> tuple[Conv, ...]:
        return tuple(causal(self.kernel_size, dilation) for dilation in self.dilations)

    def _stage(self, factor: int) -> TransposedConv:
        return TransposedConv(self.upsample_taps * factor, factor, (self.upsample_taps - 1) // 2 * factor)

    def _size_faults(self) -> list[str]:
        sizes = [field.name for field in fields(self) if field.type in (int, "int") and field.name not in _MAY_BE_0]
        faults = [f"{name}={getattr(self, name)!r} must be a whole number of at least 1"
                  for name in sizes if not _is_count(getattr(self, name))]
        faults += [f"{name}={getattr(self, name)!r} must be a whole number of at least 0"
                   for name in _MAY_BE_0 if not _is_count(getattr(self, name)) and getattr(self, name) != 0]
        faults += [f"{name}={getattr(self, name)!r} must be true or false" for name in _SWITCHES
                   if not isinstance(getattr(self, name), bool)]
        if not isinstance(self.upsample_factors, tuple) or not all(map(_is_count, self.upsample_factors)):
            faults.append(f"upsample_factors={self.upsample_factors!r} must be a list of whole numbers of at least 1")
        return faults

    def _fit_faults(self) -> list[str]:
        faults = []
        if self.kernel_size < 2:
            faults.append(f"kernel_size={self.kernel_size} sees no past; take 2 or more")
        if self.head not in HEADS:
            near = did_you_mean(str(self.head), HEADS)
            faults.append(f"head={self.head!r} is unknown{near} (there are {', '.join(HEADS)})")
        elif self.input_bias and self.head != "categorical":
            faults.append(f"input_bias=True is for codes with a vector each, and head={self.head!r} has none; leave it "
                          f"out, or take head=categorical")
        if self.bits > _LARGEST_BITS:
            faults.append(f"bits={self.bits} is more than {_LARGEST_BITS}; mu-law WaveNets use 8 to 10")
        if self.codes == 1:
            faults.append("codes=1: with one code there is nothing to predict; take 2 or more, or 0 for 2**bits")
        if self.codes > 2**_LARGEST_BITS or self.codes and self.head != "categorical":
            faults.append(f"codes={self.codes} is for the categorical head, of at most {2**_LARGEST_BITS} codes")
        if self.layers % self.dilation_cycle:
            fewer = self.layers - self.layers % self.dilation_cycle or self.dilation_cycle
            cycle = math.gcd(self.layers, self.dilation_cycle) if fewer <= self.layers else self.layers
            faults.append(f"layers={self.layers} is not a multiple of dilation_cycle={self.dilation_cycle}; "
                          f"take layers={fewer} or dilation_cycle={cycle}")
        return faults + self._upsample_faults()

    def _upsample_faults(self) -> list[str]:
        faults = []
        if self.upsample not in UPSAMPLE_MODES:
            near = did_you_mean(str(self.upsample), UPSAMPLE_MODES)
            faults.append(f"upsample={self.upsample!r} is unknown{near} (there are {', '.join(UPSAMPLE_MODES)})")
        product = math.prod(self.upsample_factors)
        if self.upsample_factors and product != self.hop:
            written = " * ".join(map(str, self.upsample_factors))
            faults.append(f"hop={self.hop} is not the product of upsample_factors, {written} = {product}; "
                          f"take hop={product} or upsample_factors={choose_factors(self.hop)}")
        if self.upsample_taps % 2 == 0:
            faults.append(f"upsample_taps={self.upsample_taps} is even, frames would not stay centred on their "
                          f"samples; take {self.upsample_taps - 1} or {self.upsample_taps + 1}")
        return faults


def choose_factors(hop: int) -> tuple[int, ...]:
    """Stages with product `hop`, largest first: its prime factors, with pairs of twos joined to fours."""
    factors, rest, prime = [], hop, 2
    while rest > 1:
        while rest % prime == 0:
            factors.append(prime)
            rest //= prime
        prime += 1
    twos = factors.count(2)
    joined = [4] * (twos // 2) + [2] * (twos % 2) + [factor for factor in factors if factor != 2]
    return tuple(sorted(joined, reverse=True)) or (1,)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


WAVENET_PRESETS = {
    "small": WaveNetConfig(),
    "standard": WaveNetConfig(layers=30, residual_channels=64, gate_channels=64, skip_channels=256),
}
