"""Reading and writing one file as (frames, dim) float32; only the frames that are asked for are read.

.wav, .flac and .npy are what their names say; any other name is raw little-endian float32 without header.
"""
import functools
import io
import os
import wave
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from core_scripts import log
from core_scripts.constants import FLOAT_DTYPE, INT16_SCALE
from core_scripts.data_io.audio_header import AudioHeader, open_data, read_audio_header
from core_scripts.errors import DataError
from core_scripts.files import write_whole

AUDIO_EXTS = (".wav", ".flac")
_FLOAT_BYTES = 4
_USUAL_DIMS = (1, 3, 13, 24, 25, 39, 40, 60, 64, 80, 100, 128, 256, 257, 513, 768, 1024)
_BLOCK_FRAMES = 2**21  # of FLAC, decoded at once: two minutes at 16 kHz
_KNOWN_FILES = 2**15  # whose headers are remembered as long as the file does not change
_PEAK_LIMIT = 2.0  # float waveforms may overshoot 1 a little; beyond this they are at another scale
_INTEGER_SCALES = {"<i2": 2.0**15, "<i4": 2.0**31, "u1": 2.0**31}


def is_audio(path: Path) -> bool:
    return path.suffix.lower() in AUDIO_EXTS


def count_frames(path: Path, dim: int, rate_hz: int | None = None) -> int:
    """Frames in the file, from its header or size alone.

    Raises: DataError if the file is damaged, or does not fit `dim` or (audio) `rate_hz`.
    """
    with FrameFile(path, dim, rate_hz) as file:
        return file.total


def read_frames(path: Path, dim: int, start: int = 0, stop: int | None = None, fill: float = 0.0) -> np.ndarray:
    """Frames [start, stop) of the file at `path`, as `FrameFile.read` has them. Raises: DataError."""
    with FrameFile(path, dim) as file:
        return file.read(start, stop, fill)


class FrameFile:
    """A file of `total` frames, opened once for all that is asked of it: opening is most of the time of a short read.

    Raises: DataError if the file is damaged, or does not fit `dim` or (audio) `rate_hz`.
    """

    def __init__(self, path: Path, dim: int, rate_hz: int | None = None) -> None:
        self.path, self.dim = path, dim
        self._file = open_data(path)
        try:
            status = os.fstat(self._file.fileno())
            self._mark = status.st_size, status.st_mtime_ns
            self.total = _count_frames(path, dim, rate_hz, self._mark)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> "FrameFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, start: int = 0, stop: int | None = None, fill: float | tuple[float, ...] = 0.0) -> np.ndarray:
        """Frames [start, stop) of the file, (stop - start, dim) float32; outside of the file they hold `fill`.

        stop None: to the end of the file. Waveforms are in [-1, 1) for integer samples, as stored for float ones.
        Raises: DataError, with the path and the first bad frame for NaN and infinities.
        """
        stop = self.total if stop is None else stop
        first, last = min(max(start, 0), self.total), min(max(stop, 0), self.total)
        inside = self._read_inside(first, last) if first < last else None
        if first == start and last == stop and inside is not None:
            return inside
        frames = np.full((max(0, stop - start), self.dim), fill, dtype=np.float32)
        if inside is not None:
            frames[first - start : last - start] = inside
        return frames

    def _read_inside(self, first: int, last: int) -> np.ndarray:
        kind, is_integer = self.path.suffix.lower(), False
        if kind == ".wav":
            header = _audio_header(self.path, self._mark)
            inside, is_integer = _read_wav(self._file, header, first, last), header.dtype in _INTEGER_SCALES
        elif kind == ".flac":
            inside = _read_flac(self._file, self.path, first, last)
        elif kind == ".npy":
            inside = np.array(_open_npy(self.path, self.dim)[first:last], dtype=np.float32)
        else:
            inside = _read_raw(self._file, self.dim, first, last)
        if len(inside) != last - first:
            raise DataError(f"{self.path} is cut: {first + len(inside)} of its {self.total} frames are there; fetch or "
                            f"make it again")
        if not is_integer:  # integers cannot be out of range
            _check_values(inside, self.path, first)
        return inside


@functools.lru_cache(maxsize=_KNOWN_FILES)
def _count_frames(path: Path, dim: int, rate_hz: int | None, mark: tuple[int, int]) -> int:
    if is_audio(path):
        return _fitting(_audio_header(path, mark), path, dim, rate_hz).frames
    if path.suffix.lower() == ".npy":
        return len(_open_npy(path, dim))
    return _raw_frames(mark[0], path, dim)


@functools.lru_cache(maxsize=_KNOWN_FILES)
def _audio_header(path: Path, mark: tuple[int, int]) -> AudioHeader:
    return read_audio_header(path)


def _fitting(header: AudioHeader, path: Path, dim: int, rate_hz: int | None) -> AudioHeader:
    if header.channels != dim:
        raise DataError(f"{path} has {header.channels} channels, dims says {dim}; "
                        f"mix it down or take one channel, or correct dims")
    if rate_hz is not None and header.rate_hz != rate_hz:
        raise DataError(f"{path} is at {header.rate_hz} Hz, wav_samp_rate says {rate_hz}; resample it or correct that")
    return header


def _read_wav(file: BinaryIO, header: AudioHeader, first: int, last: int) -> np.ndarray:
    file.seek(header.data_start + first * header.frame_bytes)
    data = np.empty((last - first) * header.frame_bytes, dtype=np.uint8)
    found = file.readinto(data)
    stored = data[: found - found % header.frame_bytes].view(header.dtype)
    if header.dtype == "u1":  # three little-endian bytes become the upper ones of an int32
        wide = np.zeros((len(stored) // 3, 4), dtype=np.uint8)
        wide[:, 1:] = stored.reshape(-1, 3)
        stored = wide.view("<i4")
    frames = stored.reshape(-1, header.channels).astype(np.float32)
    frames *= 1 / _INTEGER_SCALES.get(header.dtype, 1.0)  # a power of two: exact
    return frames


def _read_flac(opened: BinaryIO, path: Path, first: int, last: int) -> np.ndarray:
    """Fewer frames than asked for if the header promised too much; no more memory than there are."""
    blocks = []
    try:
        os.lseek(opened.fileno(), 0, os.SEEK_SET)  # libsndfile begins where the last reader stopped
        with soundfile.SoundFile(opened.fileno(), closefd=False) as file:
            file.seek(first)
            while first < last:
                blocks.append(file.read(min(last - first, _BLOCK_FRAMES), dtype="float32", always_2d=True))
                first = first + len(blocks[-1]) if len(blocks[-1]) == min(last - first, _BLOCK_FRAMES) else last
    except soundfile.LibsndfileError as fault:
        raise DataError(f"{path}: damaged FLAC file: {fault.error_string}") from None
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def _open_npy(path: Path, dim: int) -> np.ndarray:
    """The array as (frames, dim), not read yet."""
    open_data(path).close()
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as fault:
        raise DataError(f"{path} is no readable .npy file of numbers: {fault}") from None
    if array.ndim == 1 and dim == 1:
        array = array[:, None]
    if array.ndim == 2 and array.shape[1] != dim and array.shape[0] == dim:
        array = array.T
    if array.ndim != 2 or array.shape[1] != dim or array.dtype.kind not in "fiu":
        raise DataError(f"{path} holds {array.dtype} of shape {array.shape}; (frames, {dim}) numbers are needed")
    if not len(array):
        raise DataError(f"{path} holds no frames; take it off the list")
    return array


def _raw_frames(size: int, path: Path, dim: int) -> int:
    if size == 0:
        raise DataError(f"{path} is an empty file")
    if size % (_FLOAT_BYTES * dim):
        fitting = [other for other in _USUAL_DIMS if size % (_FLOAT_BYTES * other) == 0]
        raise DataError(f"{path}: {size} bytes are not whole frames of {dim} float32 values ({_FLOAT_BYTES * dim} "
                        f"bytes); " + (f"dims {fitting} would fit" if fitting else "it is no float32 file or is cut"))
    return size // (_FLOAT_BYTES * dim)


def _read_raw(file: BinaryIO, dim: int, first: int, last: int) -> np.ndarray:
    file.seek(first * dim * _FLOAT_BYTES)
    data = file.read((last - first) * dim * _FLOAT_BYTES)
    whole = len(data) // (_FLOAT_BYTES * dim) * dim
    return np.frombuffer(data, dtype=FLOAT_DTYPE, count=whole).reshape(-1, dim).astype(np.float32)


def _check_values(frames: np.ndarray, path: Path, first: int) -> None:
    kind, limit = ("sample", _PEAK_LIMIT) if is_audio(path) else ("frame", np.finfo(np.float32).max)
    if frames.min(initial=0) >= -limit and frames.max(initial=0) <= limit:  # false for NaN
        return
    fine = np.abs(frames) <= limit
    bad = int(np.argmin(fine.all(axis=1)))
    value = frames[bad][~fine[bad]][0]
    what = f"{value:g}, far outside [-1, 1]; scale" if np.isfinite(value) else "NaN or infinite; repair"
    raise DataError(f"{path}: {kind} {first + bad} is {what} the file or take it off the list")


def write_atomically(path: Path, content: bytes) -> None:
    """The file with all of `content`, or what was there before. Raises: DataError if it cannot be written."""
    try:
        write_whole(path, content, durable=False)
    except OSError as fault:
        raise DataError(f"{path} cannot be written: {fault.strerror}") from None


def write_frames(path: Path, frames: np.ndarray, rate_hz: int | None = None) -> None:
    """(N, D) or (N,) numbers to a file of the kind that its name tells; audio as 16-bit PCM, rounded and clipped.

    Raises: DataError if there are NaN or infinite values, if audio has no rate, or if the file cannot be written.
    """
    frames = np.asarray(frames)
    kind = path.suffix.lower()
    if not np.isfinite(frames).all():
        raise DataError(f"{path} is not written: {np.count_nonzero(~np.isfinite(frames))} of {frames.size} values "
                        f"are NaN or infinite; the model has diverged")
    if kind == ".txt":
        raise DataError(f"{path}: numbers are not written as text; take another output extension")
    if kind in AUDIO_EXTS:
        content = _encode_audio(path, frames, rate_hz)
    elif kind == ".npy":
        buffer = io.BytesIO()
        np.save(buffer, frames.astype(np.float32), allow_pickle=False)
        content = buffer.getvalue()
    else:
        content = frames.astype(FLOAT_DTYPE).tobytes()
    write_atomically(path, content)


def _encode_audio(path: Path, frames: np.ndarray, rate_hz: int | None) -> bytes:
    if rate_hz is None:
        raise DataError(f"{path} cannot be written: wav_samp_rate is None; set it in the configuration")
    pcm, clipped = to_pcm16(frames)
    warn_of_clipping(path, clipped, pcm.size)
    buffer = io.BytesIO()
    if path.suffix.lower() == ".flac":
        soundfile.write(buffer, pcm, rate_hz, format="FLAC", subtype="PCM_16")
    else:
        with wave.open(buffer, "wb") as file:
            file.setnchannels(pcm.shape[1])
            file.setsampwidth(2)
            file.setframerate(rate_hz)
            file.writeframes(pcm.tobytes())
    return buffer.getvalue()


def to_pcm16(frames: np.ndarray) -> tuple[np.ndarray, int]:
    """(N, D) or (N,) amplitudes as 16-bit integers (N, D), and how many of them had to be clipped to that range."""
    wide = frames.reshape(len(frames), -1).astype(np.promote_types(frames.dtype, np.float32), copy=False)
    samples = np.rint(wide * wide.dtype.type(INT16_SCALE))  # a power of two: exact in float32 too
    clipped = int(np.count_nonzero(np.abs(samples) > INT16_SCALE))
    return np.clip(samples, -INT16_SCALE, INT16_SCALE - 1, out=samples).astype("<i2"), clipped


def warn_of_clipping(path: Path, clipped: int, total: int) -> None:
    if clipped:
        log.warn(f"{path}: {clipped} of {total} samples are outside [-1, 1] and were clipped")
