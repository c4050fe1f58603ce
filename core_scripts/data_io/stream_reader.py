"""One stream of a corpus: any range of frames of any utterance, as of a signal that goes on with silence."""
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from core_scripts.config_parse.data_config import StreamSpec
from core_scripts.data_io.file_io import FrameFile, count_frames, is_audio, read_frames
from core_scripts.data_io.segment import frames_of
from core_scripts.errors import ConfigError, DataError
from core_scripts.features.file_frames import built
from core_scripts.geometry.ops import ceil_div
from core_scripts.geometry.span import Span

VOICED_ONLY_EXT = ".f0"  # zeros of such a stream mean "no pitch" and are no measurements
_BLOCK_VALUES = 2**19  # read or computed at once when a whole file is walked through


class StreamReader:
    """Reads what a StreamSpec describes.

    The steps of a file are what it stores: samples where a front end computes the frames, frames otherwise.
    Raises: ConfigError if the front end does not fit the stream.
    """

    def __init__(self, spec: StreamSpec, rate_hz: int | None) -> None:
        self.spec = spec
        self.rate_hz = rate_hz
        front = spec.front_end
        if front is not None and (front.dim, front.hop) != (spec.dim, spec.resolution):
            raise ConfigError(f"stream {spec.ext} has dim {spec.dim} and resolution {spec.resolution}, but its front "
                              f"end makes {front.dim} values every {front.hop} samples; make them equal")

    @property
    def is_aligned(self) -> bool:
        return self.spec.resolution > 0

    @property
    def step_samples(self) -> int:
        """Samples at the finest resolution per step of the file."""
        return 1 if self.spec.front_end is not None else self.spec.resolution

    @property
    def is_waveform(self) -> bool:
        """Whether the stream hands out the samples of an audio file."""
        return self.spec.front_end is None and is_audio(Path(f"x{self.spec.ext}"))

    @property
    def voiced_only(self) -> bool:
        return self.spec.ext.lower() == VOICED_ONLY_EXT

    def key(self) -> str:
        """All settings that decide what is read from a file, as text for fingerprints."""
        spec = self.spec
        return repr((str(spec.directory), spec.ext, spec.dim, spec.resolution, self.rate_hz, spec.front_end))

    def path(self, name: str) -> Path:
        return self.spec.directory / f"{name}{self.spec.ext}"

    def count_steps(self, name: str) -> int:
        """From the header alone. Raises: DataError."""
        stored_dim = 1 if self.spec.front_end is not None else self.spec.dim
        return count_frames(self.path(name), stored_dim, self.rate_hz)

    def read_piece(self, name: str, piece: Span) -> np.ndarray:
        """The frames of the samples `piece`, context included, (frames, dim) float32.

        An unaligned file comes whole; a file of one frame (a vector for the utterance) is repeated.
        Raises: DataError, also if the file has become shorter than the piece.
        """
        path = self.path(name)
        if not self.is_aligned:
            return read_frames(path, self.spec.dim)
        frames = frames_of(piece, self.spec.resolution, self.spec.context)
        if self.spec.front_end is not None:
            with FrameFile(path, 1) as file:
                _require(file, piece.stop)
                return self._compute(file, frames)
        needed = ceil_div(piece.stop, self.spec.resolution)
        with FrameFile(path, self.spec.dim) as file:
            if needed > 1 and file.total == 1:
                return np.repeat(file.read(), len(frames), axis=0)
            _require(file, needed)
            return file.read(frames.start, frames.stop, self.spec.fill)

    def _compute(self, file: FrameFile, frames: Span) -> np.ndarray:
        samples = self.spec.front_end.geometry.needs(frames)
        waveform = file.read(samples.start, samples.stop)
        with torch.no_grad():
            return built(self.spec.front_end)(torch.from_numpy(waveform.T))[0].numpy()

    def walk(self, name: str, length: int) -> Iterator[np.ndarray]:
        """All frames that cover [0, length), without context, in blocks; of unaligned and one-frame files, the file."""
        path = self.path(name)
        if self.spec.front_end is None and (not self.is_aligned or count_frames(path, self.spec.dim) == 1):
            yield read_frames(path, self.spec.dim)
            return
        total = ceil_div(length, self.spec.resolution)
        step = max(1, _BLOCK_VALUES // self.spec.dim)
        for start in range(0, total, step):
            block = Span(start, min(start + step, total))
            if self.spec.front_end is not None:
                with FrameFile(path, 1) as file:
                    values = self._compute(file, block)
                yield values
            else:
                yield read_frames(path, self.spec.dim, block.start, block.stop)


def _require(file: FrameFile, steps: int) -> None:
    if file.total < steps:
        raise DataError(f"{file.path} had {steps} or more steps when it was listed and has {file.total} now; make it "
                        "again, then start again")
