"""Levels of sound on the page: where a tone is, how loud, and by how much two sounds differ."""
import base64
import io

import numpy as np
import pytest
from run_stage import tone

from core_scripts.features.config_mel import hz_to_mel
from core_scripts.report.spectrogram import (
    Levels,
    display_mel,
    draw_difference,
    draw_levels,
    frequency_ticks,
    levels_of_wave,
)

RATES = (4000, 8000, 16000, 22050, 44100)


def levels_of_tone(hz: float, rate_hz: int, top_hz: float, scale: float = 1.0) -> Levels:
    return levels_of_wave((scale * tone(0.5, hz, rate_hz)).astype(np.float32), display_mel(rate_hz, top_hz))


@pytest.mark.parametrize("rate_hz", RATES)
def test_a_tone_is_seen_at_its_frequency_whatever_the_rate(rate_hz):
    levels, mel = levels_of_tone(1000.0, rate_hz, rate_hz / 2), display_mel(rate_hz, rate_hz / 2)
    band = levels.decibels[20:-20].mean(0).argmax()
    low, high = hz_to_mel(mel.low_hz), hz_to_mel(mel.top_hz)
    assert abs((band + 1) / (mel.bands + 1) - (hz_to_mel(1000.0) - low) / (high - low)) < 1.0 / mel.bands


def test_the_same_sound_has_the_same_level_at_every_rate_and_half_is_six_decibels_less():
    loudest = [levels_of_tone(1000.0, rate_hz, 2000.0).decibels[20:-20].max() for rate_hz in RATES]
    assert max(loudest) - min(loudest) < 1.5
    half = levels_of_tone(1000.0, 8000, 2000.0, scale=0.5).decibels[20:-20].max()
    assert half - loudest[1] == pytest.approx(-6.02, abs=0.01)


def pixels(uri: str, mode: str) -> np.ndarray:
    """Of a picture on the page, L: grey, A: how solid."""
    image = pytest.importorskip("PIL.Image", reason="Pillow reads the pictures; pip install pillow")
    read = np.asarray(image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGBA"))
    return read[..., 3] if mode == "A" else read[..., :3].mean(-1)


def test_pictures_of_different_lengths_keep_one_time_and_one_scale():
    mel = display_mel(8000, 4000.0)
    long = levels_of_wave(tone(1.0).astype(np.float32), mel)
    short = levels_of_wave(0.1 * tone(0.5).astype(np.float32), mel)
    read = [pixels(uri, "L") for uri in draw_levels([long, short], 1.0)]
    assert read[0].shape == read[1].shape
    columns = read[0].shape[1]
    assert read[1][:, columns // 2 + 4 :].max() < 20  # nothing there: black
    assert 20 < read[1][:, : columns // 2].max() < read[0].max()


def test_long_sound_is_pooled_to_few_columns():
    pooled = Levels(np.arange(10000.0)[:, None].repeat(3, 1), 50.0).pooled(50.0, 100)
    assert pooled.shape == (100, 3) and np.allclose(pooled[:, 0], np.arange(100) * 100 + 49.5)


def test_silence_of_two_kinds_and_equal_sound_are_no_difference():
    mel = display_mel(8000, 4000.0)
    sound = np.r_[tone(0.3), np.zeros(2400)].astype(np.float32)
    other = np.r_[tone(0.3), 1e-5 * tone(0.3, 900.0)].astype(np.float32)
    uri = draw_difference(levels_of_wave(sound, mel), levels_of_wave(other, mel), 0.6)
    assert pixels(uri, "A").max() == 0


def test_silence_alone_can_be_drawn():
    assert all(draw_levels([levels_of_wave(np.zeros(800, np.float32), display_mel(8000, 4000.0))], 0.1))


def test_ticks_do_not_touch():
    for rate_hz in RATES:
        places = [place for _, place in frequency_ticks(display_mel(rate_hz, rate_hz / 2))]
        assert places and min(np.diff([0, *places, 1])) > 0.04
