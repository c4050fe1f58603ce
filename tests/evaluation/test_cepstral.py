import math

import numpy as np
import pytest

from core_scripts.evaluation.cepstral import cepstra_at, cepstral_distance, families_at
from core_scripts.evaluation.metric import Pair
from core_scripts.features.mfcc import dct_matrix

RATE_HZ = 16000
NOISE = np.random.default_rng(0).normal(0, 0.1, 8000)


def measure(reference: np.ndarray, output: np.ndarray, rate_hz: int = RATE_HZ) -> dict[str, float]:
    figures = {}
    for family in families_at(rate_hz):
        figures |= family.measure(Pair("one", reference, output, rate_hz))
    return {key: figure.value for key, figure in figures.items()}


def test_equal_sounds_have_distance_zero_and_so_have_sounds_of_different_level():
    for output in (NOISE, 0.5 * NOISE):
        assert all(value == pytest.approx(0.0, abs=1e-4) for value in measure(NOISE, output).values())


def test_the_distance_is_the_rms_difference_in_db_of_spectra_that_the_coefficients_describe_whole():
    bands, rng = 40, np.random.default_rng(1)
    first, second = rng.normal(0, 1, (2, 5, bands))  # natural logarithms of magnitudes
    first, second = (x - x.mean(1, keepdims=True) for x in (first, second))  # levels do not count
    dct = dct_matrix(bands, bands).numpy()
    decibels = 20 / math.log(10) * np.sqrt(np.square(first - second).mean(1)).mean()
    assert cepstral_distance(first @ dct, second @ dct, bands) == pytest.approx(decibels, rel=1e-12)


def test_a_sound_said_later_is_far_frame_by_frame_and_near_along_the_best_path():
    burst = np.concatenate([np.zeros(800), NOISE[:2400], np.sin(0.3 * np.arange(2400)), np.zeros(800)])
    later = np.concatenate([np.zeros(1600), burst[:-1600], np.zeros(160)])
    told = measure(burst, later)
    assert told["mel_dct_distance_dtw_db"] < 0.3 * told["mel_dct_distance_db"]


def test_lengths_that_differ_are_compared_along_the_path_alone():
    told = measure(NOISE, NOISE[:4000])
    assert told["mel_dct_distance_db"] is None and told["mel_dct_distance_dtw_db"] is not None


def test_recordings_too_long_for_a_path_are_undefined_and_what_to_do():
    long = np.zeros(61 * 1000)
    figure = families_at(1000)[1].measure(Pair("long", long, long, 1000))["mel_dct_distance_dtw_db"]
    assert "6100 x 6100 frames takes too much memory; cut the recordings" in figure.why


def test_low_rates_have_fewer_coefficients_and_say_so():
    assert cepstra_at(8000).coefficients == 13 and cepstra_at(16000).coefficients == 25
    assert "c1-c12 of the DCT of 40 log-mel bands 60-4000 Hz" in families_at(8000)[0].metrics[0].settings
