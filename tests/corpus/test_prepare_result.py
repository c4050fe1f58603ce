"""What prepare makes of good recordings, and how it goes on where it was stopped."""
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
from prepare_tools import RATE, RECIPE, content, names_of, record, run, syllables, write

from core_scripts.config_parse.config_parse import load_config
from core_scripts.corpus.prepare_proposal import mel_for_rate, proposed_words
from core_scripts.corpus.prepare_scan import find_recordings, look_at
from core_scripts.data_io.audio_header import read_audio_header
from core_scripts.data_io.file_io import read_frames
from core_scripts.features.config_mel import MelConfig
from core_scripts.features.passport import passport_of, read_passport

NAMES = ("a", "b", "c d", "sub/é-1", "sub/deeper/語", "f", "g", "h")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """For reading only."""
    return record(tmp_path_factory.mktemp("prepare") / "my voice", *NAMES)


@pytest.fixture(scope="module")
def made(source, tmp_path_factory):
    """For reading only."""
    return run(source, tmp_path_factory.mktemp("made") / "out")


def test_every_recording_has_its_waveform_and_frames_under_its_own_name(made, source):
    for name in NAMES:
        assert (made / "wav" / f"{name}.wav").readlink() == source / f"{name}.wav"
        assert read_frames(made / "mel" / f"{name}.mel", 80).shape == (75, 80)


def test_the_lists_share_all_recordings_among_them(made):
    lists = [names_of(made / f"{kind}.lst") for kind in ("train", "val", "test")]
    assert sorted(sum(lists, [])) == sorted(NAMES)
    assert [len(names) for names in lists] == [6, 1, 1]


def test_stored_frames_are_those_of_the_front_end_with_zeros_around(made, source):
    import torch

    wave = torch.from_numpy(read_frames(source / "a.wav", 1)[:, 0])
    around = torch.nn.functional.pad(wave, (160, 160))
    assert np.allclose(read_frames(made / "mel/a.mel", 80), MelConfig().build()(around).numpy(), atol=1e-5)


def test_statistics_are_those_of_all_training_frames_together(made):
    frames = np.concatenate([read_frames(made / "mel" / f"{name}.mel", 80) for name in names_of(made / "train.lst")])
    mean, std = np.fromfile(made / "mel_mean_std.bin", "<f4").reshape(2, -1)
    assert np.allclose(mean, frames.mean(axis=0), atol=1e-4)
    assert np.allclose(std, frames.std(axis=0), atol=1e-4)


def test_the_passport_tells_how_the_frames_were_made(made):
    assert read_passport(made / "mel") == passport_of(MelConfig())
    assert json.loads((made / "mel/passport.json").read_text())["hop"] == 80


@pytest.mark.slow
def test_several_processes_make_the_same_bytes(made, source, tmp_path):
    assert content(run(source, tmp_path / "out", workers=2)) == content(made)


def test_started_again_nothing_is_read_or_made_anew(source, tmp_path, capsys):
    out = run(source, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (out / "mel").rglob("*.mel")}
    run(source, out)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert "features of 8 files were there already" in capsys.readouterr().out


def test_what_was_stopped_goes_on_with_the_files_that_are_missing(source, made, tmp_path, capsys):
    out = run(source, tmp_path / "out")
    for name in ("mel/a.mel", "wav/b.wav", "train.lst", "mel_mean_std.bin"):
        (out / name).unlink()
    (out / "mel/f.mel").write_bytes(b"torn")
    (out / "mel/.4194999-0a1b2c3d.tmp").write_bytes(b"left over")
    run(source, out)
    assert "features of 6 files were there already" in capsys.readouterr().out
    assert content(out) == content(made)


def test_a_changed_recording_alone_is_made_anew_and_a_lost_one_taken_away(tmp_path, capsys):
    source = record(tmp_path / "in", *"abcdef")
    out = run(source, tmp_path / "out")
    write(source / "b.wav", syllables(99))
    (source / "f.wav").unlink()
    run(source, out)
    assert "features of 4 files were there already" in capsys.readouterr().out
    assert content(out) == content(run(source, tmp_path / "fresh"))


def test_frames_of_other_settings_replace_the_old_ones(tmp_path, capsys):
    source = record(tmp_path / "in", *"abcd")
    out = run(source, tmp_path / "out")
    run(source, out, resample=8000)
    assert "had features of passport" in capsys.readouterr().err
    assert soundfile.info(out / "wav/a.wav").samplerate == 8000 and not (out / "wav/a.wav").is_symlink()
    assert content(out) == content(run(source, tmp_path / "fresh", resample=8000))
    assert soundfile.info(source / "a.wav").samplerate == RATE


@pytest.mark.slow
def test_a_process_that_is_stopped_leaves_whole_files_and_no_lists(tmp_path):
    source = record(tmp_path / "in", *(f"n{number}" for number in range(60)))
    code = ("import sys; sys.path.insert(0, sys.argv[3])\nfrom pathlib import Path\nfrom prepare_tools import run\n"
            "if __name__ == '__main__':\n    run(Path(sys.argv[1]), Path(sys.argv[2]), workers=2)\n")
    (tmp_path / "start.py").write_text(code)
    out, here = tmp_path / "out", str(RECIPE.parents[1] / "tests/corpus")
    env = os.environ | {"PYTHONPATH": str(RECIPE.parents[1]), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, str(tmp_path / "start.py"), str(source), str(out), here]
    work = subprocess.Popen(words, env=env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)
    began = time.monotonic()
    while not list(out.glob("mel/*.mel")) and work.poll() is None and time.monotonic() - began < 60:
        time.sleep(0.005)
    work.send_signal(signal.SIGTERM)
    work.communicate(timeout=60)
    if work.returncode != 0:  # it may have been done already
        assert not (out / "test.lst").exists()
    for path in out.glob("mel/*.mel"):
        assert path.stat().st_size == 75 * 80 * 4
    with pytest.raises(ProcessLookupError):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            os.killpg(work.pid, 0)  # nobody of its group is left
            time.sleep(0.05)
    run(source, out)
    assert len(names_of(out / "train.lst")) == 54


def test_flac_becomes_wav_sample_for_sample(tmp_path):
    source = record(tmp_path / "in", *"abc")
    codes, _ = soundfile.read(source / "b.wav", dtype="int16")
    soundfile.write(source / "b.flac", codes, RATE)
    (source / "b.wav").unlink()
    out = run(source, tmp_path / "out")
    assert np.array_equal(soundfile.read(out / "wav/b.wav", dtype="int16")[0], codes)


def test_resampling_keeps_tone_and_level(tmp_path):
    time_s = np.arange(48000) / 48000
    tone = 0.5 * np.sin(2 * np.pi * 440 * time_s) * np.sin(2 * np.pi * 3 * time_s) ** 2
    for name, gain in (("a", 1.0), ("b", 0.9), ("c", 0.8)):
        write(tmp_path / "in" / f"{name}.wav", gain * tone, 48000)
    out = run(tmp_path / "in", tmp_path / "out", resample=16000)
    found, rate = soundfile.read(out / "wav/a.wav")
    assert (rate, len(found)) == (16000, 16000)
    assert np.abs(found[200:-200] - tone[::3][200:-200]).max() < 1e-3


@pytest.mark.parametrize(("rate_hz", "words"), [
    (16000, []),
    (8000, ["mel.rate_hz=8000", "mel.window=200", "mel.hop=40", "mel.fft=256", "net.hop=40", "wav_samp_rate=8000",
            "input_reso=[40]", "truncate_seq=4000", "minimum_len=400"]),
    (22050, ["mel.rate_hz=22050", "mel.window=550", "mel.hop=110", "mel.fft=1024", "net.hop=110",
             "wav_samp_rate=22050", "input_reso=[110]", "truncate_seq=11000", "minimum_len=1100"]),
])
def test_settings_that_suit_another_rate_are_proposed(rate_hz, words):
    conf = load_config("config", RECIPE)
    assert proposed_words(conf, mel_for_rate(conf.mel, rate_hz), 10 * rate_hz) == words


def test_crops_are_no_longer_than_half_of_the_recordings():
    conf = load_config("config", RECIPE)
    assert proposed_words(conf, conf.mel, 6050) == ["truncate_seq=6000"]


def test_headers_are_read_as_the_data_sets_do(source, tmp_path):
    soundfile.write(tmp_path / "x.flac", syllables(1), 22050, subtype="PCM_24")
    soundfile.write(tmp_path / "y.wav", np.stack([syllables(1)] * 2, 1), 44100, subtype="FLOAT")
    for folder in (source, tmp_path):
        for recording in look_at(find_recordings(folder)):
            assert recording.header == read_audio_header(recording.path)
