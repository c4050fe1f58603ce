"""What needs no network, on the recordings of a corpus: bits per sample and accuracy that a model must beat."""
import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from core_scripts.analysis.data_files import AudioSet
from core_scripts.analysis.file_facts import read_middle
from core_scripts.analysis.sampling import Effort, shuffled, work_through
from core_scripts.errors import ConfigError, DataError
from core_scripts.evaluation.baseline_table import BASELINES, fitted_costs, mulaw_scale, pcm16_scale
from core_scripts.evaluation.baselines import Costs, flac_bits
from core_scripts.evaluation.lpc import Scale, lpc_costs
from core_scripts.features import pcm16

_TRAIN_SAMPLES = 2**22  # that fitted baselines learn from at most
_MOST_SPEAKERS = 30
_Z_95 = 1.96
Row = tuple[np.ndarray, Costs]  # codes of a recording, and what LPC-16 makes of them


@dataclass(frozen=True)
class BaselineRow:
    """bits_error: half the width of the 95 % interval, recordings being drawn at random; None: not told."""

    bits: float
    accuracy: float | None
    bits_error: float | None = None


@dataclass(frozen=True)
class BaselineTable:
    """Of all held-out recordings and of each speaker's, whose own training recordings they are then fitted on."""

    levels: int
    peak_normalised: bool
    files: int  # held out and scored
    of_files: int
    train_files: int
    samples: int
    seconds: float
    rows: dict[str, BaselineRow]
    speakers: dict[str, dict[str, BaselineRow]]

    def as_plain(self) -> dict:
        """What --json prints of it, `baselines` and `baselines_by_speaker` among it."""
        told = {name: getattr(self, name) for name in ("levels", "peak_normalised", "files", "train_files", "samples")}
        return {"quantiser": told, "baselines": {name: asdict(row) for name, row in self.rows.items()},
                "baselines_by_speaker": {who: {name: asdict(row) for name, row in rows.items()}
                                         for who, rows in self.speakers.items()}}

    def __str__(self) -> str:
        law = "16-bit" if self.levels == pcm16.LEVELS else "mu-law"
        level = "each recording brought to its peak" if self.peak_normalised else "level as recorded"
        part = "all" if self.files == self.of_files else f"{self.files:,} of"
        lines = [f"baselines, {self.levels} {law} levels, {level}: {part} {self.of_files:,} test recordings, "
                 f"{self.samples:,} samples; fitted on {self.train_files:,} training recordings",
                 f"  {'':<12} {'bits':>6} {'±':>6} {'accuracy':>9}"]
        for name, row in self.rows.items():
            error = "" if row.bits_error is None else f"{row.bits_error:.3f}"
            accuracy = "" if row.accuracy is None else f"{row.accuracy:.3f}"
            lines.append(f"  {name:<12} {row.bits:6.3f} {error:>6} {accuracy:>9}")
        if self.speakers:
            lines.append(f"  bits by speaker, each fitted on their own: {', '.join(BASELINES)}")
            lines += [f"  {who:<12} " + " ".join(f"{rows[name].bits:6.3f}" for name in BASELINES)
                      for who, rows in self.speakers.items()]
        return "\n".join(lines)


@dataclass(frozen=True)
class _Job:
    path: Path
    levels: int
    peak_normalised: bool


def measure_data_baselines(
    audio: AudioSet, levels: int, effort: Effort, *, peak_normalised: bool = False
) -> BaselineTable:
    """Of a corpus' test list, or as much of it as the time allows.

    Raises: ConfigError for fewer than two levels; DataError if its rates differ, or nothing is long enough.
    """
    if levels < 2:
        raise ConfigError(f"{levels} level is no quantiser, every sample would be the same code; take 2 or more")
    rate_hz = audio.rate_hz()
    test, train = shuffled(audio.lists["test"]), shuffled(audio.lists["train"])
    jobs = {name: _Job(audio.recordings[name].path, levels, peak_normalised) for name in {*test, *train}}
    rows = dict(zip(test, work_through("baselines", _score_file, [jobs[name] for name in test], effort), strict=False))
    codes = _read_training(train, jobs)
    told = sorted(name for name in rows if len(rows[name][0]) > 1)  # neighbours are alike, which FLAC makes use of
    if not told:
        raise DataError(f"{audio.place} has no test recording of two samples; nothing can be predicted")
    by_speaker = {who: ([name for name in told if audio.speakers.get(name) == who],
                        [name for name in codes if audio.speakers.get(name) == who])
                  for who in sorted(set(audio.speakers.values()))}
    split = {who: own for who, own in by_speaker.items() if all(own)}
    return BaselineTable(
        levels=levels,
        peak_normalised=peak_normalised,
        files=len(told),
        of_files=len(test),
        train_files=len(codes),
        samples=sum(len(rows[name][0]) for name in told),
        seconds=sum(len(rows[name][0]) for name in told) / rate_hz,
        rows=_rows([rows[name] for name in told], list(codes.values()), levels),
        speakers={who: _rows([rows[name] for name in tested], [codes[name] for name in trained], levels)
                  for who, (tested, trained) in split.items()} if 1 < len(split) <= _MOST_SPEAKERS else {},
    )


def _rows(tested: Sequence[Row], train_codes: Sequence[np.ndarray], levels: int) -> dict[str, BaselineRow]:
    codes = [own for own, _ in tested]
    costs = fitted_costs(train_codes, codes, levels)
    costs["lpc16"] = Costs(*(np.concatenate(parts) for parts in zip(*(own for _, own in tested), strict=True)))
    rows = {name: _row(own) for name, own in costs.items()}
    return {name: rows.get(name) or BaselineRow(flac_bits(codes, levels), None) for name in BASELINES}


def _row(costs: Costs) -> BaselineRow:
    error = costs.error_bits()
    return BaselineRow(*costs.score(), None if error is None else _Z_95 * error)


def _read_training(names: Sequence[str], jobs: dict[str, _Job]) -> dict[str, np.ndarray]:
    """Codes by name, of as many as the fitted baselines learn from."""
    found, samples = {}, 0
    for name in names:
        found[name] = _read_codes(jobs[name])
        samples += len(found[name])
        if samples >= _TRAIN_SAMPLES:
            break
    return found


def _score_file(job: _Job) -> Row:
    codes = _read_codes(job)
    return codes, lpc_costs([codes], _scale(job.levels))


def _read_codes(job: _Job) -> np.ndarray:
    wave = read_middle(job.path)[0].astype(np.float64)
    peak = np.abs(wave).max()
    return _scale(job.levels).encode(wave / peak if job.peak_normalised and peak > 0 else wave).astype(np.int32)


@functools.cache
def _scale(levels: int) -> Scale:
    return pcm16_scale() if levels == pcm16.LEVELS else mulaw_scale(levels)
