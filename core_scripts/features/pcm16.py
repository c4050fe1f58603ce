"""The 65,536 levels of 16-bit audio as codes: 0 is -1, 32768 is silence. Files of 16 bits keep every sample."""
import torch
from torch import Tensor

from core_scripts.errors import DataError

LEVELS = 2**16
STEP = 2.0**-15  # from one level to the next, as an amplitude; 16-bit files divide by 32768


def encode(wave: Tensor) -> Tensor:
    """Codes, int64 in [0, 65536), nearest to a waveform of any shape in [-1, 1]; what lies outside is clipped.

    Raises: DataError if `wave` is not of a floating type.
    """
    if not wave.is_floating_point():
        raise DataError(f"16-bit codes are made of waveforms in [-1, 1], not {wave.dtype}; divide samples by 32768")
    return (torch.round(wave / STEP).to(torch.int64) + LEVELS // 2).clamp(0, LEVELS - 1)


def decode(code: Tensor) -> Tensor:
    """The waveform, float32 in [-1, 1); `encode(decode(q)) == q` for every code.

    Raises: DataError if `code` is not of an integer type.
    """
    if code.is_floating_point() or code.is_complex():
        raise DataError(f"16-bit audio decodes integer codes in [0, {LEVELS}), not {code.dtype}")
    return (code - LEVELS // 2).to(torch.float32) * STEP
