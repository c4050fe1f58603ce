"""What prepare refuses, what it warns of, and that a refusal writes nothing but rejected.tsv."""
import fcntl
import os

import numpy as np
import pytest
import soundfile
from prepare_tools import RATE, content, names_of, record, run, syllables, write

from core_scripts.errors import DataError, RecitalError, UsageError

BAD = {
    "stereo": (lambda path: write(path, syllables(1), channels=2), "channels", r"2 channels, one is needed; mix it"),
    "another rate": (lambda path: write(path, syllables(1), 22050), "other rate", r"22050 Hz.*--resample 16000"),
    "too short": (lambda path: write(path, syllables(1, 300)), "too short", r"0\.019 s, the shortest usable is 0\.050"),
    "digital silence": (lambda path: write(path, np.zeros(6000)), "silent", r"never louder than -\d+ dB"),
    "an offset alone": (lambda path: write(path, np.full(6000, 0.2)), "silent", r"never louder than"),
    "no file": (lambda path: path.symlink_to("nowhere"), "unreadable", r"cannot be read: No such file"),
    "a link to itself": (lambda path: path.symlink_to(path.name), "unreadable", r"cannot be read: Too many levels"),
    "an empty file": (lambda path: path.write_bytes(b""), "unreadable", r"is an empty file"),
    "half a file": (lambda path: os.truncate(write(path, syllables(1)), 6000), "unreadable", r"the file holds 2978"),
    "a web page": (lambda path: path.write_text("<html>" * 99), "unreadable", r"looks like HTML"),
    "not a number": (lambda path: soundfile.write(path, np.where(np.arange(6000) == 17, np.nan, 0.1), RATE,
                                                  subtype="FLOAT"), "unreadable", r"sample 17 is NaN or infinite"),
    "another scale": (lambda path: soundfile.write(path, 100 * syllables(1), RATE, subtype="FLOAT"), "unreadable",
                      r"far outside \[-1, 1\]"),
    "the samples of another": (lambda path: path.write_bytes((path.parent / "a.wav").read_bytes()), "duplicate",
                               r"the same samples as a;"),
}


@pytest.mark.parametrize("case", list(BAD))
def test_a_recording_that_cannot_be_used_is_told_and_nothing_else_written(case, tmp_path):
    spoil, kind, told = BAD[case]
    source = record(tmp_path / "in", *"abcd")
    spoil(source / "x y.wav")
    with pytest.raises(DataError, match=rf"1 of 5 recordings cannot be used.*--skip-bad\n  x y\.wav: .*{told}"):
        run(source, tmp_path / "out")
    assert list(content(tmp_path / "out")) == ["rejected.tsv"]
    name, found, _ = names_of(tmp_path / "out/rejected.tsv")[1].split("\t")
    assert (name, found) == ("x y", kind)
    out = run(source, tmp_path / "out", skip_bad=True)
    assert not (out / "wav/x y.wav").exists() and len(list(out.glob("mel/*.mel"))) == 4


def test_all_faults_are_told_together(tmp_path):
    source = record(tmp_path / "in", *"abcd")
    for number, (spoil, _, _) in enumerate(BAD.values()):
        spoil(source / f"x{number}.wav")
    with pytest.raises(DataError, match=r"(?s)13 of 17 recordings.*x0\.wav: 2 channels.*and 3 more"):
        run(source, tmp_path / "out")
    assert len(names_of(tmp_path / "out/rejected.tsv")) == 14


def test_a_damaged_flac_file_is_told(tmp_path):
    source = record(tmp_path / "in", *"abc")
    soundfile.write(source / "x.flac", syllables(1), RATE)
    os.truncate(source / "x.flac", 3000)
    with pytest.raises(DataError, match=r"x\.flac: "):
        run(source, tmp_path / "out")


def test_mended_recordings_leave_no_rejects_behind(tmp_path):
    source = record(tmp_path / "in", *"abcd")
    (source / "x.wav").write_bytes(b"")
    with pytest.raises(DataError, match="empty file"):
        run(source, tmp_path / "out")
    record(source, "x")
    assert not (run(source, tmp_path / "out") / "rejected.tsv").exists()


def test_mixed_rates_are_brought_to_one(tmp_path):
    source = record(record(tmp_path / "in", *"abc"), "d", "e", rate_hz=48000)
    out = run(source, tmp_path / "out", resample=RATE)
    assert {soundfile.info(path).samplerate for path in out.glob("wav/*.wav")} == {RATE}
    assert (out / "wav/a.wav").is_symlink() and not (out / "wav/d.wav").is_symlink()


def test_resampling_upwards_is_told(tmp_path, capsys):
    run(record(tmp_path / "in", *"abc", rate_hz=8000), tmp_path / "out", resample=RATE)
    assert "resampling from 8000 to 16000 Hz adds no sound above 4000 Hz" in capsys.readouterr().err


WARNINGS = {
    "clipped": (np.clip(4 * syllables(7), -1, 1), r"1 of 4 recordings have samples cut off at full scale.*\(x\)"),
    "eight bits": (np.round(syllables(7) * 128) / 128, r"1 of 4 recordings hold 8-bit audio in 16-bit samples.*\(x\)"),
    "eight bits shifted": (np.round(syllables(7) * 128) / 128 + 0.01, r"8-bit audio in 16-bit"),
    "noise": (np.random.default_rng(1).normal(0, 0.1, RATE), r"perhaps no speech at all \(x\)"),
    "offset": (syllables(7) + 0.1, r"constant offset of the waveform \(all \+0\.025"),
}


@pytest.mark.parametrize("case", list(WARNINGS))
def test_what_a_model_would_learn_by_mistake_is_told(case, tmp_path, capsys):
    samples, told = WARNINGS[case]
    write(record(tmp_path / "in", *"abc") / "x.wav", samples)
    run(tmp_path / "in", tmp_path / "out")
    with pytest.raises(AssertionError, match=told):
        raise AssertionError(capsys.readouterr().err)


def test_good_recordings_give_no_warning(tmp_path, capsys):
    run(record(tmp_path / "in", *"abc"), tmp_path / "out")
    assert capsys.readouterr().err == ""


def test_quiet_speakers_are_told_and_left_as_they_are(tmp_path, capsys):
    source = record(tmp_path / "in", "loud/a", "loud/b", "loud/c")
    for seed in range(3):
        write(source / "low" / f"{seed}.wav", syllables(seed, level=0.02))
    out = run(source, tmp_path / "out", speakers_from="folder")
    assert "very quiet (low -4" in (told := capsys.readouterr().err) and "nothing is normalised" in told
    assert np.abs(soundfile.read(out / "wav/low/0.wav")[0]).max() < 0.025
    assert "low/0\tlow" in names_of(out / "speakers.tsv")


def test_no_usable_recording_at_all_is_told_even_when_bad_ones_may_be_skipped(tmp_path):
    for name in "abc":
        write(tmp_path / "in" / f"{name}.wav", np.zeros(6000))
    with pytest.raises(DataError, match=r"3 of 3 .*nothing is left to train on\n  a\.wav: never louder"):
        run(tmp_path / "in", tmp_path / "out", skip_bad=True)


def test_a_folder_of_damaged_files_alone_is_told(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.wav").write_bytes(b"")
    with pytest.raises(DataError, match=r"none of the 2 files in .* can be read"):
        run(tmp_path, tmp_path.with_name(f"{tmp_path.name}-out"))


@pytest.mark.parametrize(("names", "told"), [((), r"holds no \.wav and no \.flac file; name"),
                                             (("a.txt", "b.mp3"), r"no \.flac file, 2 other files")])
def test_a_folder_without_recordings_is_told(names, told, tmp_path):
    (tmp_path / "in").mkdir()
    for name in names:
        (tmp_path / "in" / name).write_text("x")
    with pytest.raises(DataError, match=told):
        run(tmp_path / "in", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_mistyped_folder_is_told_with_the_one_that_is_meant(tmp_path):
    record(tmp_path / "voices", "a")
    with pytest.raises(DataError, match=r"voicse is no folder; did you mean voices\?"):
        run(tmp_path / "voicse", tmp_path / "out")


def test_a_single_recording_serves_for_all_lists_with_a_warning(tmp_path, capsys):
    out = run(record(tmp_path / "in", "a"), tmp_path / "out")
    assert [names_of(out / f"{kind}.lst") for kind in ("train", "val", "test")] == [["a"]] * 3
    assert "1 recordings cannot be split" in capsys.readouterr().err


@pytest.mark.parametrize("inside", ["in/out", "in", "."])
def test_output_and_recordings_must_lie_apart(inside, tmp_path):
    record(tmp_path / "in", "a")
    with pytest.raises(UsageError, match="lie in one another"):
        run(tmp_path / "in", tmp_path / inside)
    assert list(content(tmp_path)) == ["in/a.wav"]


def test_an_output_inside_through_a_link_is_found(tmp_path):
    (record(tmp_path / "in", "a") / "sub").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "in" / "sub")
    with pytest.raises(UsageError, match="lie in one another"):
        run(tmp_path / "in", tmp_path / "link")


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.txt").write_text("mine")
    with pytest.raises(DataError, match=r"holds other things \(thesis\.txt\).*nothing was touched"):
        run(record(tmp_path / "in", "a"), tmp_path / "out")
    (tmp_path / "out/prepare.json").write_text("{")
    with pytest.raises(DataError, match=r"is no record of this version of prepare; move"):
        run(tmp_path / "in", tmp_path / "out")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"file is a file; name a folder"):
        run(tmp_path / "in", tmp_path / "file")


def test_a_folder_that_another_process_prepares_is_left_alone(tmp_path):
    out = run(record(tmp_path / "in", *"abc"), tmp_path / "out")
    before = content(out)
    handle = os.open(out, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(RecitalError, match="being prepared by another process") as caught:
        run(tmp_path / "in", out)
    os.close(handle)
    assert caught.value.exit_code == 5 and content(out) == before


def test_names_that_no_list_can_hold_are_refused(tmp_path):
    source = record(tmp_path / "in", "a", "b", "c", "two\nlines", " space")
    (source / os.fsdecode(b"\xff.wav")).write_bytes((source / "a.wav").read_bytes())
    soundfile.write(source / "b.flac", syllables(1), RATE)
    with pytest.raises(DataError, match=r"4 of 7 recordings cannot be used") as caught:
        run(source, tmp_path / "out")
    for part in ("line break", "not UTF-8", "has the name b, as b.flac"):
        assert part in str(caught.value)
    assert len(list(run(source, tmp_path / "out", skip_bad=True).glob("mel/*.mel"))) == 3
