import numpy as np
import pytest
from scipy.signal import welch

from core_scripts.errors import DataError
from core_scripts.evaluation import level
from core_scripts.evaluation.families import families_at
from core_scripts.evaluation.metric import Pair, figure_of, make_pair, undefined

RATE_HZ = 8000


def noise(seconds=1.0, level=0.1, seed=0):
    return level * np.random.default_rng(seed).standard_normal(int(RATE_HZ * seconds))


def measure(families, reference, output):
    pair = Pair("some", reference, output, RATE_HZ)
    return {key: figure for family in families for key, figure in family.measure(pair).items()}


def test_a_figure_is_finite_or_says_why_there_is_none():
    assert str(figure_of(0.25, 3)) == "0.25"
    assert str(figure_of(float("nan"), 3)) == "undefined: it comes out as nan"
    assert figure_of(np.inf, 3).value is None
    assert str(undefined("nothing is voiced")) == "undefined: nothing is voiced"


def test_different_rates_are_refused_with_both():
    with pytest.raises(DataError, match="output of a has 16000 Hz and its reference 8000 Hz"):
        make_pair("a", (np.zeros(5), 8000), (np.zeros(5), 16000))


@pytest.mark.parametrize("wave", [np.zeros((3, 2)), np.zeros(3, dtype=np.int16)], ids=["channels", "integers"])
def test_what_is_no_waveform_is_refused(wave):
    with pytest.raises(DataError, match="one channel of floating samples"):
        make_pair("a", None, (wave, 8000))


def test_float32_becomes_float64():
    assert make_pair("a", (np.zeros(5, np.float32), 8000), (np.zeros(5, np.float32), 8000)).reference.dtype == float


@pytest.mark.parametrize(("reference", "output", "why"), [
    (None, noise(), "there is no reference"),
    (noise(), np.zeros(0), "the output is empty"),
    (np.zeros(0), noise(), "the reference is empty"),
    (noise(), np.full(RATE_HZ, np.nan), "the output has 8000 samples that are not finite"),
    (noise(), 3000.0 * noise(), "the output reaches 1.17e+03, far outside [-1, 1]; divide 16-bit samples by 32768"),
    (noise(2.0), noise(), "the output has 1.00 s and the reference 2.00 s, more than 10% apart"),
], ids=["missing", "empty", "empty reference", "not finite", "integers", "length"])
def test_pairs_that_do_not_compare_are_undefined_and_why(reference, output, why):
    figures = measure([family for family in families_at(RATE_HZ) if not family.lengths_may_differ
                       and family.needs_reference], reference, output)
    assert {figure.why for figure in figures.values()} == {why}


def test_metrics_that_need_no_reference_run_without_one():
    figures = measure([family for family in families_at(RATE_HZ) if not family.needs_reference], None, noise())
    assert figures and all(figure.value is not None for figure in figures.values())


def test_keys_are_unique_and_every_metric_tells_its_settings_and_source():
    metrics = [metric for family in families_at(RATE_HZ) for metric in family.metrics]
    assert len({metric.key for metric in metrics}) == len(metrics)
    assert all(metric.settings and metric.source and metric.better for metric in metrics)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050])
@pytest.mark.parametrize("wave", [np.zeros(4000), np.array([0.5]), np.zeros(1), np.full(3000, 1.0), np.eye(1, 5000)[0],
                                  np.full(4000, 1e200), noise()], ids=["silence", "one sample", "one zero", "clipped",
                                                                       "click", "huge", "noise"])
def test_no_metric_ever_gives_nan_or_a_warning(wave, rate_hz, recwarn):
    for family in families_at(rate_hz):
        for reference in (wave, wave * 0.0, noise(len(wave) / RATE_HZ)):
            for figure in family.measure(Pair("some", reference, wave, rate_hz)).values():
                assert figure.value is not None or figure.why
    assert not [str(one.message) for one in recwarn if "installed" not in str(one.message)]


@pytest.mark.parametrize(("samples", "window"), [(5000, 256), (256, 256), (2000, 353)])
def test_the_mean_spectrum_is_welchs(samples, window):
    wave = np.cumsum(noise(1.0))[:samples]
    ratio = level.mean_spectrum(wave, window)[1:-1] / welch(wave, RATE_HZ, nperseg=window)[1][1:-1]
    assert ratio == pytest.approx(ratio[0], rel=1e-9)


def test_the_level_error_is_the_gain():
    wave = noise()
    figures = measure(level.families_at(RATE_HZ), wave, 0.5 * wave)
    assert figures["level_error_db"].value == pytest.approx(20 * np.log10(0.5))
    assert measure(level.families_at(RATE_HZ), wave, wave)["level_error_db"].value == 0.0
    assert measure(level.families_at(RATE_HZ), 0 * wave, 0 * wave)["level_error_db"].why == \
        "the output and the reference are silent"


def test_clipping_offset_and_silence_are_counted():
    wave = np.concatenate([np.ones(2000), np.zeros(6000)])
    figures = measure(level.families_at(RATE_HZ), None, wave)
    assert figures["clipping_share"].value == figures["dc_offset"].value == 0.25
    assert figures["silence_share"].value == 0.75
    assert figures["level_db"].value == pytest.approx(10 * np.log10(0.25))


def test_the_tilt_of_white_noise_is_0_and_of_a_running_sum_6_db_per_octave_down():
    white = noise(20.0, 0.01)
    assert level.spectral_tilt(white, RATE_HZ).value == pytest.approx(0.0, abs=0.1)
    summed = np.cumsum(np.cumsum(white) - np.mean(np.cumsum(white)))
    assert level.spectral_tilt(np.cumsum(white), RATE_HZ).value == pytest.approx(-6.0, abs=0.7)
    assert level.spectral_tilt(summed, RATE_HZ).value < -10.0
