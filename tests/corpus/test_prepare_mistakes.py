"""Mistakes of a new user that are told before the recordings are read, and files that no reader should trust."""
import os

import numpy as np
import pytest
import soundfile
from prepare_tools import RATE, content, record, run, syllables, write

from core_scripts.errors import DataError, UsageError


@pytest.fixture
def unread(monkeypatch):
    """Reading a recording fails the test."""
    def measure(job):
        raise AssertionError(f"{job} was read")

    monkeypatch.setattr("core_scripts.corpus.prepare.measure_file", measure)


@pytest.mark.parametrize(("request_", "told"), [
    ({"speakers_from": "fodler"}, r"--speakers-from fodler is neither folder nor prefix, nor a file.*mean folder\?"),
    ({"speakers_from": "folder"}, r"no speaker for 3 of 3 recordings"),
    ({"resample": 16_000_000}, r"--resample 16000000: a rate in Hz of at most 1,000,000"),
])
def test_what_the_command_line_gets_wrong_is_told_before_anything_is_read(request_, told, unread, tmp_path):
    with pytest.raises((UsageError, DataError), match=told) as caught:
        run(record(tmp_path / "in", *"abc"), tmp_path / "out", **request_)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_is_told_before_anything_is_read(unread, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot be made: nothing can be written to .*file; name another one"):
        run(record(tmp_path / "in", "a"), tmp_path / "file" / "out")


def test_a_recording_in_the_place_of_its_folder_is_told(tmp_path):
    record(tmp_path / "in", "a")
    with pytest.raises(DataError, match=r"a\.wav is a file; name the folder that holds it: --wav-dir .*/in$"):
        run(tmp_path / "in" / "a.wav", tmp_path / "out")


def test_a_folder_prepared_from_other_recordings_is_left_alone(tmp_path):
    out = run(record(tmp_path / "mine", *"abc"), tmp_path / "out")
    before = content(out)
    with pytest.raises(DataError, match=r"was prepared from .*/mine, not from .*/yours; nothing was touched, name"):
        run(record(tmp_path / "yours", *"abc"), out)
    assert content(out) == before


def test_linked_folders_are_not_passed_over_in_silence(tmp_path, capsys):
    record(tmp_path / "elsewhere", "x")
    source = record(tmp_path / "in", *"abc")
    (source / "more").symlink_to(tmp_path / "elsewhere")
    run(source, tmp_path / "out")
    assert "1 linked folders are not looked into (the first is " in capsys.readouterr().err


def test_a_pipe_among_the_recordings_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(record(tmp_path / "in", *"abc") / "x.wav")
    with pytest.raises(DataError, match=r"x\.wav: is a pipe or a device, not a file"):
        run(tmp_path / "in", tmp_path / "out")


@pytest.mark.parametrize("samples", [2**36 - 1, 2**34, 7000])
def test_a_flac_file_that_promises_more_than_it_holds_is_refused(samples, tmp_path):
    source = record(tmp_path / "in", *"abc")
    soundfile.write(source / "x.flac", syllables(7), RATE)
    content = bytearray((source / "x.flac").read_bytes())
    content[21:26] = (15 << 36 | samples).to_bytes(5, "big")  # 16 bits per sample stay
    (source / "x.flac").write_bytes(content)
    with pytest.raises(DataError, match=r"1 of 4 .*\n  x\.flac: (is cut: 6000 of its|damaged FLAC file)"):
        run(source, tmp_path / "out")


def test_one_recording_with_a_large_offset_is_named(tmp_path, capsys):
    source = record(tmp_path / "in", *"abc")
    write(source / "x.wav", syllables(7) + 0.1)
    run(source, tmp_path / "out")
    assert "1 of 4 recordings have a large constant offset (x; x has +0.100): take it away" in capsys.readouterr().err


def test_a_tone_is_not_taken_for_eight_bits(tmp_path, capsys):
    source = record(tmp_path / "in", *"abc")
    write(source / "x.wav", 0.3 * np.sin(2 * np.pi * 440 / RATE * np.arange(3 * RATE)))
    run(source, tmp_path / "out")
    told = capsys.readouterr().err
    assert "perhaps no speech at all (x)" in told and "8-bit" not in told


def test_after_an_interruption_the_user_knows_how_to_go_on(tmp_path, monkeypatch, capsys):
    def interrupted(job):
        raise KeyboardInterrupt

    monkeypatch.setattr("core_scripts.corpus.prepare.extract_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(record(tmp_path / "in", *"abc"), tmp_path / "out")
    assert "start the same command again to go on" in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("*.lst"))
