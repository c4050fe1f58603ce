import numpy as np
import pytest

from core_scripts.evaluation.metric import figure_of, undefined
from core_scripts.evaluation.summary import summarise


def test_the_interval_of_a_normal_sample_is_about_that_of_the_theory():
    values = np.random.default_rng(0).normal(3.0, 2.0, 400)
    found = summarise([figure_of(value, 1) for value in values])
    half = 1.96 * values.std(ddof=1) / 20
    assert found.mean == pytest.approx(values.mean())
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.1) and found.n == 400


def test_equal_figures_have_an_interval_of_no_width():
    found = summarise([figure_of(0.25, 1)] * 7)
    assert (found.mean, found.low, found.high, found.n) == (0.25, 0.25, 0.25, 7)


def test_undefined_figures_are_left_out_and_counted_out():
    found = summarise([figure_of(1.0, 1), undefined("silent"), figure_of(3.0, 1)])
    assert (found.mean, found.n, found.why) == (2.0, 2, "")


def test_nothing_defined_tells_the_reasons_and_has_no_number():
    found = summarise([undefined("b is silent"), undefined("a is silent"), undefined("b is silent")])
    assert (found.mean, found.low, found.n) == (None, None, 0)
    assert found.why == "a is silent (and 1 more)"


def test_one_utterance_has_no_interval():
    found = summarise([figure_of(2.0, 1)])
    assert (found.mean, found.low, found.high, found.why) == (2.0, None, None, "one utterance has no interval")


def test_the_same_figures_give_the_same_interval():
    figures = [figure_of(value, 1) for value in (1.0, 2.0, 5.0)]
    assert summarise(figures) == summarise(figures)
