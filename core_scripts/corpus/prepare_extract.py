"""One recording made ready: its waveform linked or resampled, its frames computed and stored."""
import contextlib
import functools
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core_scripts.config_parse.data_config import StreamSpec
from core_scripts.constants import FLOAT_DTYPE
from core_scripts.data_io.file_io import count_frames, read_frames, write_frames
from core_scripts.data_io.statistics import Moments
from core_scripts.data_io.stream_reader import StreamReader
from core_scripts.errors import DataError, RecitalError
from core_scripts.features.config_mel import MelConfig
from core_scripts.geometry.span import Span

WAV_DIR, MEL_DIR = "wav", "mel"


@dataclass(frozen=True)
class Job:
    """source is at rate_hz; it goes to out/wav/NAME.wav and out/mel/NAME.mel, at the rate of `mel`."""

    name: str
    source: Path
    rate_hz: int
    out: Path
    mel: MelConfig

    @property
    def wave_path(self) -> Path:
        return self.out / WAV_DIR / f"{self.name}.wav"

    @property
    def mel_path(self) -> Path:
        return self.out / MEL_DIR / f"{self.name}.mel"

    @property
    def is_linked(self) -> bool:
        """Whether the recording serves as it is."""
        return self.rate_hz == self.mel.rate_hz and self.source.suffix.lower() == ".wav"


@dataclass(frozen=True)
class Done:
    """samples: of the waveform; clipped: of them, cut off by resampling; is_new: not found ready."""

    samples: int
    moments: Moments
    clipped: int
    is_new: bool


def extract_file(job: Job) -> Done:
    """Make both files unless they are there. Raises: DataError, also if the recording cannot be read any more."""
    _use_one_thread()
    clipped = 0
    if not _has_wave(job):
        clipped = _link(job) if job.is_linked else _convert(job)
    samples = count_frames(job.wave_path, 1)
    frames = -(-samples // job.mel.hop)
    is_new = not (job.mel_path.is_file() and job.mel_path.stat().st_size == 4 * frames * job.mel.bands)
    if is_new:
        stream = StreamSpec(directory=job.out / WAV_DIR, ext=".wav", dim=job.mel.dim, resolution=job.mel.hop,
                            front_end=job.mel)
        values = StreamReader(stream, job.mel.rate_hz).read_piece(job.name, Span(0, samples))
        write_frames(job.mel_path, values)
    else:
        values = np.fromfile(job.mel_path, dtype=FLOAT_DTYPE).reshape(-1, job.mel.bands)
    return Done(samples, Moments.of(values, np.ones(values.shape, dtype=bool)), clipped, is_new)


@functools.cache
def _use_one_thread() -> None:
    torch.set_num_threads(1)  # files are what is parallel here


def _has_wave(job: Job) -> bool:
    if job.is_linked:
        return job.wave_path.is_symlink() and Path(os.readlink(job.wave_path)) == job.source
    return job.wave_path.is_file() and not job.wave_path.is_symlink()


def _link(job: Job) -> int:
    """A link to the recording, in one step. Returns 0."""
    temporary = job.wave_path.with_name(f".{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        job.wave_path.parent.mkdir(parents=True, exist_ok=True)
        temporary.symlink_to(job.source)
        os.replace(temporary, job.wave_path)
    except OSError as fault:
        raise DataError(f"{job.wave_path} cannot be made: {fault.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return 0


def _convert(job: Job) -> int:
    """Decoded, resampled where needed, 16-bit PCM. Returns how many samples had to be cut off at full scale."""
    wave = read_frames(job.source, 1)[:, 0]
    if job.rate_hz != job.mel.rate_hz:
        wave = np.asarray(require_soxr().resample(wave, job.rate_hz, job.mel.rate_hz, "HQ"), dtype=np.float32)
    top = 1.0 - 2.0**-15
    clipped = int(np.count_nonzero((wave > top) | (wave < -1.0)))
    write_frames(job.wave_path, np.clip(wave, -1.0, top), job.mel.rate_hz)
    return clipped


def require_soxr() -> Any:
    """The module. Raises: RecitalError with the command that installs it."""
    try:
        import soxr
    except ImportError:
        raise RecitalError("--resample needs soxr, which is not installed: pip install soxr==1.1.0") from None
    return soxr
