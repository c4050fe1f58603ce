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
from core_scripts.nn_manager.unit_model import UnitModel


@dataclass(frozen=True)
class LabelRow:
    """How well one set of units tells the true labels, against those of silence and speech."""

    name: str
    information: float  # share of the labels' entropy, less what units in random order pretend
    accuracy: float  # each unit standing for the label that it most often meets in the training list


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
    speaker_information: float | None
    labels: tuple[LabelRow, ...]
    tokens: int

    def __str__(self) -> str:
        unit = "bits per sample" if self.error_name == "bits" else "mean squared error of normalised log-mel frames"
        gaps = ", ".join(f"{name} {gap:+.3f}" for name, gap in self.gaps.items())
        lines = [f"test list: {self.error:.4f} {unit}; it costs to change latents or speaker: {gaps}"]
        if self.perplexity is not None:
            lines.append(f"units: perplexity {self.perplexity:.1f}, {self.used_share:.0%} used, "
                         f"{self.bits_per_second:.0f} bit/s over {self.tokens:,} tokens; they tell the level with R2 "
                         f"{self.energy_r2:.2f}")
        if self.speaker_information is not None:
            lines.append(f"  of who speaks they tell {self.speaker_information:.3f} (0 nothing, 1 all)")
        if self.labels:
            lines.append(f"  {'against the true units':<24} {'told':>6} {'right':>6}")
            lines += [f"  {row.name:<24} {row.information:6.3f} {row.accuracy:6.3f}" for row in self.labels]
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
        return UnitTable(audit.true, model.error_name, audit.gaps(), None, None, None, None, None, (),
                         sum(map(len, test.energy)))
    train = _read(model, train_data.get_loader(), device)
    tokens = sum(map(len, test.codes))
    voices = None
    if model.speakers is not None and len(model.speakers.names) > 1:
        numbers = model.speakers.numbers(test.names)
        voices = [np.full(len(own), number) for own, number in zip(test.codes, numbers, strict=True)]
    several = voices is not None and len({own[0] for own in voices if len(own)}) > 1
    return UnitTable(
        error=audit.true, error_name=model.error_name, gaps=audit.gaps(),
        perplexity=perplexity(test.codes), used_share=used_share(test.codes, model.codes_count),
        bits_per_second=bits_per_second(test.codes, tokens / model.latents_per_second),
        energy_r2=energy_r2((train.codes, train.energy), (test.codes, test.energy)),
        speaker_information=label_information(test.codes, voices).beyond_chance if several else None,
        labels=_label_rows(model, train, test), tokens=tokens,
    )


@torch.no_grad()
def _read(model: UnitModel, batches: Any, device: torch.device) -> _Read:
    found = _Read([], [], [], [], [])
    for batch in batches:
        tokens = model.read_tokens(move_batch(batch, device))
        counts = [len(own) for own in tokens.energy]
        found.energy.extend(tokens.energy)
        found.codes.extend(tokens.codes or [])
        found.frames.extend(model.token_frames(batch, counts))
        items = [parse_info(info) for info in batch.info]
        found.names.extend(item.seq_name for item in items)
        found.starts.extend(item.start_pos for item in items)
    return found if found.codes else _Read(None, *list(vars(found).values())[1:])


def _label_rows(model: UnitModel, train: _Read, test: _Read) -> tuple[LabelRow, ...]:
    """Those of the model, of k-means over its input frames, and of chance; none where there are no labels."""
    folder = model.labels_folder
    if folder is None:
        return ()
    classes: dict[str, int] = {}
    told = [_labels_of(folder, own, model, classes) for own in (train, test)]
    count = model.codes_count
    centroids = cluster_frames(train.frames, count, seed=1)
    means = [frames_to_units(own.frames, centroids) for own in (train, test)]
    chance = [random_units([len(own) for own in side.codes], count, seed) for seed, side in enumerate((train, test))]
    rows = (("units of the model", [train.codes, test.codes]), ("k-means of MFCC", means), ("random units", chance))
    return tuple(LabelRow(name, label_information(units[1], told[1]).beyond_chance,
                          mapped_accuracy(*units, *told, count)) for name, units in rows)


def mapped_accuracy(
    train: Sequence[np.ndarray], test: Sequence[np.ndarray], train_labels: Sequence[np.ndarray],
    test_labels: Sequence[np.ndarray], count: int,
) -> float:
    """Share of test tokens whose label is the one that their unit most often meets in training."""
    joined, told = np.concatenate(train), np.concatenate(train_labels)
    table = np.zeros((count, 1 + max(told.max(), max(own.max() for own in test_labels if len(own)))))
    np.add.at(table, (joined, told), 1)
    guess = table.argmax(1)
    return float((guess[np.concatenate(test)] == np.concatenate(test_labels)).mean())


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
