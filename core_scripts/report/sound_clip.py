"""Sound for a page: the beginning of a file as 16-bit samples, and all clips together within a number of bytes."""
import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from core_scripts.constants import INT16_SCALE
from core_scripts.data_io.audio_header import read_audio_header
from core_scripts.data_io.file_io import read_frames

MOST_SECONDS = 30.0  # of a file
_STEP_SECONDS = 0.5  # of what is cut to; the least, as a shorter beginning tells nothing
_WAV_HEADER = 44


@dataclass(frozen=True)
class Clip:
    """samples: (n,) int16, the beginning of a file of `seconds`, several channels as their mean."""

    samples: np.ndarray
    rate_hz: int
    seconds: float

    def cut(self, seconds: float) -> "Clip":
        """No more than its first seconds."""
        return replace(self, samples=self.samples[: max(1, int(seconds * self.rate_hz))])

    @property
    def shown_seconds(self) -> float:
        """What of it is there."""
        return len(self.samples) / self.rate_hz

    @property
    def wave(self) -> np.ndarray:
        """(n,) float32 in [-1, 1)."""
        return self.samples.astype(np.float32) / INT16_SCALE

    @property
    def rms(self) -> float:
        """Of the wave, in [0, 1]; 0: silence."""
        return float(np.sqrt(np.mean(self.wave.astype(np.float64) ** 2)))


@dataclass(frozen=True)
class SoundFit:
    """How sound goes on the page: the kind of file, and how much of each clip; None: all that was read."""

    kind: str  # wav or flac
    seconds: float | None

    def encode(self, clip: Clip) -> bytes:
        """A file of this kind with as much of the clip as fits."""
        clip = clip if self.seconds is None else clip.cut(self.seconds)
        buffer = io.BytesIO()
        soundfile.write(buffer, clip.samples, clip.rate_hz, format=self.kind.upper(), subtype="PCM_16")
        return buffer.getvalue()

    def to_uri(self, clip: Clip) -> str:
        """The same as a data: address."""
        return f"data:audio/{self.kind};base64," + base64.b64encode(self.encode(clip)).decode("ascii")


def read_clip(path: Path, most_seconds: float = MOST_SECONDS) -> Clip:
    """The beginning of a .wav or .flac file. Raises: DataError with what is wrong with it."""
    header = read_audio_header(path)
    stop = min(header.frames, max(1, int(most_seconds * header.rate_hz)))
    frames = read_frames(path, header.channels, 0, stop).mean(axis=1)
    samples = np.clip(np.rint(frames * INT16_SCALE), -INT16_SCALE, INT16_SCALE - 1).astype(np.int16)
    return Clip(samples, header.rate_hz, header.frames / header.rate_hz)


def fit_sound(clips: Sequence[Clip], most_bytes: int) -> SoundFit:
    """Plain wav where all clips fit into so many bytes of base64, else FLAC, else FLAC of their beginnings.

    Browsers play both; wav is what the oldest of them play too.
    """
    if sum(_base64_bytes(_WAV_HEADER + clip.samples.nbytes) for clip in clips) <= most_bytes:
        return SoundFit("wav", None)
    whole = SoundFit("flac", None)
    sizes = [_base64_bytes(len(whole.encode(clip))) for clip in clips]
    if sum(sizes) <= most_bytes:
        return whole
    seconds = MOST_SECONDS
    while seconds > _STEP_SECONDS:  # sizes of beginnings by their share; what they miss by is small beside the sum
        parts = [size * min(1.0, seconds / clip.shown_seconds) for size, clip in zip(sizes, clips, strict=True)]
        if sum(parts) <= 0.95 * most_bytes:
            break
        seconds -= _STEP_SECONDS
    return SoundFit("flac", seconds)


def _base64_bytes(count: int) -> int:
    return -(-count // 3) * 4
