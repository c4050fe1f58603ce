"""Every way in which a header can lie is told, with the file and both numbers."""
import os
import struct

import numpy as np
import pytest
import soundfile

from core_scripts.data_io.audio_header import read_audio_header
from core_scripts.data_io.file_io import read_frames
from core_scripts.errors import DataError

DATA = np.arange(1000, dtype="<i2").tobytes()  # 2000 bytes


def read(tmp_path, content: bytes, name: str = "x.wav"):
    path = tmp_path / name
    path.write_bytes(content)
    return read_audio_header(path)


def test_an_honest_header_is_read(tmp_path, wav_bytes):
    header = read(tmp_path, wav_bytes(DATA))
    assert (header.frames, header.channels, header.rate_hz, header.dtype) == (1000, 1, 16000, "<i2")


@pytest.mark.parametrize(("fields", "message"), [
    ({"data_size": 32000}, r"cut: the header says 16000 samples \(32000 bytes\), the file holds 1000 \(2000 bytes\)"),
    ({"data_size": 100}, "says 50 samples, and 1900 bytes follow"),
    ({"data_size": 0}, "says 0 samples, and 2000 bytes follow"),
    ({"data_size": 1999}, "1999 bytes of data are not a multiple of 2"),
    ({"rate": 0}, "impossible sample rate 0 Hz"),
    ({"rate": 4_000_000_000}, "impossible sample rate 4000000000 Hz"),
    ({"channels": 2, "block": 2}, "contradicts itself: 2 channels of 16 bits"),
    ({"channels": 0, "block": 2}, "contradicts itself: 0 channels"),
    ({"channels": 65535, "block": 2}, "contradicts itself: 65535 channels"),
    ({"bits": 8, "block": 2}, "contradicts itself: 1 channels of 8 bits"),
    ({"bits": 8}, "unsupported codec: format tag 0x1 with 8 bits"),
    ({"tag": 0x55}, "unsupported codec: format tag 0x55"),
    ({"per_second": 16000}, "16000 per second"),
])
def test_a_lying_header_is_refused_with_the_numbers(tmp_path, wav_bytes, fields, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, wav_bytes(DATA, **fields))


@pytest.mark.parametrize(("content", "message"), [
    (b"", "is an empty file"),
    (b"<html><body>404", "looks like HTML or XML"),
    (b"\x00" * 50, "looks like zeros"),
    (b"plain words only", "looks like text"),
    (b"fLaC\x00\x00\x00\x22 and more", "looks like a FLAC file"),
    (b"RIFF\x10\x00\x00\x00WAVEfmt ", "without a data chunk"),
])
def test_what_is_no_wave_file_is_named(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, content)


def test_a_header_cut_inside_the_format_is_damaged(tmp_path, wav_bytes):
    with pytest.raises(DataError, match="fmt chunk claims 16 bytes, 4 are there"):
        read(tmp_path, wav_bytes(DATA)[:24])


def test_a_wave_file_without_data_is_told_from_a_short_one(tmp_path, wav_bytes):
    with pytest.raises(DataError, match="says 16000 samples .* holds 0"):
        read(tmp_path, wav_bytes(b"", data_size=32000))
    with pytest.raises(DataError, match="holds no samples"):
        read(tmp_path, wav_bytes(b""))
    assert read(tmp_path, wav_bytes(b"\x01\x00")).frames == 1


def test_a_missing_last_byte_is_found(tmp_path, wav_bytes):
    with pytest.raises(DataError, match=r"is cut: .*2000 bytes.*1999 bytes"):
        read(tmp_path, wav_bytes(DATA[:-1], data_size=2000))


def test_streamed_files_are_read_to_their_end_with_a_warning(tmp_path, wav_bytes, capsys):
    assert read(tmp_path, wav_bytes(DATA, data_size=0xFFFFFFFF)).frames == 1000
    assert read(tmp_path, wav_bytes(DATA, riff_size=0), "y.wav").frames == 1000
    told = capsys.readouterr().err
    assert "streamed file without a length" in told
    assert "RIFF size is 0" in told


@pytest.mark.parametrize(("riff_size", "warns"), [
    (2036, False), (2037, False), (0xFFFFFFFF, False), (2030, True), (1000, True), (5_000_000, True),
])
def test_a_lying_riff_size_is_told_where_the_data_chunk_fits(tmp_path, wav_bytes, capsys, riff_size, warns):
    assert read(tmp_path, wav_bytes(DATA, riff_size=riff_size), f"{riff_size}.wav").frames == 1000
    told = capsys.readouterr().err
    assert (f"the RIFF size is {riff_size}, but 2036 bytes follow" in told) is warns and (told == "") is not warns


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.wav")
    with pytest.raises(DataError, match="is a pipe or a device, not a file"):
        read_audio_header(tmp_path / "x.wav")


@pytest.mark.parametrize("tail", [b"LIST\x04\x00\x00\x00INFO", b"\x00"])
def test_chunks_or_padding_behind_the_data_are_fine(tmp_path, wav_bytes, tail):
    assert read(tmp_path, wav_bytes(DATA, riff_size=0xFFFF) [:] + tail).frames == 1000


def test_chunks_before_the_data_are_skipped(tmp_path, wav_bytes):
    plain = wav_bytes(DATA)
    extra = b"LIST" + struct.pack("<I", 5) + b"hello\x00"
    assert read(tmp_path, plain[:12] + extra + plain[12:]).frames == 1000


def test_extensible_headers_name_their_codec_inside(tmp_path):
    path = tmp_path / "x.wav"
    soundfile.write(path, np.zeros((10, 1)), 16000, format="WAVEX", subtype="PCM_24")
    assert read_audio_header(path).dtype == "u1"
    assert len(read_frames(path, 1)) == 10


def test_directories_missing_files_and_link_loops_are_told_apart(tmp_path):
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    faults = {"folder.wav": "is a directory", "none.wav": "No such file", "loop.wav": "symbolic links"}
    for name, message in faults.items():
        with pytest.raises(DataError, match=message):
            read_audio_header(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser reads everything")
def test_a_file_without_permission_is_told(tmp_path, wav_bytes):
    (tmp_path / "x.wav").write_bytes(wav_bytes(DATA))
    (tmp_path / "x.wav").chmod(0)
    with pytest.raises(DataError, match="Permission denied"):
        read_audio_header(tmp_path / "x.wav")


def test_flac_headers_are_read_and_damage_is_told(tmp_path):
    path = tmp_path / "x.flac"
    soundfile.write(path, np.random.default_rng(1).uniform(-1, 1, 40000), 22050)
    header = read_audio_header(path)
    assert (header.frames, header.channels, header.rate_hz) == (40000, 1, 22050)
    path.write_bytes(path.read_bytes()[:20000])
    with pytest.raises(DataError, match="x.flac"):
        read_frames(path, 1)
    with pytest.raises(DataError, match="is no FLAC file: it looks like text"):
        read(tmp_path, b"words, not sound", "y.flac")
    with pytest.raises(DataError, match="is an empty file"):
        read(tmp_path, b"", "y.flac")
