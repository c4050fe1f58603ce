"""Fundamental frequency and voicing: YIN (de Cheveigne and Kawahara 2002), and a path through its dips. No torch.

Suffixes: f frame, k lag, c candidate.
"""
from dataclasses import dataclass

import numpy as np
from scipy.signal import firwin, oaconvolve

from core_scripts.errors import ConfigError, DataError, all_faults
from core_scripts.geometry.ops import ceil_div

_LEAST_RATE_HZ = 4000  # the tracker divides the rate by a whole number and stays above twice this
_PASS_HZ = 1000.0  # YIN's low-pass: formants above tell nothing of the period
_TAPS_SECONDS = 0.006
_SMALLEST_POWER = 1e-12  # of a normalised signal: below it a frame counts as silent
_CANDIDATES = 6


@dataclass(frozen=True, kw_only=True)
class F0Config:
    """What the tracker looks for. The costs are in the unit of YIN's d': 0 for a perfect period, about 1 for noise.

    Raises: ConfigError, all faults together.
    """

    low_hz: float = 60.0
    high_hz: float = 400.0
    hop_seconds: float = 0.005
    window_seconds: float = 0.025  # integrated over, symmetric around the middle of the frame for every lag
    threshold: float = 0.35  # of d': frames without a deeper dip are unvoiced
    gate_db: float = 40.0  # frames this far below the loud ones are unvoiced
    octave_cost: float = 0.03  # per octave of lag: of equal dips the shorter period is meant
    jump_cost: float = 0.5  # per octave from frame to frame
    switch_cost: float = 0.2  # from voiced to unvoiced and back

    def __post_init__(self) -> None:
        faults = [f"{name}={value!r} must be above 0" for name, value in vars(self).items() if not value > 0]
        if not faults and self.low_hz * 1.5 > self.high_hz:
            faults.append(f"low_hz={self.low_hz:g} and high_hz={self.high_hz:g} leave no range; try 60 and 400")
        if faults:
            raise all_faults(ConfigError, "F0Config", faults)

    def __str__(self) -> str:
        return (f"YIN, {self.low_hz:g}-{self.high_hz:g} Hz, every {1000 * self.hop_seconds:g} ms, window "
                f"{1000 * self.window_seconds:g} ms, d' < {self.threshold:g}, gate {self.gate_db:g} dB")


DEFAULT_F0 = F0Config()


def track_f0(wave: np.ndarray, rate_hz: int, config: F0Config = DEFAULT_F0) -> np.ndarray:
    """F0 in Hz per frame, 0 where unvoiced, (F,) float64, F = ceil(N / hop).

    Frame f is centred on samples [f*hop, (f+1)*hop), as all features are; silence stands outside of the file. The
    level does not matter. With d(f, k) the sum over the window of (x[n] - x[n + k])^2, centred on the frame whatever
    the lag k, and d'(f, k) = k d(f, k) / sum_{j <= k} d(f, j) (the paper's eq. 6 and 8), the candidates are the dips of
    d', refined by a parabola; the cheapest path through them and "unvoiced" is the answer.
    wave: (N,) floating samples. Raises: DataError for other shapes or types, a rate too low, or samples not finite.
    """
    _check(wave, rate_hz, config)
    frames = ceil_div(len(wave), _hop(rate_hz, config))
    centred = wave - wave.mean() if len(wave) else wave
    largest = np.abs(centred).max(initial=0.0)
    if not largest > 0.0:
        return np.zeros(frames)
    slow, factor = _slow_down(centred / largest, rate_hz)
    middles = ((np.arange(frames) + 0.5) * _hop(rate_hz, config)) / factor
    slow_hz = rate_hz / factor
    d_fk, power_f = _differences(slow, middles, slow_hz, config)
    lags_fc, costs_fc = _candidates(d_fk, slow_hz, config)
    unvoiced_f = np.where(_is_loud(power_f, config), config.threshold, -np.inf)
    chosen = _cheapest_path(lags_fc, costs_fc, unvoiced_f, config)
    voiced = chosen < lags_fc.shape[1]
    lags = np.where(voiced, lags_fc[np.arange(frames), np.minimum(chosen, lags_fc.shape[1] - 1)], 1.0)
    return np.where(voiced, slow_hz / lags, 0.0)


def _hop(rate_hz: int, config: F0Config) -> int:
    return max(1, round(config.hop_seconds * rate_hz))


def _check(wave: np.ndarray, rate_hz: int, config: F0Config) -> None:
    if wave.ndim != 1 or not np.issubdtype(wave.dtype, np.floating):
        raise DataError(f"F0 is tracked in one channel of floating samples, not in {wave.ndim}-dimensional "
                        f"{wave.dtype}")
    least_hz = max(_LEAST_RATE_HZ, 8 * config.high_hz)
    if rate_hz < least_hz:
        raise DataError(f"F0 up to {config.high_hz:g} Hz needs a rate of {least_hz:g} Hz or more, not {rate_hz} Hz")
    if not np.isfinite(wave).all():
        raise DataError(f"{np.count_nonzero(~np.isfinite(wave))} of {len(wave)} samples are not finite")


def _slow_down(wave: np.ndarray, rate_hz: int) -> tuple[np.ndarray, int]:
    """Low-passed, every n-th sample of it, and n."""
    factor = max(1, rate_hz // (2 * _LEAST_RATE_HZ))
    taps = firwin(2 * round(_TAPS_SECONDS / 2 * rate_hz) + 1, _PASS_HZ, fs=rate_hz)
    return oaconvolve(wave, taps, mode="same")[::factor], factor


def _differences(wave: np.ndarray, middles: np.ndarray, rate_hz: float, config: F0Config
                 ) -> tuple[np.ndarray, np.ndarray]:
    """d'(f, k) for lags k = 0 ... rate / low_hz + 1, (F, K), and the mean power around each frame, (F,)."""
    lags = int(rate_hz / config.low_hz) + 2
    window = round(config.window_seconds * rate_hz)
    reach = lags + window
    padded = np.pad(wave, reach)
    first = np.round(middles + reach - window / 2).astype(np.int64)  # of the window where the lag is 0
    d_fk = np.zeros((len(middles), lags))
    for lag in range(1, lags):
        sums = np.concatenate([[0.0], np.cumsum(np.square(padded[lag:] - padded[:-lag]))])
        start = first - lag // 2
        d_fk[:, lag] = sums[start + window] - sums[start]
    sums = np.concatenate([[0.0], np.cumsum(np.square(padded))])
    power_f = (sums[first + window] - sums[first]) / window
    np.maximum(d_fk, 0.0, out=d_fk)  # the difference of two sums may fall below by rounding
    means = np.cumsum(d_fk[:, 1:], axis=1) / np.arange(1, lags)
    d_fk[:, 1:] = (d_fk[:, 1:] + window * _SMALLEST_POWER) / (means + window * _SMALLEST_POWER)
    d_fk[:, 0] = 1.0
    return d_fk, power_f


def _is_loud(power_f: np.ndarray, config: F0Config) -> np.ndarray:
    """Against the loudest tenth of the frames that are not silent."""
    heard = power_f[power_f > _SMALLEST_POWER]
    if not len(heard):
        return np.zeros(len(power_f), dtype=bool)
    return power_f > max(_SMALLEST_POWER, np.quantile(heard, 0.9) * 10.0 ** (-config.gate_db / 10.0))


def _candidates(d_fk: np.ndarray, rate_hz: float, config: F0Config) -> tuple[np.ndarray, np.ndarray]:
    """Lags of the deepest dips, refined, and what each costs, both (F, C); infinity where there are fewer."""
    lowest = max(1, int(rate_hz / config.high_hz))
    here, before, after = d_fk[:, lowest:-1], d_fk[:, lowest - 1 : -2], d_fk[:, lowest + 1 :]
    is_dip = (here <= before) & (here < after)
    octaves = np.log2(np.arange(lowest, lowest + here.shape[1]) / lowest)
    costs = np.where(is_dip, here + config.octave_cost * octaves, np.inf)
    count = min(_CANDIDATES, costs.shape[1])
    places = np.argpartition(costs, count - 1, axis=1)[:, :count]
    costs_fc = np.take_along_axis(costs, places, 1)
    low, mid, high = (np.take_along_axis(side, places, 1) for side in (before, here, after))
    bend = low - 2.0 * mid + high
    shift = np.where(bend > 0, 0.5 * (low - high) / np.where(bend > 0, bend, 1.0), 0.0)
    lags_fc = lowest + places + np.clip(shift, -0.5, 0.5)
    return lags_fc, np.where(lags_fc * config.high_hz < rate_hz, np.inf, costs_fc)


def _cheapest_path(lags_fc: np.ndarray, costs_fc: np.ndarray, unvoiced_f: np.ndarray, config: F0Config) -> np.ndarray:
    """The state of each frame, (F,): a candidate, or their number for unvoiced (Viterbi 1967)."""
    frames, count = lags_fc.shape
    octaves_fc = np.log2(lags_fc)
    steps = np.full((count + 1, count + 1), config.switch_cost)
    steps[count, count] = 0.0
    own = np.concatenate([costs_fc, unvoiced_f[:, None]], axis=1)
    own[np.isneginf(unvoiced_f), :count] = np.inf
    own[np.isneginf(unvoiced_f), count] = 0.0
    total, came = own[0], np.zeros((frames, count + 1), dtype=np.int64)
    for frame in range(1, frames):
        steps[:count, :count] = config.jump_cost * np.abs(octaves_fc[frame - 1][:, None] - octaves_fc[frame])
        ways = total[:, None] + steps
        came[frame] = ways.argmin(0)
        total = ways[came[frame], np.arange(count + 1)] + own[frame]
    chosen = np.zeros(frames, dtype=np.int64)
    chosen[-1] = total.argmin()
    for frame in range(frames - 1, 0, -1):
        chosen[frame - 1] = came[frame, chosen[frame]]
    return chosen
