"""What a short look at one sound tells: the figures of `level`, and how its energy moves along the time.

    envelope = levels of frames of 10 ms in dB, not below 50 dB under the loudest one, averaged over 5 frames
    movement = standard deviation of the envelope
    floor    = the level that a tenth of the frames stays below, minus the level of the whole file
    end      = the share of the file after which no frame comes up to 40 dB under the loudest one
    follows  = correlation of two envelopes over the frames that both have

Source: definitions.
"""
from dataclasses import dataclass

import numpy as np

from core_scripts.evaluation.level import (
    CLIPPING,
    DC_OFFSET,
    LEVEL,
    SILENCE,
    TILT,
    describe_output,
    frame_powers,
    level_db,
)
from core_scripts.evaluation.metric import (
    HIGHER,
    NEITHER,
    Family,
    Figure,
    Metric,
    Pair,
    figure_of,
    make_pair,
    undefined,
)
from core_scripts.evaluation.sound_files import Wave

_FRAME_SECONDS = 0.01
_RANGE_DB, _AUDIBLE_DB = 50.0, 40.0
_SMOOTH_FRAMES = 5
_LEAST_FRAMES = 20  # fewer move too little to tell anything
_SMALLEST_POWER = 1e-12
_RATES_HZ = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000)  # that are mistaken for one another
_LARGEST_FACTOR = 3.0

MOVEMENT = Metric("movement_db", "movement of the level", "dB", NEITHER,
                  "standard deviation of the levels of 10 ms, over 50 dB, averaged over 5", "definition")
FLOOR = Metric("floor_db", "level of the pauses", "dB", NEITHER,
               "10th percentile of the levels of 10 ms minus the level of the file", "definition")
END = Metric("end_share", "last sound, as share of the file,", "", HIGHER,
             "last 10 ms that come up to 40 dB under the loudest", "definition")


@dataclass(frozen=True, eq=False)
class SoundFacts:
    """Figures by the keys of their metrics, and the envelope (F,) in dB; of too short or silent sounds without one."""

    figures: dict[str, Figure]
    envelope: np.ndarray
    rate_hz: int

    def value(self, metric: Metric) -> float | None:
        return self.figures[metric.key].value


def look_at(name: str, sound: Wave) -> SoundFacts:
    """The facts of one waveform. Raises: DataError if it is none."""
    pair = make_pair(name, None, sound)
    return SoundFacts(_QUICK.measure(pair), envelope_of(pair.output, pair.rate_hz), pair.rate_hz)


def envelope_of(wave: np.ndarray, rate_hz: int) -> np.ndarray:
    """(F,) in dB; empty for silence and for less than 0.2 s."""
    return _envelope(_levels(wave, rate_hz))


def _envelope(levels: np.ndarray) -> np.ndarray:
    if len(levels) < _LEAST_FRAMES or levels.max() <= 10.0 * np.log10(_SMALLEST_POWER):
        return np.zeros(0)
    return np.convolve(np.maximum(levels, levels.max() - _RANGE_DB), np.ones(_SMOOTH_FRAMES) / _SMOOTH_FRAMES, "valid")


def correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    """Of the positions that both (N,) and (M,) have; None where one of them does not change there."""
    shared = min(len(one), len(other))
    if shared < 2:
        return None
    one, other = (part[:shared] - part[:shared].mean() for part in (one, other))
    spread = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / spread if spread > 1e-9 * shared else None


def speed_of(envelope: np.ndarray, source: np.ndarray) -> tuple[float, float]:
    """(factor, correlation): how many times as fast as its source an envelope runs, of the factors that mistaken
    rates have, the one at which it follows best.
    """
    found = []
    for factor in sorted({one / other for one in _RATES_HZ for other in _RATES_HZ}):
        if factor == 1.0 or not 1 / _LARGEST_FACTOR <= factor <= _LARGEST_FACTOR:
            continue
        places = np.arange(min(len(envelope), int(len(source) / factor))) * factor
        follows = correlation(envelope, np.interp(places, np.arange(len(source)), source))
        if follows is not None:
            found.append((follows, factor))
    follows, factor = max(found, default=(0.0, 1.0))
    return factor, follows


def _describe(pair: Pair) -> tuple[Figure, ...]:
    levels = _levels(pair.output, pair.rate_hz)
    envelope = _envelope(levels)
    if not len(envelope):
        return (*describe_output(pair), *(undefined("it is silent, or shorter than 0.2 s"),) * 3)
    count, last = len(levels), 1 + int(np.flatnonzero(levels >= levels.max() - _AUDIBLE_DB)[-1])
    floor = np.percentile(levels, 10) - level_db(pair.output - pair.output.mean())
    return (*describe_output(pair), figure_of(envelope.std(), count), figure_of(floor, count),
            figure_of(last / count, count))


def _levels(wave: np.ndarray, rate_hz: int) -> np.ndarray:
    """Without the mean of the file, which is not heard."""
    return 10.0 * np.log10(np.maximum(frame_powers(wave - wave.mean(), rate_hz), _SMALLEST_POWER))


_QUICK = Family((LEVEL, CLIPPING, DC_OFFSET, SILENCE, TILT, MOVEMENT, FLOOR, END), _describe, needs_reference=False)
