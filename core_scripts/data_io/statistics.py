"""Mean and standard deviation of every dimension, walked through file by file, and the .bin caches that keep them."""
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core_scripts import log
from core_scripts.config_parse.data_config import DataOptions
from core_scripts.constants import FLOAT_DTYPE, STD_FLOOR
from core_scripts.data_io.catalog import Catalog, told_together
from core_scripts.data_io.file_io import write_atomically
from core_scripts.data_io.stream_reader import StreamReader
from core_scripts.errors import DataError

_SIDES = ("input", "output")


@dataclass(frozen=True)
class Moments:
    """count, mean and sum of squared deviations per dimension, float64 (D,); count 0: not measured, mean 0, std 1."""

    count: np.ndarray
    mean: np.ndarray
    squares: np.ndarray

    @classmethod
    def empty(cls, dim: int) -> "Moments":
        return cls(np.zeros(dim), np.zeros(dim), np.zeros(dim))

    @classmethod
    def of(cls, frames: np.ndarray, used: np.ndarray) -> "Moments":
        """Of the values (N, D) where `used` (N, D) is true."""
        count = used.sum(axis=0).astype(np.float64)
        values = frames.astype(np.float64)
        unused = None if used.all() else ~used
        if unused is not None:
            values[unused] = 0.0
        mean = values.sum(axis=0) / np.maximum(count, 1)
        values -= mean
        if unused is not None:
            values[unused] = 0.0
        return cls(count, mean, np.square(values, out=values).sum(axis=0))

    def merge(self, other: "Moments") -> "Moments":
        """Of both sets together (Chan, Golub, LeVeque 1979, eq. 2.1)."""
        count = self.count + other.count
        share = other.count / np.maximum(count, 1)
        delta = other.mean - self.mean
        return Moments(
            count, self.mean + delta * share, self.squares + other.squares + delta**2 * self.count * share
        )

    def join(self, other: "Moments") -> "Moments":
        """The dimensions of both, one after the other."""
        return Moments(*(np.concatenate(pair) for pair in zip(self._parts(), other._parts(), strict=True)))

    def _parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.count, self.mean, self.squares

    def mean_std(self) -> tuple[np.ndarray, np.ndarray]:
        """float32 (D,) each; the standard deviation of the population, 1 where it is below STD_FLOOR."""
        std = np.sqrt(self.squares / np.maximum(self.count, 1))
        return self.mean.astype(np.float32), np.where(std < STD_FLOOR, 1.0, std).astype(np.float32)

    def to_bytes(self) -> bytes:
        """As in a .bin file: means, then standard deviations, float32."""
        return np.concatenate(self.mean_std()).astype(FLOAT_DTYPE).tobytes()

    def to_lists(self) -> list[list[float]]:
        return [part.tolist() for part in self._parts()]


Sides = tuple[tuple[StreamReader, ...], tuple[StreamReader, ...]]  # input, output


def load_or_measure(name: str, sides: Sides, catalog: Catalog, options: DataOptions) -> tuple[Moments, Moments]:
    """Moments of the input and of the output streams of one corpus, from its cache where that is still true.

    Without `save_mean_std` nothing is measured: a valid cache or mean 0, std 1.
    """
    bins = [options.cache_dir / f"{name}_mean_std_{side}.bin" for side in _SIDES]
    side_file = options.cache_dir / f"{name}_mean_std.json"
    mark = _fingerprint(sides, catalog)
    stored = None if options.ignore_cache else _load(bins, side_file, mark)
    if stored is not None:
        return stored
    measurable = [reader for readers in sides for reader in readers if reader.spec.normalise and reader.spec.directory]
    if not options.save_mean_std or not measurable:
        return tuple(Moments.empty(sum(reader.spec.dim for reader in readers)) for readers in sides)
    moments = None if options.ignore_cache else _adopt(bins, side_file, sides, catalog)
    if moments is None:
        log.note(f"{name}: computing mean and standard deviation of {len(catalog.lengths)} utterances")
        moments = tuple(_measure_side(readers, catalog) for readers in sides)
    if not options.ignore_cache:
        _save(bins, side_file, mark, moments)
    return moments


def _fingerprint(sides: Sides, catalog: Catalog) -> str:
    """Changes with everything that the statistics depend on: settings, files, lengths."""
    streams = [(reader.key(), reader.spec.normalise, list(catalog.steps.get(reader.key(), {}).items()))
               for readers in sides for reader in readers]
    used = {item.seq_name for item in catalog.items}
    lengths = [(name, length) for name, length in catalog.lengths.items() if name in used]
    return hashlib.sha256(repr((streams, lengths)).encode("utf-8", "surrogateescape")).hexdigest()


def _measure_side(readers: Sequence[StreamReader], catalog: Catalog) -> Moments:
    joined = Moments.empty(0)
    for reader in readers:
        joined = joined.join(_measure(reader, catalog))
    return joined


def _measure(reader: StreamReader, catalog: Catalog) -> Moments:
    """Of one stream over all utterances that have an item; only voiced frames of an .f0 stream.

    Raises: DataError with all files that hold what is no number, or cannot be read.
    """
    moments, faults = Moments.empty(reader.spec.dim), []
    if not reader.spec.normalise or reader.spec.directory is None:
        return moments
    for name in dict.fromkeys(item.seq_name for item in catalog.items):
        try:
            for frames in reader.walk(name, catalog.lengths[name]):
                used = frames > 0 if reader.voiced_only else np.ones(frames.shape, dtype=bool)
                moments = moments.merge(Moments.of(frames, used))
        except DataError as fault:
            faults.append(str(fault))
    if faults:
        raise told_together(f"contents of {reader.spec.ext} files", faults)
    return moments


def _load(bins: list[Path], side_file: Path, mark: str) -> tuple[Moments, Moments] | None:
    """The cached moments, if the side file says that they belong to these data and to these .bin files."""
    try:
        stored = json.loads(side_file.read_text(encoding="utf-8"))
        moments = tuple(Moments(*(np.array(part) for part in stored[side])) for side in _SIDES)
        is_true = stored["fingerprint"] == mark and all(
            path.read_bytes() == part.to_bytes() for path, part in zip(bins, moments, strict=True)
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return moments if is_true else None


def _adopt(bins: list[Path], side_file: Path, sides: Sides, catalog: Catalog) -> tuple[Moments, Moments] | None:
    """.bin files that have no side file (made by upstream): taken over if they fit and are newer than all data."""
    if not all(path.is_file() for path in bins):
        return None
    newest = max((mark[1] for marks in catalog.steps.values() for mark in marks.values()), default=0)
    fits = not side_file.exists() and min(path.stat().st_mtime_ns for path in bins) >= newest
    moments = []
    for path, readers in zip(bins, sides, strict=True):
        values = np.frombuffer(path.read_bytes()[: path.stat().st_size // 4 * 4], dtype=FLOAT_DTYPE)
        dims = [reader.spec.dim for reader in readers]
        fits = fits and path.stat().st_size == 8 * sum(dims) and bool(np.isfinite(values).all())
        if fits:
            mean, std = values.astype(np.float64).reshape(2, -1)
            count = np.repeat([_count_used(reader, catalog) for reader in readers], dims).astype(np.float64)
            fits = bool((std > 0).all() and (mean[count == 0] == 0).all() and (std[count == 0] == 1).all())
            moments.append(Moments(count, mean, std**2 * count))
    log.note(f"{bins[0]} and {bins[1].name} " + ("fit the data and are taken over" if fits else
             "do not belong to these data and settings; they are computed again"))
    return tuple(moments) if fits else None


def _count_used(reader: StreamReader, catalog: Catalog) -> float:
    """Frames that count for the statistics of a stream, from lengths where possible."""
    if not reader.spec.normalise or reader.spec.directory is None:
        return 0.0
    if reader.voiced_only:
        return float(_measure(reader, catalog).count[0])
    names = {item.seq_name for item in catalog.items}
    own = catalog.steps[reader.key()]
    by_step = reader.spec.front_end is None
    return float(sum(
        own[name][2] if by_step and (own[name][2] == 1 or not reader.is_aligned)
        else -(-catalog.lengths[name] // reader.spec.resolution)
        for name in names
    ))


def _save(bins: list[Path], side_file: Path, mark: str, moments: tuple[Moments, Moments]) -> None:
    stored = {"format": 1, "fingerprint": mark}
    try:
        for side, path, part in zip(_SIDES, bins, moments, strict=True):
            write_atomically(path, part.to_bytes())
            stored[side] = part.to_lists()
        write_atomically(side_file, json.dumps(stored).encode("utf-8"))
    except DataError as fault:
        log.warn(f"mean and standard deviation are not cached: {fault}")
