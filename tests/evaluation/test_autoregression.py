"""Least squares on AR(2) series: the textbook's standard errors, and series that determine nothing."""
import math

import numpy as np
import pytest

from core_scripts.corpus.ar2 import Ar2Process
from core_scripts.errors import DataError
from core_scripts.evaluation.autoregression import Found, compare, least_squares

PROCESS = Ar2Process(samples=10000)


def test_standard_errors_are_those_of_theory():
    fit = least_squares([PROCESS.series()])
    expected = math.sqrt((1 - PROCESS.b**2) / PROCESS.samples)
    assert fit.standard_error["a"] == pytest.approx(expected, rel=0.03)
    assert fit.standard_error["b"] == pytest.approx(expected, rel=0.03)
    assert fit.sigma == pytest.approx(1, abs=4 * math.sqrt(0.5 / PROCESS.samples))


def test_several_series_are_not_joined_at_their_ends():
    process = Ar2Process(sigma=1e-6, x0=50.0, x1=60.0, samples=40)
    fit = least_squares([process.series(0), process.series(1)])
    assert fit.coefficients == pytest.approx({"a": -0.4, "b": 0.5, "c": 0.0}, abs=1e-5)


@pytest.mark.parametrize("series", [np.zeros(100), np.full(100, 3.0), np.arange(4.0)],
                         ids=["silent", "constant", "short"])
def test_series_that_determine_nothing_are_refused(series):
    with pytest.raises(DataError, match="do not determine a, b and c"):
        least_squares([series])


def test_the_table_measures_in_standard_errors():
    series = PROCESS.series()
    fit = least_squares([series])
    moved = fit.coefficients | {"b": fit.coefficients["b"] + 2 * fit.standard_error["b"]}
    found = Found("mean", moved, 1.0, np.array([1.0, -1.0]), np.array([1.0, 2.0]))
    table = compare(PROCESS, [series], found)
    assert table.distance_to_least_squares == pytest.approx(2)
    assert table.mse_over_sigma2 == 1 and table.nll == 1.5 and table.entropy_rate == PROCESS.entropy_rate
    assert "2.0000 standard errors off least squares" in str(table)
