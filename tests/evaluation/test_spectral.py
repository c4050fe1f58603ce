import math

import numpy as np
import pytest

from core_scripts.evaluation.metric import Pair
from core_scripts.evaluation.spectral import families_at, mel_at, resolutions_at

RATE_HZ = 16000
NOISE = np.random.default_rng(0).normal(0, 0.1, 8000)


def measure(reference: np.ndarray, output: np.ndarray, rate_hz: int = RATE_HZ) -> dict:
    figures = {}
    for family in families_at(rate_hz):
        figures |= family.measure(Pair("one", reference, output, rate_hz))
    return figures


def test_equal_sounds_have_distance_zero():
    assert all(figure.value == pytest.approx(0.0, abs=1e-6) for figure in measure(NOISE, NOISE).values())


def test_a_gain_is_told_in_each_metric_by_its_closed_form():
    told = measure(NOISE, 2.0 * NOISE)
    assert told["log_mel_l1_floor_1e_5"].value == pytest.approx(math.log(2), rel=1e-3)
    assert told["stft_convergence"].value == pytest.approx(1.0, rel=1e-3)
    assert told["stft_log_magnitude"].value == pytest.approx(math.log(2), rel=1e-2)
    assert told["log_spectral_distance_db"].value == pytest.approx(20 * math.log10(2), rel=1e-2)


def test_what_lies_below_the_floor_does_not_count():
    told = measure(1e-5 * NOISE, 2e-5 * NOISE)
    assert told["log_mel_l1"].value == 0.0 and told["log_spectral_distance_db"].value == pytest.approx(0.0, abs=1e-6)


def test_the_sign_of_a_waveform_does_not_count():
    assert all(figure.value == pytest.approx(0.0, abs=1e-6) for figure in measure(NOISE, -NOISE).values())


def test_silence_is_a_distance_where_there_is_one_and_no_nan_where_there_is_none():
    told = measure(np.zeros(8000), NOISE)
    assert told["log_mel_l1"].value > 1.0
    assert told["stft_convergence"].value is None and "silent" in told["stft_convergence"].why


def test_sizes_follow_the_rate_and_frames_can_be_centred():
    for rate_hz in (8000, 16000, 22050, 44100, 48000):
        sizes = [mel_at(rate_hz), *resolutions_at(rate_hz)]
        assert all((size.window - size.hop) % 2 == 0 and size.fft >= size.window for size in sizes)
    assert (mel_at(22050).hop, mel_at(22050).window) == (256, 1024)
    assert [str(size) for size in resolutions_at(24000)] == ["1024/120/600", "2048/240/1200", "512/50/240"]


def test_a_sound_shorter_than_a_window_still_has_figures():
    assert measure(NOISE[:30], NOISE[30:60])["log_mel_l1"].value > 0
