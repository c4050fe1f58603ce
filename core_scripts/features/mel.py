"""Log-mel spectrogram as a module: framing, Hann window, FFT magnitude, triangular filters, logarithm.

Suffixes: b batch, f frame, n sample of a frame.
"""
import torch
from torch import Tensor, nn

from core_scripts.features.config_mel import MelConfig
from core_scripts.features.framing import frame


def mel_filters(config: MelConfig) -> Tensor:
    """Triangular filters of area one in Hz (Slaney's norm), (bands, fft // 2 + 1) float64."""
    edges = torch.tensor(config.band_edges_hz(), dtype=torch.float64)
    bins_hz = torch.arange(config.fft // 2 + 1, dtype=torch.float64) * (config.rate_hz / config.fft)
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (bins_hz - left) / (centre - left)
    falling = (right - bins_hz) / (right - centre)
    return torch.minimum(rising, falling).clamp(min=0.0) * (2.0 / (right - left))


class LogMel(nn.Module):
    """Natural logarithm of mel magnitudes, never below `config.silence`."""

    def __init__(self, config: MelConfig) -> None:
        super().__init__()
        self.config = config
        # Both follow from the configuration, so checkpoints need not hold them.
        self.register_buffer("hann", torch.hann_window(config.window, dtype=torch.float64).float(), persistent=False)
        self.register_buffer("filters", mel_filters(config).float(), persistent=False)

    def forward(self, wave: Tensor) -> Tensor:
        """wave: (B, T) or (T,) float, in [-1, 1]; returns (B, F, bands) or (F, bands), F = (T - window) // hop + 1.

        Only frames inside the waveform: `config.geometry` tells which samples aligned frames need.
        Raises: DataError if T is shorter than one window.
        """
        frames_bfn = frame(wave, self.config.window, self.config.hop) * self.hann
        magnitudes = torch.fft.rfft(frames_bfn, n=self.config.fft).abs()
        return torch.log((magnitudes @ self.filters.T).clamp(min=self.config.floor))
