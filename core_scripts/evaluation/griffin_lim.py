"""A waveform for log-mel or cepstral frames without learning: the baseline of every vocoder.

Cepstra are turned into log-mel frames by the transposed DCT (coefficients that were left out count as 0, deltas are not
used), those into magnitudes of an STFT by non-negative least squares, and phases are found by Griffin and Lim's method
(1984) with momentum (Perraudin, Balazs and Søndergaard 2013). Frames lie as those of all features, frame i centred on
samples [i*hop, (i+1)*hop). Equal frames give equal waveforms.
"""
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from core_scripts import streams
from core_scripts.constants import STREAM_EVALUATION
from core_scripts.errors import DataError
from core_scripts.features.config_mel import MelConfig
from core_scripts.features.config_mfcc import MfccConfig
from core_scripts.features.feature_record import FeatureRecord
from core_scripts.features.framing import frame
from core_scripts.features.mel import mel_filters
from core_scripts.features.mfcc import dct_matrix

ITERATIONS = 32  # of phases, librosa's number
_MOMENTUM = 0.99
_FITS = 100  # of magnitudes; more change the spectra by less than a tenth of a dB
_SMALLEST = 1e-8


def invert_frames(front_end: FeatureRecord, frames: np.ndarray) -> np.ndarray:
    """(F, dim) frames of `front_end` -> (F * hop,) float64 waveform.

    Raises: DataError for frames of another dim, or of a feature that cannot be inverted.
    """
    if frames.ndim != 2 or frames.shape[1] != front_end.dim:
        raise DataError(f"frames have shape {frames.shape}, those of {front_end.formula} have {front_end.dim} columns")
    mel, log_mel = _log_mel(front_end, torch.from_numpy(frames).double())
    return find_phases(fit_magnitudes(mel, log_mel.exp()), mel).numpy() if len(frames) else np.zeros(0)


def fit_magnitudes(mel: MelConfig, bands: Tensor) -> Tensor:
    """(F, bands) mel magnitudes -> (F, fft // 2 + 1) magnitudes that have about those, none negative.

    Multiplicative updates (Lee and Seung 2001), which keep signs.
    """
    filters = _filters(mel)
    wanted, gram = bands @ filters, filters.T @ filters
    found = bands @ (filters / filters.sum(1, keepdim=True).clamp(min=_SMALLEST)) + _SMALLEST
    for _ in range(_FITS):
        found = found * wanted / (found @ gram).clamp(min=_SMALLEST**2)
    return found


def find_phases(magnitudes: Tensor, mel: MelConfig) -> Tensor:
    """(F, fft // 2 + 1) magnitudes -> (F * hop,) waveform whose STFT has about these."""
    stft = _Stft(mel, len(magnitudes))
    turns = streams.uniforms(1, STREAM_EVALUATION, count=magnitudes.numel())
    phases = torch.polar(torch.ones_like(magnitudes), 2 * torch.pi * torch.from_numpy(turns).view_as(magnitudes))
    before = torch.zeros_like(phases)
    for _ in range(ITERATIONS):
        rebuilt = stft.analyse(stft.synthesise(magnitudes * phases))
        phases = rebuilt - _MOMENTUM / (1 + _MOMENTUM) * before
        phases = phases / phases.abs().clamp(min=_SMALLEST)
        before = rebuilt
    return stft.inside(stft.synthesise(magnitudes * phases))


class _Stft:
    """Between (F, bins) spectra and the samples that F frames reach, (window - hop) / 2 beyond the file on both sides.
    """

    def __init__(self, mel: MelConfig, frames: int) -> None:
        self._mel, self._frames = mel, frames
        self._hann = torch.hann_window(mel.window, dtype=torch.float64)
        weights = self._add(self._hann.square().expand(frames, -1))
        self._weights = weights.clamp(min=1e-3 * float(weights.max()))  # at the very ends windows are almost zero

    def analyse(self, wave: Tensor) -> Tensor:
        return torch.fft.rfft(frame(wave, self._mel.window, self._mel.hop) * self._hann, n=self._mel.fft)

    def synthesise(self, spectra: Tensor) -> Tensor:
        pieces = torch.fft.irfft(spectra, n=self._mel.fft)[:, : self._mel.window] * self._hann
        return self._add(pieces) / self._weights

    def inside(self, wave: Tensor) -> Tensor:
        """The samples of the file."""
        first = max(0, -self._mel.geometry.offset)
        return wave[first : first + self._frames * self._mel.hop]

    def _add(self, pieces: Tensor) -> Tensor:
        size = (self._frames - 1) * self._mel.hop + self._mel.window
        columns = pieces.T[None]
        return functional.fold(columns, (1, size), (1, self._mel.window), stride=(1, self._mel.hop)).reshape(-1)


def _log_mel(front_end: FeatureRecord, frames: Tensor) -> tuple[MelConfig, Tensor]:
    if isinstance(front_end, MelConfig):
        return front_end, frames
    if isinstance(front_end, MfccConfig):
        dct = dct_matrix(front_end.bands, front_end.coefficients)
        return front_end.mel, frames[:, : front_end.coefficients] @ dct.T
    raise DataError(f"no way back from frames of {front_end.formula} is known; log-mel frames and cepstra have one")


@cache
def _filters(mel: MelConfig) -> Tensor:
    return mel_filters(mel)
