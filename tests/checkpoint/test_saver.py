"""Saves that fail do not end a run at once, the best weights are never lost, and what killed processes left goes."""
import os
import subprocess
from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from core_scripts.checkpoint.files import write_file
from core_scripts.checkpoint.saver import Saver, remove_older
from core_scripts.checkpoint.store import checksum_path, read_checkpoint, restore_checksum, write_weights
from core_scripts.errors import CheckpointError, SaveError


def fail() -> None:
    raise SaveError("disk full: a.pt needs 3 MB")


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """What time.perf_counter says."""
    now = [1000.0]
    monkeypatch.setattr("core_scripts.checkpoint.saver.time.perf_counter", lambda: now[0])
    return now


def test_a_failed_save_is_told_loudly_and_forgotten_once_one_succeeds(capsys, clock):
    saver = Saver()
    saver.save(fail)
    clock[0] += 60
    saver.save(fail)
    told = capsys.readouterr().err
    assert "warning: NOT SAVED (1 of 3 failures before training stops): disk full: a.pt needs 3 MB" in told
    assert "(2 of 3" in told and "tries again at the next save" in told
    with pytest.raises(SaveError, match="disk full"):
        saver.require_saved()
    saver.save(lambda: None)
    saver.require_saved()
    assert saver.failures == 0


def test_the_third_failure_in_a_row_ends_the_run(clock):
    saver = Saver()
    for save in (fail, fail, lambda: None, fail, fail):
        saver.save(save)
        clock[0] += 60
    with pytest.raises(SaveError, match="disk full: a.pt needs 3 MB"):
        saver.save(fail)


def test_failures_of_the_same_minute_are_one_so_that_saves_at_every_step_leave_time_to_free_space(capsys, clock):
    saver = Saver()
    for _ in range(20):
        saver.save(fail)
        clock[0] += 5.0
    assert saver.failures == 2 and capsys.readouterr().err.count("NOT SAVED") == 2
    with pytest.raises(SaveError, match="disk full"):
        saver.require_saved()
    clock[0] += 20.0
    with pytest.raises(SaveError, match="disk full"):
        saver.save(fail)


def test_other_errors_than_of_writing_are_not_retried():
    def stumble() -> None:
        raise CheckpointError("a.pt was not written: /model is a set")

    with pytest.raises(CheckpointError, match="was not written"):
        Saver().save(stumble)


def test_best_weights_that_could_not_be_written_are_written_at_the_next_save_as_they_were(tmp_path):
    place, saver = tmp_path / "folder", Saver()
    place.write_text("a file in the place of the folder")
    weights = OrderedDict(w=torch.ones(2))
    saver.save(lambda: None, {place / "trained_model.pt": weights})
    weights["w"] += 1  # training goes on
    place.unlink()
    saver.save(lambda: None)
    assert read_checkpoint(place / "trained_model.pt")["w"].tolist() == [1.0, 1.0]
    assert saver.owed == {}


def test_the_clock_asks_for_a_save_so_many_seconds_after_the_one_before():
    saver = Saver(every_seconds=60.0, saved_at=100.0)
    assert not saver.is_time(159.9) and saver.is_time(160.0)
    saver.save(lambda: None)
    assert not saver.is_time(saver.saved_at + 59.9)
    assert not Saver(every_seconds=0.0, saved_at=0.0).is_time(1e9)


def test_the_checksum_beside_weights_is_what_sha256sum_checks(tmp_path):
    write_weights(tmp_path / "trained model.pt", OrderedDict(w=torch.ones(2)))
    command = ["sha256sum", "-c", "trained model.pt.sha256"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout == "trained model.pt: OK\n"
    with (tmp_path / "trained model.pt").open("ab") as file:
        file.write(b"x")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 1


def test_a_checksum_that_a_crash_left_out_is_written_for_sound_weights_of_ours_only(tmp_path, capsys):
    ours, theirs, damaged = (tmp_path / f"{name}.pt" for name in ("ours", "theirs", "damaged"))
    write_weights(ours, OrderedDict(w=torch.ones(2)))
    line = checksum_path(ours).read_bytes()
    checksum_path(ours).unlink()
    torch.save(OrderedDict(w=torch.ones(2)), theirs)
    damaged.write_bytes(ours.read_bytes()[:-9])
    for path in (ours, theirs, damaged, tmp_path / "absent.pt"):
        restore_checksum(path)
    assert checksum_path(ours).read_bytes() == line
    assert sorted(path.name for path in tmp_path.glob("*.sha256")) == ["ours.pt.sha256"]
    assert "damaged.pt is damaged" in capsys.readouterr().err


def test_older_states_go_but_never_the_two_newest_nor_the_best(tmp_path):
    def names_after(keep: int, best: int) -> list[str]:
        for number in range(5):
            (tmp_path / f"epoch_{number:03d}.pt").touch()
        (tmp_path / "epoch_002_00000040.pt").touch()
        remove_older(tmp_path / "epoch_003.pt", ("epoch", ".pt"), keep, best)
        return sorted(path.stem.removeprefix("epoch_") for path in tmp_path.iterdir())

    assert names_after(0, -1) == ["000", "001", "002", "002_00000040", "003", "004"]
    assert names_after(1, 0) == ["000", "002", "003", "004"]  # 004 is newer than what was just written
    assert names_after(2, -1) == ["002", "003", "004"]
    assert names_after(3, 3) == ["002", "002_00000040", "003", "004"]


def test_a_folder_that_cannot_be_made_is_told_with_its_reason_and_exit_code_1(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SaveError, match=r"cannot write .*a\.pt \(Not a directory\); mend that") as caught:
        write_file(tmp_path / "file" / "sub" / "a.pt", b"x")
    assert caught.value.exit_code == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_told_and_nothing_is_left(tmp_path):
    write_file(tmp_path / "a.pt", b"old")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(SaveError, match=r"cannot write .*a\.pt \(Permission denied\)"):
            write_file(tmp_path / "a.pt", b"new")
    finally:
        tmp_path.chmod(0o700)
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace"])
def test_whatever_call_fails_the_old_file_stays_and_no_temporary_one(tmp_path, monkeypatch, call):
    path = tmp_path / "trained_model.pt"
    write_file(path, b"old", (Path(f"{path}.sha256"), b"sum of old"))

    def refuse(*_, **__):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(SaveError, match=r"cannot write .*trained_model\.pt \(Input/output error\)"):
        write_file(path, b"new", (Path(f"{path}.sha256"), b"sum of new"))
    monkeypatch.undo()
    left = {item.name: item.read_bytes() for item in tmp_path.iterdir()}
    assert left.pop("trained_model.pt.sha256", b"sum of old") == b"sum of old"
    assert left == {"trained_model.pt": b"old"}
