"""What is said goes to the log file whatever becomes of the terminal; a full disk or a closed pipe ends no run."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core_scripts import log

ROOT = Path(__file__).resolve().parents[1]
TALK = """
import sys
from pathlib import Path
from core_scripts import log
log.open_run_log(Path(sys.argv[1]))
for number in range(2000):
    log.say(f"row {number}")
    log.note(f"line {number}")
"""


def talk(path: Path, out: object, err: object) -> int:
    return subprocess.run([sys.executable, "-c", TALK, str(path)], cwd=ROOT, stdout=out, stderr=err).returncode


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("streams", ["out", "err", "both"])
def test_a_full_disk_under_the_streams_ends_nothing_and_the_log_has_every_word(tmp_path, streams):
    with open("/dev/full", "w") as full, (tmp_path / "other").open("w+") as other:
        code = talk(tmp_path / "log", other if streams == "err" else full, other if streams == "out" else full)
        other.seek(0)
        told = other.read()
    assert code == 0
    assert len((tmp_path / "log").read_text().splitlines()) == 4000
    assert len(told.splitlines()) == (0 if streams == "both" else 2000)


def test_a_reader_that_goes_away_ends_nothing_and_nothing_is_complained_of_at_the_end(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    with (tmp_path / "err").open("w+") as err:
        assert talk(tmp_path / "log", writer, err) == 0
        err.seek(0)
        assert err.read().splitlines() == [f"line {number}" for number in range(2000)]
    os.close(writer)
    assert len((tmp_path / "log").read_text().splitlines()) == 4000


def test_after_a_disk_was_full_for_a_while_the_lines_that_follow_are_written(tmp_path, monkeypatch):
    path = tmp_path / "out"
    with open("/dev/full", "w") as full, path.open("w") as stream:
        own = os.dup(stream.fileno())
        os.dup2(full.fileno(), stream.fileno())
        monkeypatch.setattr(sys, "stdout", stream)
        log.say("lost")
        os.dup2(own, stream.fileno())
        os.close(own)
        log.say("kept")
    assert path.read_text() == "kept\n"
