"""A disk that is full before training has begun is told like any other mistake."""
import errno
import subprocess
import sys
from pathlib import Path

import pytest

from core_scripts import entry
from core_scripts.errors import disk_full


def refuse(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", "exp/base/run.yaml")


def test_our_entry_tells_it_without_a_traceback(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(entry, "run_verb", refuse)
    assert entry.run_command([], tmp_path) == 6
    assert capsys.readouterr().err == ("error: disk full: exp/base/run.yaml cannot be written; free space, or choose "
                                       "another --exp\n")
    with pytest.raises(OSError, match="No space left"):
        entry.run_command(["--debug"], tmp_path)


def test_a_main_of_another_kind_ends_with_the_same_exit_code():
    code = ("from core_scripts.errors import report_without_traceback; report_without_traceback(); "
            "raise OSError(28, 'No space left on device')")
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert (done.returncode, done.stderr[:24]) == (6, "error: disk full: a file")


def test_other_errors_of_the_system_are_not_taken_for_it():
    assert disk_full(OSError(errno.EIO, "Input/output error")) is None
    assert disk_full(ValueError("28")) is None
