"""Line charts: every value at its place, gaps as gaps, names that do not touch."""
import re

import pytest

from core_scripts.report.chart import Line, draw_chart, nice_ticks


def test_ticks_are_round_and_reach_over_the_values():
    assert nice_ticks(0.0, 10.0, 5) == [0, 2, 4, 6, 8, 10]
    assert nice_ticks(2.43, 3.79, 5) == [2, 2.5, 3, 3.5, 4]
    for low, high in ((1.0, 1.0), (0.0, 0.0), (-3.0, -2.0), (1e-9, 2e-9), (0, 7)):
        ticks = nice_ticks(low, high, 5)
        assert ticks[0] <= low <= high <= ticks[-1] and len(ticks) <= 12
    assert nice_ticks(0, 3, 8, whole=True) == [0, 1, 2, 3]


def test_a_gap_in_the_values_is_a_gap_in_the_line():
    chart = draw_chart([Line("loss", [(0, 1.0), (1, 2.0), (2, None), (3, 1.5)])], "t", "epoch")
    assert chart.count("<polyline") == 2 and chart.count("<circle") == 3
    assert "loss, 1: 2" in chart and 'role="img"' in chart


def test_names_at_the_ends_are_pushed_apart():
    chart = draw_chart([Line("one", [(0, 1.0), (1, 2.0)]), Line("two", [(0, 3.0), (1, 2.0)])], "t", "epoch")
    heights = [float(y) for y in re.findall(r'<text x="[\d.]+" y="([\d.]+)" class="name', chart)]
    assert abs(heights[0] - heights[1]) >= 14


def test_a_single_point_is_drawn_and_nothing_is_no_chart():
    assert draw_chart([Line("loss", [(0, 1.0)])], "t", "epoch").count("<circle") == 1
    assert draw_chart([Line("loss", [(0, None)]), Line("none", [])], "t", "epoch") is None


def test_names_are_text():
    assert "<b>" not in draw_chart([Line("<b>", [(0, 1.0)])], "<i>", "<u>")


@pytest.mark.parametrize("value", [1e300, -1e-300, 123456789.0])
def test_any_finite_value_can_be_drawn(value):
    assert draw_chart([Line("loss", [(0, value), (1, 0.0)])], "t", "epoch")
