"""A number per utterance, from a file."""
import pytest

from core_scripts.corpus.values import read_values, values_of
from core_scripts.errors import DataError


def test_numbers_are_read_by_name(tmp_path):
    (tmp_path / "v.tsv").write_text("a\t1\nb/c\t-2.5e-1\n\n")
    values = read_values(tmp_path / "v.tsv")
    assert values == {"a": 1.0, "b/c": -0.25}
    assert values_of(values, ["b/c", "a", "a"]) == [-0.25, 1.0, 1.0]


def test_all_lines_that_are_no_numbers_are_told(tmp_path):
    (tmp_path / "v.tsv").write_text("a\tloud\nb 2\nc\tnan\nd\t1\nd\t2\n")
    with pytest.raises(DataError, match="(?s)4 found.*line 1.*line 2.*line 3.*'d' has 2, before it had 1"):
        read_values(tmp_path / "v.tsv")


def test_utterances_without_a_number_are_told():
    with pytest.raises(DataError, match="(?s)2 found.*x stands in no line.*z"):
        values_of({"y": 1.0}, ["x", "y", "z"])
