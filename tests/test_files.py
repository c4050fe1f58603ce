"""Whole files or none, under short temporary names, and nothing of a killed process stays for ever."""
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core_scripts.data_io.file_io import write_atomically
from core_scripts.errors import DataError
from core_scripts.files import remove_leftovers, temporary_path, write_whole

ROOT = Path(__file__).resolve().parents[1]
DIES = """
import os, sys
from pathlib import Path
from core_scripts import files
files.os.replace = lambda *paths: os.kill(os.getpid(), 9)
files.write_whole(Path(sys.argv[1]), b"new", durable=False)
"""


def dead_process() -> int:
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


@pytest.mark.parametrize("durable", [True, False])
def test_what_is_written_stands_whole_and_without_a_temporary_file(tmp_path, durable):
    path = tmp_path / "sub" / ("n" * 251 + ".wav")  # as long as names may be
    for content in (b"old", b"", b"x" * 100_000):
        write_whole(path, content, durable=durable)
        assert path.read_bytes() == content
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("durable", [True, False])
def test_only_durable_files_cost_a_sync(tmp_path, monkeypatch, durable):
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    write_whole(tmp_path / "a", b"x", durable=durable)
    assert len(synced) == (2 if durable else 0)  # the file and its folder


@pytest.mark.parametrize("refusal", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_whatever_stops_the_writing_the_old_file_stays_alone(tmp_path, monkeypatch, refusal):
    write_atomically(tmp_path / "a", b"old")

    def refuse(*_):
        raise refusal

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises((DataError, KeyboardInterrupt), match="a cannot be written: No space left|^$"):
        write_atomically(tmp_path / "a", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"old")]


def test_what_a_killed_process_left_is_found_again_by_its_name(tmp_path):
    (tmp_path / "status.json").write_bytes(b"old")
    assert subprocess.run([sys.executable, "-c", DIES, str(tmp_path / "status.json")], cwd=ROOT).returncode == -9
    assert len(os.listdir(tmp_path)) == 2
    assert len(remove_leftovers(tmp_path)) == 1
    assert os.listdir(tmp_path) == ["status.json"]


def test_temporary_files_of_dead_processes_go_and_all_others_stay(tmp_path):
    dead = dead_process()
    gone = [f".{dead}-0a1b2c3d.tmp", ".9999999999-0a1b2c3d.tmp", temporary_path(tmp_path / "x").name]
    kept = [f".{os.getppid()}-0a1b2c3d.tmp", f".notes.{dead}.tmp", f"{dead}-0a1b2c3d.tmp", f".{dead}-notes.tmp",
            f".{dead}-0a1b2c3d.tmp.bak", "epoch_001.pt"]
    for name in gone + kept:
        (tmp_path / name).touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / gone[0]).touch()
    assert sorted(path.name for path in remove_leftovers(tmp_path)) == sorted(gone)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*kept, "sub"])
    assert [path.name for path in remove_leftovers(tmp_path, deep=True)] == [gone[0]]
    assert remove_leftovers(tmp_path / "absent") == []
