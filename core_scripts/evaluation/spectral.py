"""Distances of magnitude spectra: log-mel L1, multi-resolution STFT, log-spectral distance.

Frames lie as those of all features: frame i is centred on samples [i*hop, (i+1)*hop), zeros outside of the file.

    log-mel L1      mean |ln M - ln M'| over frames and bands, M at least the floor (Kong et al. 2020, eq. 3's measure)
    convergence     |S - S'| / |S|, Frobenius norms, mean over three resolutions (Yamamoto et al. 2020, eq. 4)
    log magnitude   mean |ln S - ln S'|, mean over three resolutions (eq. 5)
    log-spectral    mean over frames of sqrt(mean over bins of (L - L')^2), L = 10 log10 of the power, in dB, at least
                    the floor; a sine of full scale has 0 dB (Gray and Markel 1976)

Mel and STFT sizes are the papers' (22.05 and 24 kHz), in seconds, at the rate of the pair.
"""
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from core_scripts.evaluation.metric import LOWER, Family, Figure, Metric, Pair, figure_of, undefined
from core_scripts.features.config_mel import MelConfig
from core_scripts.features.file_frames import file_frames
from core_scripts.features.framing import aligned_frames_count, frame
from core_scripts.geometry.ops import Frame
from core_scripts.geometry.span import Span

_MEL_RATE_HZ, _MEL_HOP, _MEL_TOP_HZ, _BANDS = 22050, 256, 8000.0, 80  # HiFi-GAN; its window is four hops
HEARD_FLOOR = 1e-3  # of mel magnitudes: white noise 52 dB below full scale; what lies under it is not listened to
_FULL_FLOOR = 1e-5
_STFT_RATE_HZ = 24000
_RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))  # fft, hop, window (Parallel WaveGAN)
_STFT_FLOOR = 1e-7**0.5  # Parallel WaveGAN clamps the power
_LSD_SECONDS = (0.010, 0.030)  # hop and window
_LSD_FLOOR_DB = -80.0
_FRAMES_AT_ONCE = 4096


@dataclass(frozen=True)
class Resolution:
    """Sizes of an STFT, in samples."""

    fft: int
    hop: int
    window: int

    def __str__(self) -> str:
        return f"{self.fft}/{self.hop}/{self.window}"


def families_at(rate_hz: int) -> tuple[Family, ...]:
    """Log-mel L1 at two floors, the two terms of the multi-resolution STFT, the log-spectral distance."""
    mel, three, lsd = mel_at(rate_hz), resolutions_at(rate_hz), lsd_resolution_at(rate_hz)
    sizes = (f"{mel.fft}/{mel.hop}/{mel.window} samples (fft/hop/window), {mel.bands} bands 0-{mel.top_hz:g} Hz, "
             f"magnitude")
    stft = ", ".join(map(str, three)) + f" samples (fft/hop/window), magnitude floor {_STFT_FLOOR:.2g}"
    heard = Metric("log_mel_l1", "log-mel L1", "nepers", LOWER, f"{sizes}, floor {HEARD_FLOOR:g}",
                   "Kong et al. 2020 (HiFi-GAN), its sizes in seconds")
    full = Metric("log_mel_l1_floor_1e_5", "log-mel L1, floor 1e-5", "nepers", LOWER, f"{sizes}, floor {_FULL_FLOOR:g}",
                  "Kong et al. 2020 (HiFi-GAN), its sizes in seconds")
    convergence = Metric("stft_convergence", "STFT convergence", "", LOWER, stft,
                         "Yamamoto et al. 2020, eq. 4, its sizes in seconds")
    magnitude = Metric("stft_log_magnitude", "STFT log magnitude", "nepers", LOWER, stft,
                       "Yamamoto et al. 2020, eq. 5, its sizes in seconds")
    spectral = Metric("log_spectral_distance_db", "log-spectral distance", "dB", LOWER,
                      f"{lsd} samples (fft/hop/window), floor {_LSD_FLOOR_DB:g} dB of a full-scale sine",
                      "Gray and Markel 1976")
    return (Family((heard, full), lambda pair: _log_mel_l1(pair, mel)),
            Family((convergence, magnitude), lambda pair: _multi_resolution(pair, three)),
            Family((spectral,), lambda pair: (_log_spectral_distance(pair, lsd),)))


def mel_at(rate_hz: int) -> MelConfig:
    """HiFi-GAN's mel frame with windows as long in seconds, up to 8 kHz or half the rate; its floor 1e-5.

    Below about 4 kHz the bands become fewer, so that each holds a bin.
    """
    hop = max(2, 2 * round(rate_hz * _MEL_HOP / _MEL_RATE_HZ / 2))
    return MelConfig(rate_hz=rate_hz, window=4 * hop, hop=hop, fft=_power_of_two(4 * hop),
                     bands=max(1, min(_BANDS, rate_hz // 50)), low_hz=0.0, high_hz=min(_MEL_TOP_HZ, rate_hz / 2),
                     floor=_FULL_FLOOR)


def resolutions_at(rate_hz: int) -> tuple[Resolution, ...]:
    """Parallel WaveGAN's three, as long in seconds."""
    scale = rate_hz / _STFT_RATE_HZ
    return tuple(_even(_power_of_two(round(fft * scale)), round(hop * scale), round(window * scale))
                 for fft, hop, window in _RESOLUTIONS)


def lsd_resolution_at(rate_hz: int) -> Resolution:
    """Windows of 30 ms every 10 ms."""
    hop, window = (round(seconds * rate_hz) for seconds in _LSD_SECONDS)
    return _even(_power_of_two(window), hop, window)


def magnitude_blocks(waves: tuple[np.ndarray, ...], size: Resolution) -> Iterator[tuple[Tensor, ...]]:
    """Magnitudes of a few thousand frames at a time, (F, fft // 2 + 1) float32, the same frames of each waveform (N,).

    All ceil(N / hop) frames of the file; periodic Hann window.
    """
    hann = torch.hann_window(size.window)
    geometry, file = Frame.aligned(size.window, size.hop), Span(0, len(waves[0]))
    frames = aligned_frames_count(len(waves[0]), size.hop)
    for start in range(0, frames, _FRAMES_AT_ONCE):
        needed = geometry.needs(Span(start, min(frames, start + _FRAMES_AT_ONCE)))
        inner = needed.intersect(file)
        pieces = [torch.from_numpy(wave[inner.start : inner.stop].astype(np.float32)) for wave in waves]
        yield tuple(torch.fft.rfft(frame(functional.pad(piece, needed.beyond(file)), size.window, size.hop) * hann,
                                   n=size.fft).abs() for piece in pieces)


def _log_mel_l1(pair: Pair, mel: MelConfig) -> tuple[Figure, ...]:
    reference, output = (file_frames(mel, wave).astype(np.float64) for wave in (pair.reference, pair.output))
    floors = [np.log(floor) for floor in (HEARD_FLOOR, _FULL_FLOOR)]
    return tuple(figure_of(np.abs(np.maximum(reference, floor) - np.maximum(output, floor)).mean(), len(reference))
                 for floor in floors)


def _multi_resolution(pair: Pair, sizes: tuple[Resolution, ...]) -> tuple[Figure, ...]:
    convergences, magnitudes, frames = [], [], 0
    for size in sizes:
        sums, bins = torch.zeros(3, dtype=torch.float64), 0  # of |S - S'|^2, |S|^2 and |ln S - ln S'|
        for reference, output in magnitude_blocks((pair.reference, pair.output), size):
            reference, output = (one.double().clamp(min=_STFT_FLOOR) for one in (reference, output))
            sums += torch.stack([(reference - output).square().sum(), reference.square().sum(),
                                 (reference / output).log().abs().sum()])
            bins += reference.numel()
        convergences.append(float((sums[0] / sums[1]).sqrt()))
        magnitudes.append(float(sums[2] / bins))
        frames += bins // (size.fft // 2 + 1)
    convergence = figure_of(np.mean(convergences), frames) if pair.reference.any() else \
        undefined("the reference is silent")
    return convergence, figure_of(np.mean(magnitudes), frames)


def _log_spectral_distance(pair: Pair, size: Resolution) -> Figure:
    full_scale_db = 20.0 * np.log10(size.window / 4.0)  # Hann: half the window's length, and half the sine's amplitude
    total, frames = 0.0, 0
    for block in magnitude_blocks((pair.reference, pair.output), size):
        reference, output = ((20.0 * one.double().clamp(min=1e-20).log10() - full_scale_db).clamp(min=_LSD_FLOOR_DB)
                             for one in block)
        total += float((reference - output).square().mean(1).sqrt().sum())
        frames += len(reference)
    return figure_of(total / frames, frames) if frames else undefined("there is no frame")


def _power_of_two(size: int) -> int:
    return 1 << max(3, (size - 1).bit_length())


def _even(fft: int, hop: int, window: int) -> Resolution:
    """The hop at least 1; the window as near to what is asked as an even window - hop allows, so that frames centre."""
    hop = max(1, hop)
    window = max(hop + 2, window)
    return Resolution(fft, hop, window - (window - hop) % 2)
