"""A waveform for MFCC without a network: Griffin and Lim's, the baseline of benchmarks that invert features.

The cepstrum's transform back to log-mel bands, the coefficients that are not there taken as 0; non-negative magnitudes
whose bands these are, by multiplicative updates (Lee and Seung 2001); phases by Griffin and Lim (1984), eq. 7.
"""
import numpy as np
import torch
from torch import Tensor

from core_scripts.features.config_mfcc import MfccConfig
from core_scripts.features.framing import aligned_frames_count, frame
from core_scripts.features.mel import mel_filters
from core_scripts.features.mfcc import dct_matrix
from core_scripts.geometry.span import Span

ITERATIONS, UPDATES, SEED = 32, 50, 1
_SMALLEST = 1e-12
_LEAST_WEIGHT = 1e-3  # of a sample in the sum of squared windows: those at the outer edges have next to none


def file_frames(mfcc: MfccConfig, wave: np.ndarray) -> np.ndarray:
    """All frames (ceil(N / hop), dim) of a waveform (N,) that goes on with silence on both sides."""
    needed = mfcc.geometry.needs(Span(0, aligned_frames_count(len(wave), mfcc.hop)))
    edges = needed.beyond(Span(0, len(wave)))
    samples = torch.nn.functional.pad(torch.from_numpy(np.asarray(wave, dtype=np.float32)), edges)
    return mfcc.build()(samples).numpy()


def invert_mfcc(frames: np.ndarray, samples: int, mfcc: MfccConfig) -> np.ndarray:
    """A waveform (samples,) float64 for the static coefficients of frames (F, dim), F = ceil(samples / hop)."""
    static = torch.from_numpy(frames[:, : mfcc.coefficients]).double()
    magnitudes = spread_bands(torch.exp(static @ dct_matrix(mfcc.bands, mfcc.coefficients).T), mel_filters(mfcc.mel))
    window = torch.hann_window(mfcc.window, dtype=torch.float64)
    generator = torch.Generator().manual_seed(SEED)
    turns = torch.rand(magnitudes.shape, generator=generator, dtype=torch.float64)
    phases = torch.exp(2j * torch.pi * turns)
    for _ in range(ITERATIONS):
        wave = overlap_add(magnitudes * phases, window, mfcc)
        spectra = torch.fft.rfft(frame(wave, mfcc.window, mfcc.hop) * window, n=mfcc.fft)
        phases = spectra / spectra.abs().clamp(min=_SMALLEST)
    skipped = (mfcc.window - mfcc.hop) // 2  # of the first window, before the file
    return overlap_add(magnitudes * phases, window, mfcc)[skipped : skipped + samples].numpy()


def spread_bands(bands: Tensor, filters: Tensor) -> Tensor:
    """Magnitudes (F, bins), none negative, whose products with filters (bands, bins) are near `bands` (F, bands)."""
    found = (bands @ torch.linalg.pinv(filters).T).clamp(min=1e-8)
    for _ in range(UPDATES):
        found = found * (bands @ filters) / (found @ filters.T @ filters).clamp(min=_SMALLEST)
    return found


def overlap_add(spectra: Tensor, window: Tensor, mfcc: MfccConfig) -> Tensor:
    """The waveform whose windowed frames are nearest, by least squares, to those of the spectra (F, bins)."""
    pieces = torch.fft.irfft(spectra, n=mfcc.fft)[:, : mfcc.window] * window
    length = (len(spectra) - 1) * mfcc.hop + mfcc.window
    total, weight = torch.zeros(length, dtype=torch.float64), torch.zeros(length, dtype=torch.float64)
    for place, piece in enumerate(pieces):
        own = slice(place * mfcc.hop, place * mfcc.hop + mfcc.window)
        total[own] += piece
        weight[own] += window.square()
    return total / weight.clamp(min=_LEAST_WEIGHT)
