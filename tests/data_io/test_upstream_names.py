"""The names that recipes written for upstream import from data_io."""
import numpy as np
import pytest
import torch

from core_scripts.data_io import conf, dsp_tools, io_tools, wav_tools
from core_scripts.errors import DataError


def test_number_formats_have_their_upstream_names():
    assert (conf.d_dtype, conf.h_dtype, conf.std_floor) == (torch.float32, np.float32, 1e-8)


def test_raw_matrices_come_back(tmp_path):
    data = np.arange(6, dtype=np.float32).reshape(2, 3)
    for end in ("l", "b"):
        io_tools.f_write_raw_mat(data, tmp_path / "x", end=end)
        assert np.array_equal(io_tools.f_read_raw_mat(tmp_path / "x", 3, end=end), data)
    assert (tmp_path / "x").read_bytes() == data.astype(">f4").tobytes()
    assert io_tools.f_read_raw_mat_length(tmp_path / "x") == 6
    assert io_tools.f_read_raw_mat(tmp_path / "x", 1).shape == (6,)


def test_raw_matrices_of_another_width_are_refused(tmp_path):
    io_tools.f_write_raw_mat(np.zeros(5), tmp_path / "x")
    with pytest.raises(DataError, match="20 bytes are not whole rows of 3 x 4 bytes"):
        io_tools.f_read_raw_mat(tmp_path / "x", 3)


def test_dictionaries_come_back_and_damage_is_told(tmp_path):
    io_tools.write_dic({"a": [1, "ü"]}, tmp_path / "x")
    assert io_tools.read_dic(tmp_path / "x") == {"a": [1, "ü"]}
    (tmp_path / "x").write_text("{")
    with pytest.raises(DataError, match="is no JSON file"):
        io_tools.read_dic(tmp_path / "x")


def test_waveforms_are_read_and_written_by_upstreams_names(tmp_path):
    wav_tools.waveFloatToPCMFile(np.array([0.5, -0.5]), tmp_path / "x.wav", sr=8000)
    rate, samples = wav_tools.waveReadAsFloat(tmp_path / "x.wav")
    assert (rate, samples.tolist(), wav_tools.readWaveLength(tmp_path / "x.wav")) == (8000, [0.5, -0.5], 2)


def test_speech_and_silence_are_the_whole_waveform():
    rng = np.random.default_rng(1)
    wave = np.concatenate([1e-4 * rng.normal(size=4000), rng.normal(size=8000) * 0.1, 1e-4 * rng.normal(size=4000)])
    speech, silence, tags = wav_tools.silence_handler(wave, 16000)
    assert np.array_equal(wave[tags == 1], speech)
    assert len(speech) + len(silence) == len(wave) == len(tags)
    assert abs(len(speech) - 8000) < 800
    wrapped = wav_tools.silence_handler_wrapper(wave[:, None], 16000, flag_output=1)
    assert np.array_equal(wrapped[:, 0], speech)


def test_short_pauses_are_no_silence_and_short_clicks_no_speech():
    wave = np.zeros(16000)
    wave[3000:3100] = 0.5  # 6 ms
    wave[6000:12000] = 0.5 * np.sin(np.arange(6000))
    wave[8000:8100] = 0
    _, _, tags = wav_tools.silence_handler(wave, 16000)
    assert tags[8050] == 1
    assert tags[3050] == 0


@pytest.mark.parametrize("length", [1, 100, 319])
def test_waveforms_shorter_than_a_frame_are_handled(length):
    speech, silence, _ = wav_tools.silence_handler(np.full(length, 0.5), 16000)
    assert len(speech) + len(silence) == length


def test_the_mel_filterbank_has_triangles_of_height_one():
    tool = dsp_tools.Melspec(sf=16000, fl=400, fs=80, fn=1024, mfbnum=20)
    assert tool.melfb.shape == (513, 20)
    assert tool.melfb.max(axis=0) == pytest.approx(1.0, abs=0.2)
    tone = np.sin(2 * np.pi * 1000 * np.arange(4000) / 16000)
    log_mel = tool.analyze(tone)
    assert log_mel.shape == ((4000 - 400) // 80 + 1, 20)
    peak_hz = np.argmax(tool.melfb[:, log_mel.mean(axis=0).argmax()]) * 16000 / 1024
    assert abs(peak_hz - 1000) < 150
