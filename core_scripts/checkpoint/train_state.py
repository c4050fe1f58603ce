"""All that must survive a stop, as one record: its fields are the list."""
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch

from core_scripts.checkpoint.store import read_checkpoint
from core_scripts.errors import CheckpointError

FORMAT = 2  # 1: without a digest


@dataclass(kw_only=True)
class TrainState:
    """A run between two optimizer steps. The names are the keys of the file, upstream's where it has one."""

    state_dict: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    averaged: dict[str, torch.Tensor] = field(default_factory=dict)  # of --polyak, keys as in state_dict
    lr_scheduler: dict[str, Any] = field(default_factory=dict)
    train_log: dict[str, Any] = field(default_factory=dict)  # Monitor.state_dict()
    val_log: dict[str, Any] = field(default_factory=dict)
    info: str = ""  # the table printed so far
    position: dict[str, Any] = field(default_factory=dict)  # DataPosition.to_dict()
    step: int = 0  # optimizer steps done
    bad_steps: int = 0  # the last ones, left out because loss or gradient were not finite
    seconds: float = 0.0  # that the run has taken
    facts: dict[int, dict[str, float]] = field(default_factory=dict)  # what observers found out, by epoch
    config: str = ""  # resolved configuration, YAML
    versions: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT

    def to_dict(self) -> dict[str, Any]:
        """A plain dict, which is how a full checkpoint is told from weights (an OrderedDict)."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


def state_from_checkpoint(content: dict[str, Any]) -> TrainState:
    """The record in a full checkpoint.

    Raises: CheckpointError if the file is of a newer format, or lacks weights or optimizer state.
    """
    if content.get("format", FORMAT) > FORMAT:
        found = content["format"]
        raise CheckpointError(f"the checkpoint has format {found}, this version reads up to {FORMAT}; upgrade")
    missing = [key for key in ("state_dict", "optimizer") if key not in content]
    if missing:
        absent = ", ".join(missing)
        raise CheckpointError(f"not a full checkpoint: {absent} absent; use it with --init-from or --inference")
    known = {item.name for item in fields(TrainState)}
    return TrainState(**{key: value for key, value in content.items() if key in known})


def require_same_step(contents: Iterable[dict[str, Any] | None]) -> None:
    """Raises: CheckpointError if full checkpoints that belong together, one per model, were written at other steps."""
    steps = {content["step"] for content in contents if content is not None and is_full(content) and "step" in content}
    if len(steps) > 1:
        told = " and ".join(map(str, sorted(steps)))
        raise CheckpointError(f"the checkpoints are of steps {told}, not of one moment; take two of the same number, "
                              "the last ones before if the newest is alone")


def is_full(content: dict[str, Any]) -> bool:
    """Whether loaded content is a full training state (a plain dict with `state_dict`), not bare weights."""
    return type(content) is dict and "state_dict" in content


def weights_of(content: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The weights in a full checkpoint or in a weights-only one; DataParallel's `module.` prefix is removed."""
    weights = content["state_dict"] if is_full(content) else content
    if weights and all(key.startswith("module.") for key in weights):
        return {key.removeprefix("module."): value for key, value in weights.items()}
    return dict(weights)


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The weights stored in the file at `path`, whichever kind it is."""
    return weights_of(read_checkpoint(path))
