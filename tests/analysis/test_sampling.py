import time

import numpy as np
import pytest

from core_scripts.analysis.sampling import GROUPS, Effort, Estimate, GroupedMean, mean_estimate, shuffled, work_through


def test_the_order_is_a_function_of_the_names():
    names = [f"n{number}" for number in range(50)]
    assert shuffled(names) == shuffled(reversed(names)) != names
    assert sorted(shuffled(names)) == sorted(names)


def test_curves_are_weighted_and_missing_values_do_not_count():
    mean = GroupedMean([np.array([1.0, 2.0]), np.array([4.0, np.nan])], [1.0, 2.0]).mean()
    assert mean.tolist() == [3.0, 2.0]
    assert np.isnan(GroupedMean([np.array([np.nan])], [1.0]).mean()).all()


def test_the_stated_error_covers_the_truth_about_as_often_as_it_says():
    dice = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        curves = list(dice.normal(loc=2.0, size=(60, 1)))
        estimate = GroupedMean(curves, [1.0] * 60).estimate(lambda mean: float(mean[0]))
        covered += abs(estimate.value - 2.0) <= estimate.error
    assert 270 <= covered <= 297


def test_too_few_recordings_have_no_error():
    assert GroupedMean([np.ones(1)] * 3, [1.0] * 3).estimate(lambda mean: float(mean[0])) == Estimate(1.0)
    assert GroupedMean([np.ones(1)] * 3, [1.0] * 3).estimate(lambda mean: None) is None
    assert mean_estimate([2.0]) == Estimate(2.0)
    assert str(Estimate(51.234, 0.9)) == "51.2 ± 0.9" and str(Estimate(51.234)) == "51.2"


def test_work_stops_when_time_is_up_but_not_before_an_error_can_be_told():
    def slow(job: int) -> int:
        time.sleep(0.005)
        return job

    effort = Effort(seconds=0.001, workers=1, is_quiet=True)
    assert work_through("test", slow, range(500), effort) == list(range(GROUPS))
    assert work_through("test", slow, range(5), effort) == list(range(5))
    assert len(work_through("test", slow, range(GROUPS + 9), Effort(seconds=0, workers=1, is_quiet=True))) == GROUPS + 9


def test_the_mean_of_figures_has_the_error_of_a_mean():
    values = np.random.default_rng(1).normal(size=400)
    assert mean_estimate(values).error == pytest.approx(1.96 / 20, rel=0.1)
