"""The AR(2) process: its formulas against its samples, and what it refuses."""
import itertools
import json
import math

import numpy as np
import pytest

from core_scripts.corpus.ar2 import Ar2Process, endless, samples_for
from core_scripts.corpus.synthetic import ensure_corpus
from core_scripts.errors import ConfigError

LONG = Ar2Process(c=1.5, sigma=0.7, samples=40000)


def test_mean_variance_and_autocorrelation_of_the_samples_are_those_of_the_formulas():
    series = LONG.series()
    centred = series - series.mean()
    assert series.mean() == pytest.approx(LONG.mean, abs=4 * 0.7 / (1 + 0.4 - 0.5) / 200)
    assert series.var() == pytest.approx(LONG.variance, rel=0.08)
    measured = [np.mean(centred[lag:] * centred[: len(centred) - lag]) / series.var() for lag in range(5)]
    np.testing.assert_allclose(measured, LONG.autocorrelation(4), atol=4 * 3 / 200)


def test_variance_is_3_7_times_that_of_the_noise_for_the_seeds_coefficients():
    assert Ar2Process().variance == pytest.approx(3.7037, abs=1e-4)
    assert Ar2Process().entropy_rate == pytest.approx(1.4189, abs=1e-4)
    assert Ar2Process().entropy_rate / math.log(2) == pytest.approx(2.047, abs=1e-3)


def test_the_example_of_the_notes_begins_with_their_numbers_and_dies_away():
    series = Ar2Process(sigma=1e-5, x0=50.0, x1=60.0, samples=101).series()
    expected = [50, 60, 1, 29.6, -11.34, 19.34, -13.40, 15.03, -12.71, 12.60, -11.40]
    np.testing.assert_allclose(series[:11], expected, atol=6e-3)
    assert abs(series[-1]) < 0.03


def test_series_of_other_numbers_have_other_noise_and_the_same_number_the_same():
    first, again, other = Ar2Process(samples=50).series(), Ar2Process(samples=50).series(), Ar2Process(
        samples=50).series(1)
    assert (first == again).all() and not (first == other).any()
    assert (Ar2Process(samples=90).series()[:50] == first).all()


def test_the_endless_series_goes_on_as_the_recursion_says():
    process = Ar2Process(a=0.3, b=-0.5, c=2.0, sigma=1e-9)
    values = [1.0, 2.0, *itertools.islice(endless(process, 1.0, 2.0), 30)]
    for before, last, now in zip(values, values[1:], values[2:], strict=False):
        assert now == pytest.approx(2.0 + 0.3 * last - 0.5 * before, abs=1e-7)


def test_its_files_are_kept_and_made_anew_for_other_values(tmp_path, capsys):
    folder = ensure_corpus(tmp_path / "ar2", Ar2Process(samples=100))
    series = np.fromfile(folder / "series/train.x", "<f4")
    np.testing.assert_allclose(series, Ar2Process(samples=100).series(), rtol=1e-6)
    assert json.loads((folder / "corpus.json").read_text())["recipe"]["process"] == "AR(2)"
    ensure_corpus(tmp_path / "ar2", Ar2Process(samples=100, standard_error=0.1))
    ensure_corpus(tmp_path / "ar2", Ar2Process(samples=100, seed=2))
    told = capsys.readouterr().err
    assert told.count("made the synthetic corpus") == 2 and "seed (1, not 2)" in told


@pytest.mark.parametrize(("a", "b", "condition"), [
    (0.6, 0.5, "a + b < 1 fails, 0.6 + 0.5 = 1.1"),
    (-0.6, 0.5, "b - a < 1 fails, 0.5 - -0.6 = 1.1"),
    (0.1, -1.2, "|b| < 1 fails"),
])  # fmt: skip
def test_a_process_that_is_not_stationary_is_refused_with_the_condition_that_fails(a, b, condition):
    with pytest.raises(ConfigError, match="not stationary") as found:
        Ar2Process(a=a, b=b)
    assert condition in str(found.value)


def test_stationarity_conditions_are_those_of_the_roots():
    rng = np.random.default_rng(1)
    for a, b in rng.uniform(-2.2, 2.2, (300, 2)):
        is_stable = max(abs(np.roots([1, -a, -b]))) < 1
        try:
            Ar2Process(a=float(a), b=float(b))
        except ConfigError:
            assert not is_stable
        else:
            assert is_stable


def test_fewer_samples_than_a_standard_error_needs_are_refused_with_the_number_that_does():
    assert samples_for(0.5, 0.01) == 7500
    with pytest.raises(ConfigError, match="take samples=7500"):
        Ar2Process(samples=7499, standard_error=0.01)
    Ar2Process(samples=7500, standard_error=0.01)


def test_all_faults_are_told_together():
    with pytest.raises(ConfigError, match="(?s)4 found.*sigma=0.*both first samples.*samples=3.*seed=-1"):
        Ar2Process(sigma=0, x0=1.0, samples=3, seed=-1)
