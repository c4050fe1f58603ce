"""Mel-frequency cepstral coefficients with deltas as a module on the waveform (Davis and Mermelstein 1980)."""
import math

import torch
from torch import Tensor, nn

from core_scripts.errors import DataError
from core_scripts.features.config_mfcc import DELTA_FRAMES, MfccConfig
from core_scripts.features.framing import frame
from core_scripts.features.mel import LogMel


def dct_matrix(bands: int, coefficients: int) -> Tensor:
    """Columns of the orthonormal DCT-II, (bands, coefficients) float64: sums of squares 1, all at right angles."""
    band = torch.arange(bands, dtype=torch.float64)[:, None]
    order = torch.arange(coefficients, dtype=torch.float64)
    matrix = math.sqrt(2 / bands) * torch.cos(math.pi / bands * (band + 0.5) * order)
    matrix[:, 0] /= math.sqrt(2)
    return matrix


def delta_filters(frames: int) -> Tensor:
    """What slope and curvature take from each of an odd number of frames, (frames, 2) float64.

    Least squares over the frames: the slope of a straight line, and the second derivative of a parabola (Savitzky and
    Golay 1964 with polynomials of order 1 and 2), both at the middle frame, per frame and per frame squared.
    """
    time = torch.arange(frames, dtype=torch.float64) - frames // 2
    bend = time.square() - time.square().mean()
    return torch.stack([time / time.square().sum(), 2 * bend / bend.square().sum()], 1)


class Mfcc(nn.Module):
    """Cepstral coefficients, then their slopes, then their curvatures."""

    def __init__(self, config: MfccConfig) -> None:
        super().__init__()
        self.config = config
        self.log_mel = LogMel(config.mel)
        # Both follow from the configuration, so checkpoints need not hold them.
        self.register_buffer("dct", dct_matrix(config.bands, config.coefficients).float(), persistent=False)
        self.register_buffer("filters", delta_filters(DELTA_FRAMES).float(), persistent=False)

    def forward(self, wave: Tensor) -> Tensor:
        """wave: (B, T) or (T,) float, in [-1, 1]; returns (B, F, dim) or (F, dim).

        F = (T - window) // hop + 1, with deltas 8 fewer: `config.geometry` tells which samples aligned frames need.
        Raises: DataError if T is too short for one frame.
        """
        static = self.log_mel(wave) @ self.dct
        if not self.config.deltas:
            return static
        if static.shape[-2] < DELTA_FRAMES:
            needed = self.config.geometry.receptive_field()
            raise DataError(f"a waveform of {wave.shape[-1]} samples is shorter than one frame with its deltas, "
                            f"{needed}; take along at least {needed - wave.shape[-1]} more samples of context")
        neighbours = frame(static.transpose(-1, -2), DELTA_FRAMES, 1) @ self.filters  # (..., D, F, 2)
        middle = static[..., DELTA_FRAMES // 2 : -(DELTA_FRAMES // 2), :]
        return torch.cat([middle, *neighbours.transpose(-2, -3).unbind(-1)], -1)
