"""What is heard on a page is what the file holds, as much of it as fits."""
import base64
import io

import numpy as np
import pytest
import soundfile
from run_stage import RATE_HZ, tone, write_tone

from core_scripts.errors import DataError
from core_scripts.report.sound_clip import Clip, fit_sound, read_clip


def noise(seconds: float, seed: int = 0) -> Clip:
    samples = np.random.default_rng(seed).normal(0, 3000, int(seconds * RATE_HZ)).astype(np.int16)
    return Clip(samples, RATE_HZ, seconds)


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_samples_go_onto_the_page_unchanged(tmp_path, kind):
    path = write_tone(tmp_path / f"a.{kind}", 0.3)
    clip = read_clip(path)
    assert (clip.samples == soundfile.read(path, dtype="int16")[0]).all()
    fit = fit_sound([clip], 10**6)
    head, _, body = fit.to_uri(clip).partition(",")
    heard, rate_hz = soundfile.read(io.BytesIO(base64.b64decode(body)), dtype="int16")
    assert head == "data:audio/wav;base64" and rate_hz == RATE_HZ and (heard == clip.samples).all()
    assert clip.rms == pytest.approx(0.5 / np.sqrt(2), rel=1e-3)


def test_several_channels_become_their_mean(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.column_stack([tone(0.1), -tone(0.1)]), RATE_HZ)
    assert np.abs(read_clip(tmp_path / "a.wav").samples).max() <= 1


def test_long_files_are_read_no_further_than_they_are_shown(tmp_path):
    clip = read_clip(write_tone(tmp_path / "a.wav", 2.0), most_seconds=0.5)
    assert len(clip.samples) == RATE_HZ // 2 and clip.seconds == 2.0 and clip.shown_seconds == 0.5


def test_sound_is_wav_where_it_fits_else_flac_else_the_beginning():
    quiet = [Clip((clip.samples // 256).astype(np.int16), RATE_HZ, 4.0) for clip in (noise(4, 1), noise(4, 2))]
    raw = sum(clip.samples.nbytes for clip in quiet) * 4 / 3
    assert fit_sound(quiet, int(raw + 200)).kind == "wav"
    assert fit_sound(quiet, int(raw * 0.9)) == fit_sound(quiet, int(raw * 0.6)) != fit_sound(quiet, int(raw * 0.1))
    short = fit_sound(quiet, int(raw * 0.1))
    assert short.kind == "flac" and short.seconds < 4
    assert sum(len(short.to_uri(clip)) for clip in quiet) <= raw * 0.1


def test_a_damaged_file_is_told_and_not_guessed(tmp_path):
    path = write_tone(tmp_path / "a.wav", 0.3)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match="is cut: the header says 2400 samples"):
        read_clip(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="is an empty file"):
        read_clip(path)
