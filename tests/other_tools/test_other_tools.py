"""The few upstream names that recipes import."""
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from core_scripts.errors import DataError
from core_scripts.other_tools import debug, display
from core_scripts.other_tools.list_tools import read_list, read_list_from_text


def test_nothing_is_coloured_where_no_terminal_is(capsys):
    display.f_print("a", "error")
    display.f_print("b", "other", end="")
    display.f_print_message("c")
    assert capsys.readouterr().out == "a\nbc\n"


def test_a_terminal_shows_colours(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    display.f_print("a", "error")
    display.f_print("b", "plain")
    assert capsys.readouterr().out == "\033[91ma\033[0m\nb\n"


@pytest.mark.parametrize(("level", "pattern"), [
    ("h", r"-+\nhello \d{4}-.*\n-+\n"), ("m", r"---hello \d{4}-.*---\n"), ("", r"hello \d{4}-.*\n"),
])
def test_messages_with_date_have_three_forms(capsys, level, pattern):
    display.f_print_w_date("hello", level)
    assert re.fullmatch(pattern, capsys.readouterr().out)


def test_errors_go_to_stderr_as_print_writes_them(capsys):
    display.f_eprint("a", 1, sep="-")
    display.f_eprint("b", end="", flush=True)
    assert capsys.readouterr() == ("", "a-1\nb")


def test_dying_ends_the_process_with_code_1_and_its_message_on_stderr():
    code = "from core_scripts.other_tools.display import f_die; f_die('the disk is gone')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "Error: the disk is gone\n")


def test_lists_keep_blank_lines_and_spaces(tmp_path):
    path = tmp_path / "a.lst"
    path.write_bytes("\ufeffa\r\n\n b \nü".encode())
    assert read_list_from_text(path) == ["a", "", " b ", "ü"]
    assert read_list_from_text(str(path), f_chop=False) == ["a\r\n", "\n", " b \n", "ü"]


def test_names_of_a_list_have_no_spaces_and_no_blank_lines_whatever_ends_a_line(tmp_path):
    path = tmp_path / "a.lst"
    path.write_bytes("\ufeffa\r\n\n b c \n\t\nü\rd\n".encode())
    assert read_list(path) == ["a", "b c", "ü", "d"]


def test_the_place_of_a_byte_that_is_no_text_is_that_in_the_file(tmp_path):
    path = tmp_path / "long.lst"
    path.write_bytes(b"name\n" * 20_000 + b"\xff\n")
    for read in (read_list, read_list_from_text):
        with pytest.raises(DataError, match="long.lst is not UTF-8: byte 0xff at 100000"):
            read(path)


def test_lists_that_cannot_be_read_are_told(tmp_path):
    (tmp_path / "train.lst").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"trn.lst not found; did you mean train.lst\?"):
        read_list_from_text(tmp_path / "trn.lst")
    with pytest.raises(DataError, match="is not UTF-8: byte 0xff at 0"):
        read_list_from_text(tmp_path / "train.lst")
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        read_list_from_text(tmp_path)


def test_values_are_described_in_one_line(capsys):
    assert debug.describe(np.array([1.0, np.nan, 3.0])) == "float64 (3,) in [1, 3], mean 2, 1 not finite"
    assert debug.describe(torch.ones(2, 0)) == "float32 (2, 0)"
    assert debug.describe("word") == "'word'"
    debug.show(wav=torch.zeros(1, 4, requires_grad=True))
    assert capsys.readouterr().err == "wav: float32 (1, 4) in [0, 0], mean 0\n"
