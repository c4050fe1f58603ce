"""Formats, segments, and what is written."""
import os
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core_scripts.data_io.file_io import count_frames, read_frames, write_frames
from core_scripts.errors import DataError

WAVE = np.linspace(-0.9, 0.9, 50)


@pytest.mark.parametrize(("subtype", "tolerance"), [
    ("PCM_16", 2**-15), ("PCM_24", 2**-23), ("PCM_32", 2**-24), ("FLOAT", 1e-7), ("DOUBLE", 1e-7),
])
def test_all_sample_formats_are_read_in_full_scale(tmp_path, subtype, tolerance):
    path = tmp_path / "x.wav"
    soundfile.write(path, WAVE, 16000, subtype=subtype)
    assert read_frames(path, 1)[:, 0] == pytest.approx(WAVE, abs=tolerance)
    assert read_frames(path, 1).dtype == np.float32
    assert np.array_equal(read_frames(path, 1, 7, 20), read_frames(path, 1)[7:20])


@pytest.mark.parametrize("name", ["x.wav", "x.flac", "x.npy", "x.mgc"])
def test_any_range_is_the_slice_of_the_whole_file_and_fill_outside(tmp_path, name):
    path = tmp_path / name
    write_frames(path, WAVE[:, None], 16000)
    whole = read_frames(path, 1)
    assert count_frames(path, 1) == 50
    extended = np.concatenate([np.full((60, 1), 3.0), whole, np.full((60, 1), 3.0)]).astype(np.float32)
    for start, stop in [(0, 50), (0, 1), (49, 50), (-5, 10), (40, 70), (-60, -10), (60, 90), (-3, 55), (10, 10)]:
        assert np.array_equal(read_frames(path, 1, start, stop, fill=3.0), extended[start + 60 : stop + 60])


def test_only_the_needed_segment_is_read_from_large_files(tmp_path, wav_bytes):
    seconds = 2000  # 64 MB of wav, as much of features, none of which takes space on the disk
    size = seconds * 32000
    (tmp_path / "x.wav").write_bytes(wav_bytes(b"", data_size=size))
    os.truncate(tmp_path / "x.wav", 44 + size)
    (tmp_path / "x.mel").touch()
    os.truncate(tmp_path / "x.mel", size)
    for name, dim in (("x.wav", 1), ("x.mel", 80)):
        before = bytes_read_by_this_process()
        assert read_frames(tmp_path / name, dim, 100_000, 101_000).shape == (1000, dim)
        assert bytes_read_by_this_process() - before < 600_000


def bytes_read_by_this_process() -> int:
    if not Path("/proc/self/io").exists():
        pytest.skip("this system does not count what a process reads")
    return int(Path("/proc/self/io").read_text().split()[1])


def test_npy_matrices_may_lie_either_way(tmp_path):
    data = np.arange(12, dtype=np.float64).reshape(4, 3)
    np.save(tmp_path / "a.npy", data)
    np.save(tmp_path / "b.npy", data.T)
    np.save(tmp_path / "c.npy", data[:, 0])
    assert np.array_equal(read_frames(tmp_path / "a.npy", 3), read_frames(tmp_path / "b.npy", 3))
    assert read_frames(tmp_path / "c.npy", 1).shape == (4, 1)


def test_pickles_in_npy_files_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(DataError, match="no readable .npy file"):
        read_frames(tmp_path / "x.npy", 1)


@pytest.mark.parametrize(("shape", "dim"), [((4, 5), 3), ((2, 2, 3), 3), ((4,), 3)])
def test_npy_files_of_another_shape_are_refused(tmp_path, shape, dim):
    np.save(tmp_path / "x.npy", np.zeros(shape))
    with pytest.raises(DataError, match=rf"\(frames, {dim}\) numbers are needed"):
        count_frames(tmp_path / "x.npy", dim)


def test_raw_files_that_are_not_whole_frames_suggest_a_dim(tmp_path):
    (tmp_path / "x.mel").write_bytes(bytes(39 * 4 * 7))
    with pytest.raises(DataError, match=r"1092 bytes are not whole frames of 80 .* dims \[1, 3, 13, 39\] would fit"):
        count_frames(tmp_path / "x.mel", 80)
    (tmp_path / "x.mel").write_bytes(bytes(5))
    with pytest.raises(DataError, match="no float32 file or is cut"):
        count_frames(tmp_path / "x.mel", 80)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_samples_are_found_with_their_place_in_the_file(tmp_path, bad):
    samples = np.zeros(100, dtype=np.float32)
    samples[61] = bad
    soundfile.write(tmp_path / "x.wav", samples, 16000, subtype="FLOAT")
    with pytest.raises(DataError, match=r"x.wav: sample 61 is NaN or infinite"):
        read_frames(tmp_path / "x.wav", 1, 50, 80)
    assert len(read_frames(tmp_path / "x.wav", 1, 62, 80)) == 18


def test_float_waves_at_another_scale_are_refused_but_may_overshoot(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.array([0.5, 1.3, -1.2]), 16000, subtype="FLOAT")
    assert read_frames(tmp_path / "x.wav", 1).max() == pytest.approx(1.3)
    soundfile.write(tmp_path / "x.wav", np.array([0.5, 0.1, 16384.0]), 16000, subtype="FLOAT")
    with pytest.raises(DataError, match=r"sample 2 is 16384, far outside \[-1, 1\]; scale the file"):
        read_frames(tmp_path / "x.wav", 1)


def test_stereo_and_other_rates_are_refused(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.zeros((10, 2)), 22050)
    with pytest.raises(DataError, match="2 channels, dims says 1"):
        count_frames(tmp_path / "x.wav", 1)
    with pytest.raises(DataError, match="22050 Hz, wav_samp_rate says 16000"):
        count_frames(tmp_path / "x.wav", 2, 16000)
    assert read_frames(tmp_path / "x.wav", 2).shape == (10, 2)


def test_written_waves_are_rounded_and_clipped_not_truncated(tmp_path, capsys):
    write_frames(tmp_path / "x.wav", np.array([0.6, -0.6, 1.4, 2**15, 2**15 - 0.5, -(2**15) - 9]) / 2**15, 16000)
    with wave.open(str(tmp_path / "x.wav")) as file:
        assert file.getparams()[:4] == (1, 2, 16000, 6)
        codes = np.frombuffer(file.readframes(6), "<i2")
    assert codes.tolist() == [1, -1, 1, 32767, 32767, -32768]
    assert "1 of 6 samples are outside" in capsys.readouterr().err


def test_written_files_are_what_their_names_say(tmp_path):
    data = np.linspace(-0.5, 0.5, 12).reshape(6, 2)
    for name in ("x.npy", "x.flac", "x.any"):
        write_frames(tmp_path / name, data, 8000)
    assert np.array_equal(np.load(tmp_path / "x.npy"), data.astype(np.float32))
    assert soundfile.info(tmp_path / "x.flac").samplerate == 8000
    assert (tmp_path / "x.any").read_bytes() == data.astype("<f4").tobytes()
    assert sorted(os.listdir(tmp_path)) == ["x.any", "x.flac", "x.npy"]  # no temporary files


def test_what_cannot_be_written_is_told_and_leaves_nothing(tmp_path):
    with pytest.raises(DataError, match="wav_samp_rate is None"):
        write_frames(tmp_path / "x.wav", WAVE)
    with pytest.raises(DataError, match="1 of 50 values are NaN"):
        write_frames(tmp_path / "x.mel", np.where(np.arange(50) == 3, np.nan, WAVE))
    with pytest.raises(DataError, match="not written as text"):
        write_frames(tmp_path / "x.txt", WAVE)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be written: (Not a directory|File exists)"):
        write_frames(tmp_path / "file" / "x.mel", WAVE)
    assert os.listdir(tmp_path) == ["file"]
