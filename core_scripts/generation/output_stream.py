"""One utterance's output to its file while it is being generated: the file appears under its name when it is whole."""
import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np

from core_scripts.constants import FLOAT_DTYPE
from core_scripts.data_io.file_io import AUDIO_EXTS, to_pcm16, warn_of_clipping
from core_scripts.data_io.output_writer import OutputWriter
from core_scripts.data_io.seq_info import parse_info
from core_scripts.errors import DataError
from core_scripts.files import temporary_path

_PCM_BYTES = 2
_LARGEST_WAVE = 2**32 - 37  # bytes of samples: the header counts them, and itself, in 32 bits


class Encoder(Protocol):
    """Writes frames to an open file, one block after the other."""

    def write(self, frames: np.ndarray) -> None: ...

    def close(self) -> None:
        """What can only be written when all is known."""


class OutputStream:
    """`append` until the item is complete; then its file is there. Outputs of several files, of kinds that cannot be
    written piece by piece, or with an inverse function, are collected and written at the end.
    """

    def __init__(self, writer: OutputWriter, directory: Path, prefix: str, info: str) -> None:
        self._writer, self._place = writer, (directory, prefix, info)
        self.paths = writer.paths(directory, prefix, info)
        self._left = parse_info(info).length // writer.streams[0].resolution  # frames to come
        self._collected: list[np.ndarray] = []
        self._file: BinaryIO | None = None
        self._encoder: Encoder | None = None
        kind = self.paths[0].suffix.lower()
        if kind in AUDIO_EXTS and writer.rate_hz is None:
            raise DataError(f"{self.paths[0]} cannot be written: wav_samp_rate is None; set it in the configuration")
        self._is_direct = len(self.paths) == 1 and not writer.inverse and kind not in (".flac", ".npy", ".txt")

    @property
    def is_complete(self) -> bool:
        """Whether all frames have come, and the file is there."""
        return self._left == 0

    def append(self, frames: np.ndarray) -> None:
        """The next frames (N, D); those behind the end are dropped. Raises: DataError if they cannot be written."""
        frames = frames[: self._left]
        if self.is_complete or not len(frames):
            return
        if self._is_direct:
            self._write(frames)
        else:
            self._collected.append(frames)
        self._left -= len(frames)
        if self._left == 0:
            self._finish()

    def abandon(self) -> None:
        """Leave nothing of an incomplete item."""
        if self._file is not None:  # once it has its name, nothing is left under the temporary one
            with suppress(OSError):  # what could not be written cannot be flushed either
                self._file.close()
            with suppress(OSError):
                os.unlink(self._file.name)

    def _write(self, frames: np.ndarray) -> None:
        path = self.paths[0]
        if not np.isfinite(frames).all():
            raise DataError(f"{path} is not written: values are NaN or infinite; the model has diverged")
        try:
            if self._encoder is None:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._file = temporary_path(path).open("wb")
                is_wave = path.suffix.lower() == ".wav"
                self._encoder = WaveEncoder(self._file, path, self._writer.rate_hz) if is_wave else Raw(self._file)
            self._encoder.write(frames)
        except OSError as fault:
            raise DataError(f"{path} cannot be written: {fault.strerror}") from None

    def _finish(self) -> None:
        if not self._is_direct:
            directory, prefix, info = self._place
            self._writer.put(np.concatenate(self._collected)[None], directory, prefix, info)
            self._collected = []
            return
        try:
            self._encoder.close()
            self._file.close()
            os.replace(self._file.name, self.paths[0])
        except OSError as fault:
            raise DataError(f"{self.paths[0]} cannot be written: {fault.strerror}") from None


class WaveEncoder:
    """16-bit PCM, rounded and clipped; the header learns the length at the end."""

    def __init__(self, file: BinaryIO, path: Path, rate_hz: int) -> None:
        self._file, self._path, self._rate_hz = file, path, rate_hz
        self._channels = self._clipped = self._samples = 0

    def write(self, frames: np.ndarray) -> None:
        if not self._samples:
            self._channels = frames.shape[1]
            self._file.write(self._header(0))
        pcm, clipped = to_pcm16(frames)
        self._file.write(pcm.tobytes())
        self._clipped, self._samples = self._clipped + clipped, self._samples + pcm.size

    def close(self) -> None:
        size = self._samples * _PCM_BYTES
        if size > _LARGEST_WAVE:
            raise DataError(f"{self._path}: a .wav file cannot be longer than 4 GB; take the extension .flac, or "
                            f"shorter files")
        self._file.seek(0)
        self._file.write(self._header(size))
        warn_of_clipping(self._path, self._clipped, self._samples)

    def _header(self, size: int) -> bytes:
        """RIFF, a format chunk of 16 bytes (1: plain integers), and the beginning of the data chunk."""
        block = self._channels * _PCM_BYTES
        facts = 16, 1, self._channels, self._rate_hz, self._rate_hz * block, block, 8 * _PCM_BYTES
        return struct.pack("<4sI8sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVEfmt ", *facts, b"data", size)


class Raw:
    """Little-endian float32, one frame after the other."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, frames: np.ndarray) -> None:
        self._file.write(frames.astype(FLOAT_DTYPE).tobytes())

    def close(self) -> None:
        pass
