"""Which inputs an output of one operation needs, and where it sits: convolution, transposed convolution, framing.

All positions are absolute: output j of an operation means the same thing whatever crop it was computed from, and
`padding` shifts the numbering of the outputs, it never adds zeros. Formulas and drawings: docs/GEOMETRY.md.
"""
from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction

from core_scripts.errors import ConfigError
from core_scripts.geometry.span import Span, as_count, as_integer, check_fields


def ceil_div(dividend: int, divisor: int) -> int:
    """The smallest integer not below dividend / divisor."""
    return -(-dividend // divisor)


class Op(ABC):
    """One operation between two grids of positions. Shifting its outputs by whole periods shifts its inputs alike."""

    @abstractmethod
    def taps(self, j: int) -> range:
        """The inputs that output j is computed from, in ascending order, at least one."""

    @abstractmethod
    def gives(self, inp: Span) -> Span:
        """The outputs with all taps in `inp`: the same values as in an infinite signal. Empty if `inp` is too short."""

    @property
    @abstractmethod
    def rate(self) -> Fraction:
        """Outputs per input."""

    @abstractmethod
    def centre(self, j: int | Fraction) -> Fraction:
        """Where output j sits, in input positions, exactly; j may itself lie between two outputs."""

    def needs(self, out: Span) -> Span:
        """The inputs from the first to the last tap of these outputs. Raises: ConfigError if `out` is empty."""
        if out.is_empty:
            raise ConfigError(f"{self} is asked for the inputs of {out}, which is empty; ask for one output or more")
        return Span(self.taps(out.start)[0], self.taps(out.stop - 1)[-1] + 1)


@dataclass(frozen=True)
class Conv(Op):
    """Convolution: output j has the taps j * stride - padding + dilation * (0, 1, ..., kernel - 1).

    padding = dilation * (kernel - 1) is the causal one (the last tap is j), see `causal`; negative ones are allowed.
    Run the layer without padding: from the inputs [a, b) of `needs` it computes exactly `gives([a, b))`.
    Raises: ConfigError if kernel, stride or dilation is below 1.
    """

    kernel: int
    stride: int = 1
    dilation: int = 1
    padding: int = 0

    def __post_init__(self) -> None:
        check_fields(self, counts=("kernel", "stride", "dilation"))

    @property
    def reach(self) -> int:
        """Inputs from the first tap to the last, the first one not counted."""
        return self.dilation * (self.kernel - 1)

    def taps(self, j: int) -> range:
        first = j * self.stride - self.padding
        return range(first, first + self.reach + 1, self.dilation)

    def gives(self, inp: Span) -> Span:
        start = ceil_div(inp.start + self.padding, self.stride)
        last = (inp.stop - 1 + self.padding - self.reach) // self.stride
        return Span(start, max(start, last + 1))

    @property
    def rate(self) -> Fraction:
        return Fraction(1, self.stride)

    def centre(self, j: int | Fraction) -> Fraction:
        """The middle of the taps."""
        return Fraction(j) * self.stride - self.padding + Fraction(self.reach, 2)


@dataclass(frozen=True)
class TransposedConv(Op):
    """Transposed convolution: input i is spread over the outputs i * stride - padding + (0, 1, ..., kernel - 1).

    Only outputs with all their taps are ever given, kernel - stride - padding after the first that torch computes.
    Run the layer with torch's padding = kernel - stride, whatever `padding` says here: from the inputs [a, b) it
    computes exactly `gives([a, b))`.
    Raises: ConfigError if kernel or stride is below 1, or kernel < stride (some outputs would have no input at all).
    """

    kernel: int
    stride: int
    padding: int = 0

    def __post_init__(self) -> None:
        check_fields(self, counts=("kernel", "stride"))
        if self.kernel < self.stride:
            raise ConfigError(f"{self}: {self.stride - self.kernel} of every {self.stride} outputs have no input, "
                              f"because kernel < stride; take kernel >= {self.stride}")

    def taps(self, j: int) -> range:
        raw = j + self.padding
        return range(ceil_div(raw - self.kernel + 1, self.stride), raw // self.stride + 1)

    def gives(self, inp: Span) -> Span:
        start = (inp.start - 1) * self.stride + self.kernel - self.padding
        return Span(start, max(start, inp.stop * self.stride - self.padding))

    @property
    def rate(self) -> Fraction:
        return Fraction(self.stride)

    def centre(self, j: int | Fraction) -> Fraction:
        """The inverse of "input i sits in the middle of the outputs that it is spread over".

        The middle of the taps jumps by a whole input once per stride; this is the straight line through those jumps,
        and their mean over any `stride` outputs.
        """
        return (Fraction(j) + self.padding - Fraction(self.kernel - 1, 2)) / self.stride


@dataclass(frozen=True)
class Frame(Op):
    """Framing: frame i covers the samples [i * hop + offset, i * hop + offset + window).

    Raises: ConfigError if window or hop is below 1.
    """

    window: int
    hop: int
    offset: int = 0

    def __post_init__(self) -> None:
        check_fields(self, counts=("window", "hop"))

    @classmethod
    def aligned(cls, window: int, hop: int) -> "Frame":
        """Frames centred on their own samples: frame i on [i * hop, (i + 1) * hop), (window - hop) / 2 on each side.

        Raises: ConfigError if window - hop is odd.
        """
        window, hop = as_count("window", window), as_count("hop", hop)
        if (window - hop) % 2:
            raise ConfigError(f"window={window} and hop={hop}: window - hop = {window - hop} is odd, so that a frame "
                              f"cannot be centred on its hop; take window={window - 1} or window={window + 1}")
        return cls(window, hop, (hop - window) // 2)

    def taps(self, j: int) -> range:
        return range(j * self.hop + self.offset, j * self.hop + self.offset + self.window)

    def gives(self, inp: Span) -> Span:
        return Conv(self.window, self.hop, padding=-self.offset).gives(inp)

    @property
    def rate(self) -> Fraction:
        return Fraction(1, self.hop)

    def centre(self, j: int | Fraction) -> Fraction:
        """The middle of the window."""
        return Fraction(j) * self.hop + self.offset + Fraction(self.window - 1, 2)


def causal(kernel: int, dilation: int = 1) -> Conv:
    """Convolution whose last tap is the output's own position."""
    return Conv(kernel, dilation=dilation, padding=dilation * (kernel - 1))


def delay(steps: int) -> Conv:
    """Output j is input j - steps; negative steps look ahead."""
    return Conv(1, padding=as_integer("steps", steps))


def repeat(factor: int) -> TransposedConv:
    """Each input repeated `factor` times: input i makes the outputs [i * factor, (i + 1) * factor)."""
    return TransposedConv(factor, factor)


def linear(factor: int) -> TransposedConv:
    """Linear interpolation between inputs that sit in the middle of their `factor` outputs.

    The weights are the triangle 1 - |t - (kernel - 1) / 2| / factor, t = 0 ... kernel - 1. Its middle must fall on the
    grid of the outputs' distances, hence 2 * factor taps for an even factor and 2 * factor - 1 for an odd one (one tap
    more would be zero); padding is factor // 2 for both, and `centre` equals that of `repeat`.
    """
    factor = as_count("factor", factor)
    return TransposedConv(2 * factor - factor % 2, factor, factor // 2)
