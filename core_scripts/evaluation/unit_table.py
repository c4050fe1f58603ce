"""The table of the verb evaluate for models with units: what the units of the test list carry."""
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core_scripts.data_io.seq_info import parse_info
from core_scripts.errors import DataError
from core_scripts.evaluation.latent_audit import audit_latents
from core_scripts.evaluation.unit_model import UnitModel
from core_scripts.evaluation.units import (
    bits_per_second,
    cluster_frames,
    energy_r2,
    frames_to_units,
    label_information,
    perplexity,
    random_units,
    used_share,
)
from core_scripts.nn_manager.nn_manager_tools import move_batch

Pair = Sequence[Sequence[np.ndarray]]  # of the training and of the test list: one array per item


@dataclass(frozen=True)
class UnitRow:
    """What one set of units tells, 0 nothing, 1 all: shares of entropy less what units in random order pretend."""

    name: str
    labels: float | None  # of the true units, None where they are not known
    accuracy: float | None  # each unit standing for the true one that it most often meets in the training list
    voices: float | None  # of who speaks; None where there is one speaker

    def describe(self) -> str:
        """A line of the table."""
        cells = ["-" if value is None else f"{value:.3f}" for value in (self.labels, self.accuracy, self.voices)]
        return f"  {self.name:<20} {cells[0]:>14} {cells[1]:>12} {cells[2]:>15}"


@dataclass(frozen=True)
class UnitTable:
    """What units of the test list carry; None where there are no codes, no labels or no speakers."""

    error: float
    error_name: str
    gaps: dict[str, float]
    perplexity: float | None
    used_share: float | None
    bits_per_second: float | None
    energy_r2: float | None
    rows: tuple[UnitRow, ...]
    tokens: int

    def __str__(self) -> str:
        unit = "bits per sample" if self.error_name == "bits" else "mean squared error of normalised log-mel frames"
        gaps = ", ".join(f"{name} {gap:+.3f}" for name, gap in self.gaps.items())
        lines = [f"test list: {self.error:.4f} {unit}; it costs to change latents or speaker: {gaps}"]
        if self.perplexity is not None:
            lines.append(f"units: perplexity {self.perplexity:.1f}, {self.used_share:.0%} used, "
                         f"{self.bits_per_second:.0f} bit/s over {self.tokens:,} tokens; they tell the level with R2 "
                         f"{self.energy_r2:.2f}")
        if self.rows:
            lines.append(f"  {'':<20} {'told of units':>14} {'units right':>12} {'told of voices':>15}")
            lines += [row.describe() for row in self.rows]
        return "\n".join(lines)


@dataclass(frozen=True)
class _Read:
    """Every item of a data set: units, energies, frames' means per unit, and the places of the tokens."""

    codes: list[np.ndarray] | None
    energy: list[np.ndarray]
    frames: list[np.ndarray]
    names: list[str]
    starts: list[int]


def measure_units(model: UnitModel, train_data: Any, test_data: Any, device: torch.device) -> UnitTable:
    """Score a trained model; its configuration may name a folder of true units, `labels`."""
    model.eval()
    batches = list(test_data.get_loader())
    audit = audit_latents(model, batches, device)
    test = _read(model, batches, device)
    if test.codes is None:
        return UnitTable(audit.true, model.error_name, audit.gaps(), None, None, None, None, (),
                         sum(map(len, test.energy)))
    train = _read(model, train_data.get_loader(), device)
    tokens = sum(map(len, test.codes))
    return UnitTable(
        error=audit.true, error_name=model.error_name, gaps=audit.gaps(),
        perplexity=perplexity(test.codes), used_share=used_share(test.codes, model.codes_count),
        bits_per_second=bits_per_second(test.codes, tokens / model.latents_per_second),
        energy_r2=energy_r2((train.codes, train.energy), (test.codes, test.energy)),
        rows=_rows(model, train, test), tokens=tokens,
    )


@torch.no_grad()
def _read(model: UnitModel, batches: Any, device: torch.device) -> _Read:
    found = _Read([], [], [], [], [])
    for batch in batches:
        tokens = model.read_tokens(move_batch(batch, device))
        found.energy.extend(tokens.energy)
        found.codes.extend(tokens.codes or [])
        found.frames.extend(model.token_frames(batch))
        items = [parse_info(info) for info in batch.info]
        found.names.extend(item.seq_name for item in items)
        found.starts.extend(item.start_pos for item in items)
    return found if found.codes else _Read(None, *list(vars(found).values())[1:])


def _rows(model: UnitModel, train: _Read, test: _Read) -> tuple[UnitRow, ...]:
    """Those of the model, of k-means over its input frames, and of chance."""
    count, classes = model.codes_count, {}
    told = None if model.labels_folder is None else [
        _labels_of(model.labels_folder, own, model, classes) for own in (train, test)]
    voices = _voices_of(model, test)
    centroids = cluster_frames(train.frames, count, seed=1)
    sets = {
        "units of the model": (train.codes, test.codes),
        "k-means of MFCC": tuple(frames_to_units(own.frames, centroids) for own in (train, test)),
        "random units": tuple(random_units([len(own) for own in side.codes], count, seed)
                              for seed, side in enumerate((train, test))),
    }
    return tuple(UnitRow(
        name,
        None if told is None else label_information(units[1], told[1]).beyond_chance,
        None if told is None else mapped_accuracy(units, told, count),
        None if voices is None else label_information(units[1], voices).beyond_chance,
    ) for name, units in sets.items())


def _voices_of(model: UnitModel, read: _Read) -> list[np.ndarray] | None:
    """The speaker's number of every token; None where all are one's."""
    if model.speakers is None:
        return None
    numbers = model.speakers.numbers(read.names)
    return [np.full(len(own), number) for own, number in zip(read.codes, numbers, strict=True)] \
        if len(set(numbers)) > 1 else None


def mapped_accuracy(units: Pair, labels: Pair, count: int) -> float:
    """Share of test tokens whose label is the one that their unit most often meets in training.

    units, labels: of the training and of the test list; units in [0, count), labels from 0 on.
    """
    (train, test), (train_labels, test_labels) = (
        [np.concatenate(side) for side in both] for both in (units, labels))
    table = np.zeros((count, 1 + max(train_labels.max(), test_labels.max())))
    np.add.at(table, (train, train_labels), 1)
    return float((table.argmax(1)[test] == test_labels).mean())


def _labels_of(folder: Path, read: _Read, model: UnitModel, classes: dict[str, int]) -> list[np.ndarray]:
    """Of each token the label at its middle; what lies behind the last segment has that one's."""
    hop = model.samples_per_latent
    told = []
    for name, start, own in zip(read.names, read.starts, read.energy, strict=True):
        labels, stops = read_segments(folder / f"{name}.txt")
        middles = start + (np.arange(len(own)) + 0.5) * hop
        places = np.searchsorted(stops, middles, side="right").clip(max=len(stops) - 1)
        told.append(np.array([classes.setdefault(labels[place], len(classes)) for place in places]))
    return told


def read_segments(path: Path) -> tuple[list[str], np.ndarray]:
    """Labels and the sample behind each, from lines label<TAB>start<TAB>stop. Raises: DataError."""
    try:
        rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return [row[0] for row in rows], np.array([int(row[2]) for row in rows])
    except (OSError, ValueError, IndexError) as fault:
        raise DataError(f"{path} is no file of lines label<TAB>start<TAB>stop ({fault}); correct `labels`, or leave it "
                        "empty") from None
