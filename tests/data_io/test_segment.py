"""Integer rules: lengths, cuts, frames, and the line that names an item."""
import pytest

from core_scripts.data_io.segment import agree_on_length, common_grain, cut, frames_of
from core_scripts.data_io.seq_info import SeqInfo, parse_filename, parse_idx, parse_info, parse_length
from core_scripts.errors import DataError
from core_scripts.geometry.span import Span


def spans(pieces):
    return [(piece.start, piece.stop) for piece in pieces]


def test_pieces_follow_each_other_and_cover_everything():
    for length in range(1, 40):
        for truncate in (None, 1, 7, 10, 50):
            pieces = spans(cut(length, truncate, None))
            assert [position for start, stop in pieces for position in range(start, stop)] == list(range(length))
            assert all(stop - start == truncate for start, stop in pieces[:-1])


def test_pieces_below_the_minimum_are_dropped():
    assert spans(cut(25, 10, 6)) == [(0, 10), (10, 20)]
    assert spans(cut(25, 10, 5)) == [(0, 10), (10, 20), (20, 25)]
    assert spans(cut(5, None, 6)) == []


@pytest.mark.parametrize(("lengths", "agreed"), [
    ([8000, 7280], 7280),  # 9 % short: the shortest counts
    ([8000, 7040], None),  # 12 %
    ([40, 8], 8),  # up to the floor anything goes
    ([41, 8], None),
    ([8007, 8000], 8000),
    ([7999, 8000], 7920),
])
def test_lengths_agree_within_the_tolerance(lengths, agreed):
    assert agree_on_length(lengths, 80 if max(lengths) > 100 else 8) == agreed


def test_the_grain_is_whole_frames_at_every_resolution():
    assert common_grain([1, 80]) == 80
    assert common_grain([80, 120]) == 240
    assert common_grain([-1, 5]) == 5
    assert common_grain([]) == 1


def test_frames_cover_the_piece_and_its_context():
    assert frames_of(Span(160, 325), 80, (0, 0)) == Span(2, 5)
    assert frames_of(Span(0, 160), 80, (3, 1)) == Span(-3, 3)


@pytest.mark.parametrize("name", ["plain", "with, commas, 1,2,3", "sub/folder/x y", "Grüße-你好", "1,2"])
def test_info_lines_come_back_from_any_name(name):
    item = SeqInfo(80, name, 3, 240, 17)
    line = item.print_to_str()
    assert parse_info(line) == item
    assert (parse_idx(line), parse_filename(line), parse_length(line)) == (17, name, 80)


@pytest.mark.parametrize("line", ["", "a,b", "1,name,0,x,0", "x,name,0,1,0", None])
def test_what_is_no_info_line_is_refused(line):
    with pytest.raises(DataError, match="not of the form info_id,name,seg_idx,length,start_pos"):
        parse_info(line)
