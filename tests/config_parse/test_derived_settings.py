"""`derive` in config.py: what follows from other settings, so that nobody has to keep it in step by hand."""
import sys

import pytest

from core_scripts.config_parse.arg_parse import parse_command
from core_scripts.config_parse.config_parse import resolve
from core_scripts.errors import ConfigError

CONFIG = """
width = 4
depth = 2

def derive(conf):
    return {"depth": 8 // conf.width, "made": conf.width * 10}

def faults(conf):
    return [f"made={conf.made} is too much"] if conf.made > 100 else []
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "config.py").write_text(CONFIG)
    return tmp_path


def run(folder, *words: str):
    return resolve(parse_command(list(words)), folder)


def test_derived_values_follow_the_settings_and_are_seen_by_faults(folder):
    found = run(folder, "width=2")
    assert (found.config.depth, found.config.made) == (4, 20)
    with pytest.raises(ConfigError, match="made=110 is too much"):
        run(folder, "width=11")


def test_what_is_only_derived_is_neither_printed_nor_taken(folder):
    found = run(folder)
    assert "made" not in found.as_plain() and found.as_plain()["depth"] == 2
    assert not [key for key, _, _ in found.differences() if key == "made"]
    with pytest.raises(ConfigError, match="made: unknown key"):
        run(folder, "made=6")


def test_a_fault_while_deriving_is_told_with_its_line_and_faults_are_not_asked(folder):
    with pytest.raises(ConfigError, match=r"config.py:6: ZeroDivisionError") as told:
        run(folder, "width=0")
    assert "too much" not in str(told.value)
