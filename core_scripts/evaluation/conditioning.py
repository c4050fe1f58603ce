"""Does a model use its condition? Its loss with the true one, another utterance's, and one that never changes.

A low loss alone cannot tell: an autoregressive model that ignores its condition loses only a tenth of a bit or two.
"""
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core_scripts.config_parse.run_options import CallOptions
from core_scripts.data_io.collate import Batch
from core_scripts.errors import ConfigError, DataError
from core_scripts.nn_manager.model_base import ModelHooks, adapt_model
from core_scripts.nn_manager.nn_manager_tools import add_losses, call_model, move_batch


@dataclass(frozen=True)
class ConditionAudit:
    """Bits per sample of the same samples under three conditions; None where there is no other utterance."""

    true: float
    swapped: float | None  # frames of another utterance
    constant: float  # the mean frame of all, at every position

    @property
    def swap_gap(self) -> float | None:
        """What another utterance's frames cost, bits per sample; near 0 or below: the condition is not used."""
        return None if self.swapped is None else self.swapped - self.true

    @property
    def constant_gap(self) -> float:
        """What frames without information cost, bits per sample."""
        return self.constant - self.true


def audit_conditioning(model: torch.nn.Module, data: Any, device: torch.device) -> ConditionAudit:
    """Score a model on every sample of `data` three times; it has `takes_batch` and returns mean nats per sample.

    The other utterance is the one before in the order of `data`, for the first the last one; its frames are repeated
    where it is shorter. The constant condition is the mean frame before normalisation, so that a model that normalises
    its input sees about 0.
    Raises: ConfigError if the model takes no batch, DataError if its condition is not one tensor of frames.
    """
    hooks = adapt_model(model)
    if not hooks.takes_batch:
        raise ConfigError(f"{type(model).__name__} does not take whole batches, so there is no telling its condition "
                          f"from its other inputs; derive it from ModelBase with takes_batch = True")
    model.eval()
    loader = data.get_loader()
    mean, donor = _look_through(loader)
    true = mean_bits(hooks, loader, device)
    constant = mean_bits(hooks, hold_frames(loader, mean), device)
    swapped = None if donor is None else mean_bits(hooks, swap_frames(loader, donor), device)
    return ConditionAudit(true, swapped, constant)


def mean_bits(hooks: ModelHooks, batches: Iterable[Batch], device: torch.device) -> float:
    """Bits per sample of a model that returns the mean nats per sample of a batch; padding does not count."""
    nats = samples = 0
    with torch.no_grad():
        for batch in batches:
            batch = move_batch(batch, device)
            count = int(batch.lengths.sum())
            nats += add_losses(call_model(hooks.module, batch, hooks, CallOptions())).parts[0] * count
            samples += count
    return nats / samples / math.log(2)


def own_frames(batch: Batch) -> list[Tensor]:
    """The frames (F, C) of each item without the batch's padding, or one to a few fewer.

    Only the longest item's number of frames is known here. An item of L of its S samples has at least F L / S of its F
    frames, since both have the same context beyond their samples.
    """
    _require_frames(batch)
    frames, longest = batch.inputs.shape[1], int(batch.lengths.max())
    return [item[: max(1, frames * int(length) // longest)]
            for item, length in zip(batch.inputs, batch.lengths, strict=True)]


def swap_frames(batches: Iterable[Batch], donor: Tensor) -> Iterator[Batch]:
    """The batches with another utterance's frames for every item: those of the last item before of another name.

    donor: (F, C) frames for the first utterance, for which there is none before.
    """
    latest, latest_name = donor, None
    for batch in batches:
        given = []
        for frames, name in zip(own_frames(batch), batch.names, strict=True):
            donor = donor if name == latest_name else latest
            latest, latest_name = frames, name
            given.append(donor[torch.arange(batch.inputs.shape[1]) % len(donor)])
        yield batch._replace(inputs=torch.stack(given))


def hold_frames(batches: Iterable[Batch], frame: Tensor) -> Iterator[Batch]:
    """The batches with one frame (C,) at every position."""
    for batch in batches:
        yield batch._replace(inputs=frame.expand_as(batch.inputs))


def _look_through(batches: Iterable[Batch]) -> tuple[Tensor, Tensor | None]:
    """The mean frame (C,), and the last item's frames (F, C) whose utterance is not the first; None if there is one."""
    total, count, first_name, other = 0.0, 0, None, None
    for batch in batches:
        for frames, name in zip(own_frames(batch), batch.names, strict=True):
            total, count = total + frames.double().sum(0), count + len(frames)
            first_name = first_name or name
            other = other if name == first_name else frames
    return (total / count).float(), other


def _require_frames(batch: Batch) -> None:
    if not isinstance(batch.inputs, Tensor) or batch.inputs.dim() != 3:
        raise DataError("the audit changes a condition that is one tensor of frames (B, F, C), and this data set "
                        "yields several inputs or another shape; leave the audit out for it")
