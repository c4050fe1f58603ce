"""Level, clipping, DC offset, silence and tilt: what is wrong with a sound before anybody listens. No torch.

    level(x) = 20 log10 sqrt(mean x^2) dB relative to full scale; level error = level(output) - level(reference)
    clipping = share of samples with |x| >= 0.9999;  DC offset = mean x
    silence  = share of frames of 10 ms below -60 dB
    tilt     = slope, by least squares, of the mean power spectrum in dB over log2 of the frequency, 100 Hz to the top

Source: definitions; the frames of silence are those of the loudness measures of ITU-T P.56 without its hangover.
"""
import numpy as np
from scipy.signal.windows import hann

from core_scripts.evaluation.metric import (
    LOWER,
    NEITHER,
    ZERO,
    Family,
    Figure,
    Metric,
    Pair,
    figure_of,
    undefined,
)

FULL_SCALE = 0.9999  # the largest 16-bit amplitude is 0.99997
SILENCE_DB = -60.0
_FRAMES_PER_SECOND = 100
_TILT_FROM_HZ, _TILT_UP_TO = 100.0, 0.45  # share of the rate: what lies above is the resampler's
_FRAMES_AT_ONCE = 1024  # of a spectrum, to bound the memory
_SMALLEST_POWER = 1e-20

LEVEL_ERROR = Metric("level_error_db", "level error", "dB", ZERO, "RMS of the whole file, output minus reference",
                     "definition")
LEVEL = Metric("level_db", "level", "dB", NEITHER, "RMS of the whole file relative to full scale", "definition")
CLIPPING = Metric("clipping_share", "clipped samples", "", LOWER, f"|x| >= {FULL_SCALE}", "definition")
DC_OFFSET = Metric("dc_offset", "DC offset", "of full scale", ZERO, "mean of all samples", "definition")
SILENCE = Metric("silence_share", "silent frames", "", NEITHER, f"frames of 10 ms below {SILENCE_DB:g} dB",
                 "definition")
TILT = Metric("tilt_db_per_octave", "spectral tilt", "dB/octave", NEITHER,
              f"straight line through the mean power spectrum in dB over log2 f, {_TILT_FROM_HZ:g} Hz to "
              f"{_TILT_UP_TO:g} of the rate, frames of 32 ms", "definition")


def families_at(rate_hz: int) -> tuple[Family, ...]:
    """The error of the level, and what needs no reference."""
    return (Family((LEVEL_ERROR,), _level_error),
            Family((LEVEL, CLIPPING, DC_OFFSET, SILENCE, TILT), describe_output, needs_reference=False))


def level_db(wave: np.ndarray) -> float | None:
    """RMS of (N,) samples in dB relative to full scale; None for digital silence."""
    power = float(np.mean(np.square(wave))) if len(wave) else 0.0
    return None if power < _SMALLEST_POWER else 10.0 * float(np.log10(power))


def describe_output(pair: Pair) -> tuple[Figure, ...]:
    """Figures of LEVEL, CLIPPING, DC_OFFSET, SILENCE and TILT, of the output alone."""
    wave, count = pair.output, len(pair.output)
    level = level_db(wave)
    return (undefined("the output is silent") if level is None else figure_of(level, count),
            figure_of(np.mean(np.abs(wave) >= FULL_SCALE), count),
            figure_of(np.mean(wave), count),
            _silence_share(wave, pair.rate_hz),
            spectral_tilt(wave, pair.rate_hz))


def spectral_tilt(wave: np.ndarray, rate_hz: int) -> Figure:
    """Slope of the long-term spectrum in dB per octave; white noise has 0, voices about -6 to -12."""
    window = round(0.032 * rate_hz)
    if len(wave) < window:
        return undefined(f"a tilt needs {window} samples, there are {len(wave)}")
    bins_hz, power = np.fft.rfftfreq(window, 1.0 / rate_hz), mean_spectrum(wave, window)
    inside = (bins_hz >= _TILT_FROM_HZ) & (bins_hz <= _TILT_UP_TO * rate_hz)
    if inside.sum() < 2:
        return undefined(f"at {rate_hz} Hz there is no spectrum above {_TILT_FROM_HZ:g} Hz")
    if power[inside].max() < _SMALLEST_POWER:
        return undefined("the output is silent")
    decibels = 10.0 * np.log10(np.maximum(power[inside], _SMALLEST_POWER))
    return figure_of(np.polyfit(np.log2(bins_hz[inside]), decibels, 1)[0], int(inside.sum()))


def mean_spectrum(wave: np.ndarray, window: int) -> np.ndarray:
    """Mean power (window // 2 + 1,) of half overlapping Hann frames, each without its mean (Welch 1967).

    That of scipy.signal.welch up to a factor, four times as fast: every output that is generated is looked at.
    """
    frames_fn = np.lib.stride_tricks.sliding_window_view(wave, window)[:: window - window // 2]
    taper, total = hann(window, sym=False), np.zeros(window // 2 + 1)
    for first in range(0, len(frames_fn), _FRAMES_AT_ONCE):
        block_fn = frames_fn[first : first + _FRAMES_AT_ONCE]
        spectra = np.fft.rfft((block_fn - block_fn.mean(1, keepdims=True)) * taper)
        total += (spectra.real**2 + spectra.imag**2).sum(0)
    return total / (len(frames_fn) * (taper @ taper))


def _level_error(pair: Pair) -> tuple[Figure, ...]:
    levels = {kind: level_db(wave) for kind, wave in (("output", pair.output), ("reference", pair.reference))}
    silent = [kind for kind, level in levels.items() if level is None]
    if silent:
        return (undefined(f"the {' and the '.join(silent)} {'are' if len(silent) > 1 else 'is'} silent"),)
    return (figure_of(levels["output"] - levels["reference"], len(pair.output)),)


def frame_powers(wave: np.ndarray, rate_hz: int) -> np.ndarray:
    """Mean squares (F,) of frames of 10 ms that follow each other, the last one as long as it is."""
    size = max(1, rate_hz // _FRAMES_PER_SECOND)
    padded = np.pad(wave, (0, -len(wave) % size))
    sizes = np.minimum(size, len(wave) - size * np.arange(len(padded) // size))
    return np.square(padded).reshape(-1, size).sum(1) / sizes


def _silence_share(wave: np.ndarray, rate_hz: int) -> Figure:
    powers = frame_powers(wave, rate_hz)
    return figure_of(np.mean(powers < 10.0 ** (SILENCE_DB / 10.0)), len(powers))
