import numpy as np
import pytest
from scipy.signal import lfilter

from core_scripts.analysis.correlations import (
    autocorrelation,
    bandwidth,
    decay_length,
    envelope,
    linear_order,
    power_spectrum,
)

SAMPLES = 200_000


def noise(samples: int = SAMPLES, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=samples)


def autoregressive(*coefficients: float) -> np.ndarray:
    return lfilter([1.0], [1.0, *(-value for value in coefficients)], noise())


@pytest.mark.parametrize("coefficient", [0.5, 0.9, -0.9, 0.98])
def test_a_first_order_series_forgets_itself_after_minus_one_over_the_logarithm(coefficient):
    length = decay_length(autocorrelation(autoregressive(coefficient), 400))
    assert length == pytest.approx(-1 / np.log(abs(coefficient)), rel=0.05, abs=0.1)


def test_correlations_are_those_of_the_definition():
    series = noise(37)
    centred = series - series.mean()
    found = autocorrelation(series, 50)
    assert found[0] == 1.0 and np.isnan(found[37:]).all()
    assert found[5] == pytest.approx(centred[5:] @ centred[:-5] / (centred @ centred))


def test_neither_offset_nor_level_changes_correlations():
    series = autoregressive(0.9)
    assert autocorrelation(1e-3 * series + 0.7, 50) == pytest.approx(autocorrelation(series, 50), abs=1e-9)


def test_a_constant_series_has_no_correlations():
    assert np.isnan(autocorrelation(np.full(100, 0.3), 10)).all()
    assert decay_length(np.full(10, np.nan)) is None


def test_what_never_falls_below_has_no_length():
    assert decay_length(np.array([1.0, 0.9, 0.8])) is None
    assert decay_length(np.array([1.0, 0.5, 0.0])) == pytest.approx(1 + (0.5 - np.exp(-1)) / 0.5)


def test_the_envelope_of_modulated_noise_is_its_modulation():
    level = np.repeat(np.abs(np.sin(np.arange(50))), 400)
    found = envelope(level * noise(20_000) + 0.2, 400)
    assert len(found) == 50
    assert found == pytest.approx(level[::400], rel=0.2, abs=0.01)


@pytest.mark.parametrize(("coefficients", "order"), [((), 0), ((0.8,), 1), ((-0.4, 0.5), 2), ((1.6, -0.8), 2)])
def test_a_linear_predictor_needs_as_many_samples_as_the_process_has(coefficients, order):
    found, errors = linear_order(autocorrelation(autoregressive(*coefficients), 80), SAMPLES)
    assert found == order
    assert errors[0] == pytest.approx(1.0, abs=1e-5) and (np.diff(errors) <= 0).all()


def test_the_gain_of_prediction_is_that_of_the_process():
    _, errors = linear_order(autocorrelation(autoregressive(-0.4, 0.5), 80), SAMPLES)
    assert errors[0] / errors[2] == pytest.approx(3.7037, rel=0.03)  # variance over that of the innovations


def test_few_samples_do_not_pretend_a_high_order():
    few = autocorrelation(noise(1000, seed=3), 80)
    assert linear_order(few, 1000)[0] <= 3


def test_a_recording_made_at_half_the_rate_shows_it():
    spectrum = np.fft.rfft(noise(2**16))
    spectrum[len(spectrum) // 2:] = 0
    wave = np.fft.irfft(spectrum)
    assert bandwidth(power_spectrum(wave), 16000) == pytest.approx(4000, abs=100)
    assert power_spectrum(wave).sum() == pytest.approx(1.0)
    assert power_spectrum(np.ones(10)).sum() == 0.0
