"""What sound looks like: log-mel levels in decibels on one scale, and by how much two differ, as pictures of a page."""
import base64
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core_scripts.errors import ConfigError
from core_scripts.features.config_mel import MelConfig, hz_to_mel
from core_scripts.report.png import SHADES, difference_palette, encode_png, level_palette, shade

RANGE_DB = 80.0  # from the loudest point of an utterance down to black
DIFFERENCE_DB = 30.0  # beyond it a difference has the full colour
_WINDOW_SECONDS, _HOP_SECONDS = 0.025, 0.005
_LOW_HZ = 60.0
_MOST_COLUMNS = 640  # of a picture; more frames are pooled
_TICKS_HZ = (500, 1000, 2000, 4000, 8000, 16000)
_DB = 20 / np.log(10)  # decibels per natural logarithm of a magnitude


@dataclass(frozen=True)
class Levels:
    """decibels: (frames, bands) against a full-scale sine, roughly; seconds: what they cover."""

    decibels: np.ndarray
    seconds: float

    def pooled(self, seconds: float, columns: int) -> np.ndarray:
        """(columns, bands): means over equal parts of [0, seconds); NaN where there is nothing."""
        frames = len(self.decibels)
        per_second = frames / self.seconds
        edges = np.linspace(0, seconds * per_second, columns + 1)
        starts = np.minimum(edges[:-1].astype(int), frames)
        stops = np.clip(np.ceil(edges[1:]).astype(int), starts + 1, frames)
        sums = np.vstack([np.zeros(self.decibels.shape[1]), np.cumsum(self.decibels, axis=0, dtype=np.float64)])
        counts = (stops - starts)[:, None].astype(float)
        counts[counts <= 0] = np.nan
        return (sums[np.maximum(stops, starts)] - sums[starts]) / counts


def display_mel(rate_hz: int, top_hz: float) -> MelConfig:
    """Frames for looking at sound of this rate up to `top_hz`, every 5 ms where that is a whole number of samples."""
    hop = max(1, round(rate_hz * _HOP_SECONDS))
    window = max(round(rate_hz * _WINDOW_SECONDS), hop)
    window += (window - hop) % 2
    fft = 2 << (window - 1).bit_length()
    for bands in (80, 40, 20):
        try:
            return MelConfig(rate_hz=rate_hz, window=window, hop=hop, fft=fft, bands=bands, low_hz=_LOW_HZ,
                             high_hz=top_hz)
        except ConfigError:  # too many bands for so few bins
            continue
    return MelConfig(rate_hz=rate_hz, window=window, hop=hop, fft=fft, bands=4, low_hz=0.0, high_hz=top_hz)


def levels_of_wave(wave: np.ndarray, mel: MelConfig) -> Levels:
    """wave: (n,) float32 in [-1, 1] at the record's rate, silence before and behind it."""
    edge = (mel.window - mel.hop) // 2
    frames = -(-len(wave) // mel.hop)
    padded = np.zeros(frames * mel.hop + 2 * edge, dtype=np.float32)
    padded[edge : edge + len(wave)] = wave
    return levels_of_frames(mel.build()(torch.from_numpy(padded)).numpy(), mel)


def levels_of_frames(frames: np.ndarray, mel: MelConfig) -> Levels:
    """frames: (F, bands), natural logarithms as the record has them; made independent of window and FFT."""
    offset = np.log(mel.rate_hz / mel.fft / (mel.window / 2))  # a window's sum; filters have area 1 in Hz
    return Levels(_DB * (frames + offset), len(frames) * mel.hop / mel.rate_hz)


def draw_levels(all_levels: Sequence[Levels | None], seconds: float) -> list[str | None]:
    """Pictures of the same seconds on one scale, from the loudest point of all RANGE_DB down, as data: addresses."""
    pooled = [None if levels is None else levels.pooled(seconds, _columns(all_levels)) for levels in all_levels]
    top = max((np.nanmax(values) for values in pooled if values is not None), default=0.0)
    return [None if values is None else _to_uri(shade(values, top - RANGE_DB, top, SHADES), level_palette())
            for values in pooled]


def draw_difference(first: Levels, second: Levels, seconds: float) -> str:
    """A picture of second less first, from -DIFFERENCE_DB to DIFFERENCE_DB; the same number of bands in both.

    What lies below black on the scale of levels counts as black, so that silence of two kinds is no difference.
    """
    pooled = [levels.pooled(seconds, _columns([first, second])) for levels in (first, second)]
    floor = max(np.nanmax(values) for values in pooled) - RANGE_DB
    before, behind = (np.maximum(np.nan_to_num(values, nan=floor), floor) for values in pooled)
    return _to_uri(shade(behind - before, -DIFFERENCE_DB, DIFFERENCE_DB, 2 * SHADES - 1), difference_palette())


def frequency_ticks(mel: MelConfig) -> list[tuple[str, float]]:
    """Labels and their places on the upright axis, 0 the bottom, 1 the top."""
    low, high = hz_to_mel(mel.low_hz), hz_to_mel(mel.top_hz)
    places = [(hz, (hz_to_mel(hz) - low) / (high - low)) for hz in _TICKS_HZ]
    return [(f"{hz // 1000} kHz" if hz >= 1000 else f"{hz} Hz", place) for hz, place in places if 0.1 < place < 0.95]


def _columns(all_levels: Sequence[Levels | None]) -> int:
    return min(_MOST_COLUMNS, max((len(levels.decibels) for levels in all_levels if levels is not None), default=1))


def _to_uri(indices: np.ndarray, palette: np.ndarray) -> str:
    """(columns, bands) indices, low bands at the bottom."""
    picture = encode_png(np.ascontiguousarray(indices.T[::-1]), palette)
    return "data:image/png;base64," + base64.b64encode(picture).decode("ascii")
