"""What the samples of one recording are like: level, offset, and the signs of damage that no header tells."""
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core_scripts.constants import INT16_SCALE
from core_scripts.data_io.file_io import read_frames
from core_scripts.errors import DataError

LEVELS_PER_SECOND = 40
_FULL_SCALE = 0.999
_CLIPPED_RUN = 3  # samples at full scale in a row: a sine of speech has its peak for one or two
_STEADY_DB = 3.0  # between the 10th and the 95th percentile of levels; the shortest word moves more
_STEADY_LEVELS = 10
_COARSE_STEP = 256  # all samples multiples of it: eight bits
_COARSE_REPEATS = 16.0  # or each value that occurs stands for so many that could; 16-bit speech has 1 to 5
_FLOOR = 1e-9


@dataclass(frozen=True)
class Measured:
    """Of one recording of one channel, offset taken away for the levels (dB of full scale, RMS)."""

    samples: int = 0
    level_db: float = 0.0
    loudest_db: float = 0.0  # of 25 ms
    offset: float = 0.0
    is_clipped: bool = False
    is_coarse: bool = False
    is_steady: bool = False  # hardly changes its level: noise, hum or a tone, no speech
    digest: str = ""  # of the samples at 16 bits
    fault: str = ""


def measure_file(job: tuple[Path, int]) -> Measured:
    """job: path and rate in Hz. A file that cannot be read has a `fault`, and nothing else is known of it."""
    path, rate_hz = job
    try:
        return measure(read_frames(path, 1)[:, 0], rate_hz)
    except DataError as fault:
        return Measured(fault=str(fault).removeprefix(str(path)).lstrip(": "))


def measure(wave: np.ndarray, rate_hz: int) -> Measured:
    """wave: (T,) float32, T at least 1."""
    offset = float(wave.mean(dtype=np.float64))
    levels_db = _levels_db(wave - np.float32(offset), max(1, rate_hz // LEVELS_PER_SECOND))
    quiet, loud = np.percentile(levels_db, (10, 95))
    is_steady = bool(len(levels_db) >= _STEADY_LEVELS and loud - quiet < _STEADY_DB)
    codes = np.rint(wave * np.float32(INT16_SCALE)).clip(-INT16_SCALE, INT16_SCALE - 1).astype(np.int16)
    return Measured(
        samples=len(wave),
        level_db=round(float(10 * np.log10(np.mean(10 ** (levels_db / 10)))), 2),
        loudest_db=round(float(levels_db.max()), 2),
        offset=round(offset, 7),
        is_clipped=_longest_run(np.abs(wave) >= _FULL_SCALE) >= _CLIPPED_RUN,
        is_coarse=not is_steady and _is_coarse(codes),
        is_steady=is_steady,
        digest=hashlib.blake2b(codes, digest_size=16).hexdigest(),
    )


def _levels_db(wave: np.ndarray, width: int) -> np.ndarray:
    whole = len(wave) // width * width
    blocks = wave[:whole].reshape(-1, width) if whole else wave[None]
    return 10 * np.log10(np.einsum("bn,bn->b", blocks, blocks) / blocks.shape[1] + _FLOOR**2)


def _longest_run(flags: np.ndarray) -> int:
    if not flags.any():
        return 0
    borders = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return int((borders[1::2] - borders[::2]).max())


def _is_coarse(codes: np.ndarray) -> bool:
    """Whether 16-bit samples hold no more than eight bits."""
    shifted = codes - codes.min().astype(np.int32)  # an offset does not hide the steps
    values = np.flatnonzero(np.bincount(shifted))
    span = int(values[-1]) + 1
    if len(values) < 3 or span < 2 * _COARSE_STEP:
        return False
    repeats = min(len(codes), span) / len(values)
    return bool(np.gcd.reduce(values) >= _COARSE_STEP or (len(values) <= _COARSE_STEP and repeats >= _COARSE_REPEATS))
