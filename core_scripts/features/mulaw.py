"""mu-law companding with any number of levels (ITU-T G.711's law, in the continuous form of van den Oord 2016)."""
import math

import torch
from torch import Tensor

from core_scripts.errors import ConfigError, DataError


def encode(wave: Tensor, levels: int) -> Tensor:
    """Codes, int64 in [0, levels), of a waveform of any shape in [-1, 1]; what lies outside is clipped.

    With mu = levels - 1: q = floor((sgn(x) ln(1 + mu |x|) / ln(1 + mu) + 1) / 2 * mu + 1/2).
    Raises: ConfigError for fewer than two levels, DataError if `wave` is not of a floating type.
    """
    mu = _largest_code(levels)
    if not wave.is_floating_point():
        raise DataError(f"mu-law encodes waveforms in [-1, 1], not {wave.dtype}; divide 16-bit samples by 32768")
    x = wave.to(torch.float32).clamp(-1.0, 1.0)
    companded = x.sign() * torch.log1p(mu * x.abs()) / math.log1p(mu)
    return torch.floor((companded + 1.0) * (mu / 2) + 0.5).to(torch.int64)


def decode(code: Tensor, levels: int) -> Tensor:
    """The waveform, float32 in [-1, 1], at the centres of the codes; `encode(decode(q)) == q` for every code.

    With mu = levels - 1: a = 2 q / mu - 1, x = sgn(a) ((1 + mu)**|a| - 1) / mu.
    Raises: ConfigError for fewer than two levels, DataError if `code` is not of an integer type.
    """
    mu = _largest_code(levels)
    if code.is_floating_point() or code.is_complex():
        raise DataError(f"mu-law decodes integer codes in [0, {levels}), not {code.dtype}")
    a = code.to(torch.float32) * (2.0 / mu) - 1.0
    return a.sign() * (torch.expm1(a.abs() * math.log1p(mu)) / mu).clamp(max=1.0)


def cell_widths(levels: int) -> Tensor:
    """Length of the interval of amplitudes that `encode` turns into each code, (levels,) float64; their sum is 2.

    The two outermost cells are cut off at -1 and 1, so they are half as wide as the law alone would have them.
    Raises: ConfigError for fewer than two levels.
    """
    mu = _largest_code(levels)
    borders = ((torch.arange(levels + 1, dtype=torch.float64) - 0.5) * (2.0 / mu) - 1.0).clamp(-1.0, 1.0)
    return (borders.sign() * torch.expm1(borders.abs() * math.log1p(mu)) / mu).diff()


def _largest_code(levels: int) -> int:
    if isinstance(levels, bool) or not isinstance(levels, int) or levels < 2:
        raise ConfigError(f"mu-law needs a whole number of at least 2 levels, not {levels!r}; 8 bits are 256")
    return levels - 1
