"""The verb prepare as it is typed: recordings in, a training run on what it made; mistakes told in one message."""
import re
import shlex
import wave

import numpy as np
import pytest

from core_scripts.features.passport import read_passport

TINY = ("epochs=1", "minibatch_num_train=2", "minibatch_num_val=1", "device=cpu", "num_threads=1", "net.layers=4",
        "net.dilation_cycle=4", "net.residual_channels=8", "net.gate_channels=8", "net.skip_channels=8",
        "net.post_channels=8")


@pytest.fixture
def voices(tmp_path):
    """Six recordings of two speakers at 8 kHz, names with spaces and beyond ASCII."""
    folder = tmp_path / "my voices"
    for number, name in enumerate(("ann/eins zwei", "ann/drei", "ann/vier", "bob/fünf", "bob/sechs", "bob/語")):
        path = folder / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        time = np.arange(4000) / 8000
        tone = 9000 * np.sin(2 * np.pi * (200 + 30 * number) * time) * np.sin(2 * np.pi * 4 * time)
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(tone.astype("<i2").tobytes())
    return folder


def proposals(text: str) -> list[list[str]]:
    """The command lines that prepare ends with, split as a shell does, without `python main.py`."""
    return [shlex.split(line)[2:] for line in text.splitlines() if line.startswith("  python main.py train")]


def test_the_proposed_commands_train_on_what_was_made(desk, voices):
    answer = desk.run("prepare", "--wav-dir", str(voices), "--speakers-from", "folder", small=False)
    assert answer.code == 0, answer.err
    out = desk.folder.parent / "DATA" / "my voices"
    assert (out / "speakers.tsv").read_text().startswith("ann/drei\tann\n")
    commands = proposals(answer.out)
    assert len(commands) == 2
    for number, words in enumerate(commands):
        trained = desk.run(*words, *TINY, "--exp", f"try{number}", small=False)
        assert trained.code == 0, trained.err
    assert (desk.folder / "exp/try1/trained_model.pt").exists()


def test_settings_on_the_command_line_decide_the_frames(desk, voices):
    words = ("mel.rate_hz=8000", "wav_samp_rate=8000", "mel.hop=64", "net.hop=64", "mel.window=256", "input_reso=[64]")
    answer = desk.run("prepare", *words, "--wav-dir", str(voices), "--out", str(desk.folder / "out"), small=False)
    assert answer.code == 0, answer.err
    assert read_passport(desk.folder / "out/mel").settings["hop"] == 64
    assert "mel.hop" not in answer.out


def test_stored_frames_of_other_settings_are_refused_with_both_sides(desk, voices):
    assert desk.run("prepare", "--wav-dir", str(voices), "--out", str(desk.folder / "out"), small=False).code == 0
    words = proposals(desk.run("prepare", "--wav-dir", str(voices), "--out", str(desk.folder / "out"), small=False).out)
    answer = desk.run(*words[1], "mel.floor=0.001", *TINY, small=False)
    assert answer.code == 2 and len(answer.errors) == 1
    assert re.search(r"out/mel has passport \w+, the configuration \w+; they differ in floor 1e-05 and 0\.001\.",
                     answer.err), answer.err
    assert desk.files() == []
    (desk.folder / "out/mel/passport.json").write_text("{}")
    assert "is no readable passport" in desk.run(*words[1], *TINY, small=False).err


def test_a_folder_called_wav_gives_the_name_of_the_one_above(desk, own_corpus):
    answer = desk.run("prepare", "--wav-dir", str(own_corpus / "wav"), small=False)
    assert answer.code == 0, answer.err
    assert (desk.folder.parent / "DATA" / "own" / "train.lst").exists()


MISTAKES = {
    "no folder named": ((), r"prepare needs the folder of the recordings: python main\.py prepare --wav-dir DIR"),
    "absent folder": (("--wav-dir", "/nowhere/at/all"), r"--wav-dir /nowhere/at/all is no folder; there is no folder"),
    "rate that is a word": (("--wav-dir", "x", "--resample", "fast"), r"--resample: expects a whole number, got 'f"),
    "rate below zero": (("--wav-dir", "x", "--resample", "-5"), r"--resample: must be at least 0"),
    "mistyped option": (("--wavdir", "x"), r"unknown option --wavdir; did you mean --wav-dir\?"),
    "mistyped setting": (("mel.hopp=3", "--wav-dir", "x"), r"mel\.hopp: unknown key; did you mean mel\.hop\?"),
}


@pytest.mark.parametrize("mistake", list(MISTAKES))
def test_a_mistake_is_one_message_and_writes_nothing(desk, mistake):
    words, told = MISTAKES[mistake]
    answer = desk.run("prepare", *words, small=False)
    assert answer.code == 2 and len(answer.errors) == 1 and "Traceback" not in answer.err
    assert re.search(told, answer.err), answer.err
    assert not (desk.folder.parent / "DATA").exists() and not (desk.folder / "exp").exists()


def test_options_of_prepare_are_refused_elsewhere(desk):
    answer = desk.run("train", "--wav-dir", "x", "--skip-bad")
    assert answer.code == 2
    assert "--wav-dir belongs to the verb prepare, not to train" in answer.err and "--skip-bad belongs" in answer.err


def test_unusable_recordings_end_it_with_code_2_unless_they_may_be_skipped(desk, voices):
    (voices / "bob" / "leer.wav").write_bytes(b"")
    answer = desk.run("prepare", "--wav-dir", str(voices), small=False)
    assert answer.code == 2 and "1 of 7 recordings cannot be used" in answer.err
    assert [path.name for path in (desk.folder.parent / "DATA/my voices").iterdir()] == ["rejected.tsv"]
    answer = desk.run("prepare", "--skip-bad", "--wav-dir", str(voices), small=False)
    assert answer.code == 0 and "going on without them" in answer.err


def test_help_of_prepare_lists_its_options(desk):
    answer = desk.run("prepare", "--help", small=False)
    assert answer.code == 0 and "--speakers-from" in answer.out and "--temperature" not in answer.out
