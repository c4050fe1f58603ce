"""How far samples and levels of a recording know of each other: what a receptive field must span. No torch."""
import numpy as np

from core_scripts.evaluation.lpc import solve_normal

INVERSE_E = float(np.exp(-1.0))
_FLOOR = 1e-10  # power of what counts as nothing
_WHITE_NOISE = 1.0 + 1e-6  # keeps the normal equations of nearly periodic sounds solvable
_FFT = 1024
_DYNAMIC_DB = 60.0  # below the strongest component the spectrum counts as empty


def autocorrelation(series: np.ndarray, lags: int) -> np.ndarray:
    """(lags,) correlations of a (T,) series with itself later, from lag 0 (1.0) on; NaN from lag T on.

    The mean is taken away, and sums are divided by the sum at lag 0 whatever the lag (so short series underestimate).
    A constant series has NaN only.
    """
    centred = series - series.mean(dtype=np.float64)
    kept = min(lags, len(series))
    spectrum = np.fft.rfft(centred, 1 << int(len(series) + kept).bit_length())
    sums = np.fft.irfft(np.square(np.abs(spectrum)))[:kept]
    found = np.full(lags, np.nan)
    if sums[0] > _FLOOR * len(series):
        found[:kept] = sums / sums[0]
    return found


def envelope(wave: np.ndarray, block: int) -> np.ndarray:
    """RMS of the whole blocks of `block` samples, the offset taken away."""
    blocks = (wave - wave.mean(dtype=np.float64))[:len(wave) // block * block].reshape(-1, block)
    return np.sqrt(np.einsum("bn,bn->b", blocks, blocks) / block)


def decay_length(correlations: np.ndarray) -> float | None:
    """Lag at which |correlation| first falls below 1/e, on the line between its neighbours; None: it never does."""
    sizes = np.abs(correlations[~np.isnan(correlations)])
    below = np.flatnonzero(sizes < INVERSE_E)
    if not len(below):
        return None
    first = int(below[0])
    high, low = sizes[first - 1], sizes[first]
    return first - 1 + float((high - INVERSE_E) / (high - low))


def linear_order(correlations: np.ndarray, samples: int, highest: int = 64) -> tuple[int, np.ndarray]:
    """How many past samples a linear predictor needs, and what is left of the power with 0, 1, ... of them.

    The least order whose error is within 1 % (0.007 bits per sample) of that of `highest`, or within what fitting
    so many coefficients to so few `samples` pretends to gain.
    """
    lags = correlations[:highest + 1][~np.isnan(correlations[:highest + 1])].copy()
    lags[0] *= _WHITE_NOISE
    errors = solve_normal(lags[None])[1][0]
    tolerance = 1.0 + max(0.01, 2 * highest / samples)
    return int(np.flatnonzero(errors <= tolerance * errors[-1])[0]), errors


def power_spectrum(wave: np.ndarray) -> np.ndarray:
    """(513,) mean power from 0 to half the rate (Welch 1967), of windows of 1024 samples; their sum is 1."""
    centred = wave - wave.mean(dtype=np.float64)
    padded = np.pad(centred, (0, max(0, _FFT - len(centred))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_FFT // 2]
    power = np.square(np.abs(np.fft.rfft(windows * np.hanning(_FFT), axis=1))).mean(axis=0)
    return power / max(power.sum(), _FLOOR)


def bandwidth(power: np.ndarray, rate_hz: int) -> float:
    """Highest frequency in Hz whose power is less than 60 dB under the strongest: lower than half the rate where a
    recording was made at a lower one."""
    strong = np.flatnonzero(10 * np.log10(np.maximum(power, 1e-30) / power.max()) > -_DYNAMIC_DB)
    return float(strong[-1] * rate_hz / 2 / (len(power) - 1))
