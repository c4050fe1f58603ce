"""Spans: half-open intervals of absolute positions, against sets of integers."""
import subprocess
import sys
from dataclasses import FrozenInstanceError
from itertools import product

import numpy as np
import pytest

from core_scripts.errors import ConfigError
from core_scripts.geometry.span import Span

SPANS = [Span(start, stop) for start, stop in product(range(-3, 4), repeat=2) if start <= stop]


def positions(span):
    return set(range(span.start, span.stop))


def test_length_emptiness_and_membership_are_those_of_a_range():
    for span in SPANS:
        assert len(span) == len(positions(span))
        assert span.is_empty == (not positions(span)) == (not span)
        assert {i for i in range(-9, 9) if i in span} == positions(span)


def test_shift_moves_every_position_and_keeps_the_original():
    for span, steps in product(SPANS, (-4, 0, 7)):
        before = (span.start, span.stop)
        assert positions(span.shift(steps)) == {i + steps for i in positions(span)}
        assert (span.start, span.stop) == before


def test_intersect_keeps_the_common_positions_and_cover_the_hull():
    for one, other in product(SPANS, SPANS):
        assert positions(one.intersect(other)) == positions(one) & positions(other)
        union = positions(one) | positions(other)
        hull = set(range(min(union), max(union) + 1)) if union else set()
        assert positions(one.cover(other)) == hull


def test_beyond_counts_the_positions_before_and_behind():
    for crop, file in product(SPANS, SPANS):
        left, right = crop.beyond(file)
        assert left == sum(i < file.start for i in positions(crop))
        assert right == sum(i >= file.stop for i in positions(crop))
        if not file.is_empty:
            assert left + len(crop.intersect(file)) + right == len(crop)


def test_within_cuts_the_same_positions_from_an_array():
    for part, whole in product(SPANS, SPANS):
        array = list(range(whole.start, whole.stop))
        if positions(part) <= positions(whole) and part:
            assert array[part.within(whole)] == sorted(positions(part))


def test_within_a_narrower_array_is_refused_with_the_missing_counts():
    with pytest.raises(ConfigError, match=r"\[-3, 12\) is not inside \[0, 10\): 3 positions before it, 2 behind it"):
        Span(-3, 12).within(Span(0, 10))


def test_spans_are_written_half_open():
    assert f"{Span(-2, 5)}" == "[-2, 5)"


def test_spans_are_immutable_hashable_and_equal_by_value():
    with pytest.raises(FrozenInstanceError):
        Span(0, 1).start = 5
    assert {Span(0, 4), Span(0, 4)} == {Span(0, 4)}


def test_numpy_integers_become_plain_ints():
    span = Span(np.int64(3), np.int32(8))
    assert type(span.start) is int and type(span.stop) is int and span == Span(3, 8)


def test_a_span_that_ends_before_it_starts_is_refused():
    with pytest.raises(ConfigError, match=r"\[5, 3\) ends before it starts"):
        Span(5, 3)


def test_fractional_ends_are_refused_all_together():
    with pytest.raises(ConfigError, match=r"(?s)2 found.*start=0\.5 is not an integer.*stop='3' is not an integer"):
        Span(0.5, "3")


def test_geometry_imports_neither_torch_nor_numpy():
    code = ("import sys, core_scripts.geometry.chain, core_scripts.geometry.drawing; "
            "sys.exit(sum(name in sys.modules for name in ('torch', 'numpy')))")
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}).returncode == 0
