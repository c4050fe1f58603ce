"""What the head of an audio file promises, checked against what the file holds.

libsndfile and scipy read many damaged WAVE files without a word (cut ones, wrong sizes, wrong sample widths); here
each of them is a DataError. Layout: Microsoft/IBM, Multimedia Programming Interface 1.0 (1991); docs/DATA_FORMAT.md.
"""
import functools
import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from core_scripts import log
from core_scripts.errors import DataError

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
UNKNOWN_SIZE = 0xFFFFFFFF  # what a program writes that streams and does not know the length yet
HIGHEST_RATE_HZ = 1_000_000
FLAC_BYTES = 26  # marker, block header, STREAMINFO up to its number of samples (RFC 9639, 8.2)
_DTYPES = {(PCM, 16): "<i2", (PCM, 24): "u1", (PCM, 32): "<i4", (FLOAT, 32): "<f4", (FLOAT, 64): "<f8"}
_BEGINNINGS = {
    b"fLaC": "a FLAC file", b"ID3": "an MP3 file", b"OggS": "an Ogg file", b"RIFX": "a big-endian RIFF file",
    b"RF64": "an RF64 file", b"<": "HTML or XML", b"\x00\x00\x00\x00": "zeros", b"\x93NUMPY": "an npy file",
}


@dataclass(frozen=True)
class AudioHeader:
    """frames: samples per channel; dtype: numpy's name of the stored samples ("u1": three bytes, 24 bits)."""

    frames: int
    channels: int
    rate_hz: int
    dtype: str = ""
    data_start: int = 0

    @property
    def frame_bytes(self) -> int:
        width = 3 if self.dtype == "u1" else np.dtype(self.dtype).itemsize
        return width * self.channels


def read_audio_header(path: Path) -> AudioHeader:
    """The header of a .wav or .flac file. Raises: DataError if it contradicts itself or the file."""
    if path.suffix.lower() == ".flac":
        return _read_flac_header(path)
    with open_data(path) as file:
        return read_wave_header(file, path)


def open_data(path: Path) -> BinaryIO:
    """The file opened for reading. Raises: DataError in words for all that can be wrong before the first byte."""
    try:
        file = open(path, "rb", opener=_open_without_waiting)
    except IsADirectoryError:
        raise DataError(f"{path} is a directory, not a file") from None
    except OSError as fault:
        raise DataError(f"{path} cannot be read: {fault.strerror}") from None
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise DataError(f"{path} is a pipe or a device, not a file")
    return file


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe would wait for its writer, for ever


def read_wave_header(file: BinaryIO, path: Path) -> AudioHeader:
    """The header of an open WAVE file. Raises: DataError."""
    size = os.fstat(file.fileno()).st_size
    beginning = file.read(12)
    if not beginning:
        raise DataError(f"{path} is an empty file")
    if beginning[:4] != b"RIFF" or beginning[8:] != b"WAVE":
        raise DataError(f"{path} is no WAVE file: it looks like {_looks_like(beginning)}; convert it")
    layout = None
    position = 12
    while position + 8 <= size:
        file.seek(position)
        kind, length = struct.unpack("<4sI", file.read(8))
        if kind == b"fmt ":
            if length < 16 or position + 8 + length > size:
                raise DataError(f"{path}: damaged header: the fmt chunk claims {length} bytes, "
                                f"{size - position - 8} are there and 16 are needed")
            layout = _read_layout(file.read(min(length, 40)), path)
        if kind == b"data":
            if layout is None:
                raise DataError(f"{path}: damaged header: no fmt chunk before the data")
            header = _measure_data(file, path, layout, position + 8, length)
            _warn_of_riff_size(struct.unpack("<I", beginning[4:8])[0], size, path)
            return header
        position += 8 + length + length % 2
    raise DataError(f"{path}: damaged header: the file ends after {size} bytes without a data chunk")


def _warn_of_riff_size(claimed: int, size: int, path: Path) -> None:
    """Programs that stream and never come back to the header leave it wrong; the data chunk decides what is read."""
    if claimed != UNKNOWN_SIZE and abs(claimed + 8 - size) > 1:  # a padding byte is counted by some writers only
        warn_once(f"{path}: the RIFF size is {claimed}, but {size - 8} bytes follow; the data chunk fits the file and "
                  f"is read as it is")


def _looks_like(beginning: bytes) -> str:
    for start, kind in _BEGINNINGS.items():
        if beginning.startswith(start):
            return kind
    is_text = all(32 <= byte < 127 or byte in b"\t\r\n" for byte in beginning)
    return "text" if is_text else f"something else (first bytes {beginning[:4].hex(' ')})"


def _read_layout(chunk: bytes, path: Path) -> AudioHeader:
    """Sample format, from the fmt chunk; frames are not known yet."""
    tag, channels, rate_hz, bytes_per_second, block, bits = struct.unpack("<HHIIHH", chunk[:16])
    if tag == EXTENSIBLE and len(chunk) >= 26:
        tag = struct.unpack("<H", chunk[24:26])[0]
    if not 1 <= rate_hz <= HIGHEST_RATE_HZ:
        raise DataError(f"{path}: impossible sample rate {rate_hz} Hz; the header is damaged")
    if channels == 0 or block != channels * ((bits + 7) // 8) or bytes_per_second != rate_hz * block:
        raise DataError(f"{path}: the header contradicts itself: {channels} channels of {bits} bits at {rate_hz} Hz, "
                        f"but {block} bytes per frame and {bytes_per_second} per second")
    if (tag, bits) not in _DTYPES:
        raise DataError(f"{path}: unsupported codec: format tag {tag:#x} with {bits} bits; "
                        f"16, 24, 32-bit integers and 32, 64-bit floats are read, so convert it to 16-bit PCM")
    return AudioHeader(0, channels, rate_hz, _DTYPES[tag, bits])


def _measure_data(file: BinaryIO, path: Path, layout: AudioHeader, start: int, claimed: int) -> AudioHeader:
    """The header with its number of frames, if the data chunk fits the file."""
    present, block = os.fstat(file.fileno()).st_size - start, layout.frame_bytes
    if claimed == UNKNOWN_SIZE:
        warn_once(f"{path}: a streamed file without a length; it is read to its end")
        claimed = present - present % block
    if claimed > present:
        raise DataError(f"{path} is cut: the header says {claimed // block} samples ({claimed} bytes), "
                        f"the file holds {present // block} ({present} bytes); fetch or make it again")
    if claimed % block:
        raise DataError(f"{path}: {claimed} bytes of data are not a multiple of {block} bytes per sample")
    if not _only_chunks_follow(file, start + claimed, claimed % 2):
        raise DataError(f"{path}: the header is smaller than the file: it says {claimed // block} samples, and "
                        f"{present - claimed} bytes follow that belong to nothing; fetch or make it again")
    if claimed == 0:
        raise DataError(f"{path} holds no samples; take it off the list")
    return AudioHeader(claimed // block, layout.channels, layout.rate_hz, layout.dtype, start)


def _only_chunks_follow(file: BinaryIO, position: int, padding: int) -> bool:
    """Whether what follows the data is whole RIFF chunks (LIST, cue, bext ...) or a padding byte."""
    size = os.fstat(file.fileno()).st_size
    position = min(position + padding, size)
    while position < size:
        file.seek(position)
        head = file.read(8)
        if len(head) < 8 or not all(32 <= byte < 127 for byte in head[:4]):
            return len(head) == 1 and position == size - 1  # some writers pad always
        length = struct.unpack("<I", head[4:])[0]
        if position + 8 + length > size:
            return False
        position = min(position + 8 + length + length % 2, size)
    return True


def parse_flac_header(beginning: bytes) -> AudioHeader | None:
    """What STREAMINFO says, from the first FLAC_BYTES of a file; None if it is not there or leaves something open."""
    if len(beginning) < FLAC_BYTES or beginning[:4] != b"fLaC" or beginning[4] & 0x7F:
        return None
    packed = int.from_bytes(beginning[18:26], "big")  # 20 bits rate, 3 channels - 1, 5 bits - 1, 36 samples
    rate_hz, channels, samples = packed >> 44, (packed >> 41 & 7) + 1, packed & (1 << 36) - 1
    return AudioHeader(samples, channels, rate_hz) if rate_hz and samples else None


def _read_flac_header(path: Path) -> AudioHeader:
    with open_data(path) as file:
        beginning = file.read(FLAC_BYTES)
    if header := parse_flac_header(beginning):
        return header
    if not beginning.startswith(b"fLaC"):
        what = f"looks like {_looks_like(beginning)}; convert it" if beginning else "is an empty file"
        raise DataError(f"{path} {what}" if not beginning else f"{path} is no FLAC file: it {what}")
    try:
        info = soundfile.info(str(path))
    except soundfile.LibsndfileError as fault:
        raise DataError(f"{path}: damaged FLAC file: {fault.error_string}") from None
    if info.frames <= 0:
        raise DataError(f"{path} holds no samples; take it off the list")
    return AudioHeader(info.frames, info.channels, info.samplerate)


@functools.cache
def warn_once(message: str) -> None:
    """A warning that this process tells a single time."""
    log.warn(message)
