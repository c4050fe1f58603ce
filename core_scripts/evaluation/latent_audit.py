"""Does a decoder use its latents, and who speaks? Its error with the true ones, another utterance's, none, and with
another speaker.
"""
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core_scripts.data_io.collate import Batch
from core_scripts.evaluation.unit_model import UnitModel
from core_scripts.nn_manager.nn_manager_tools import move_batch


@dataclass(frozen=True)
class LatentAudit:
    """Mean errors of the same targets, in bits per sample or as mean squared errors; None where there is no other."""

    true: float
    swapped: float | None  # latents of another utterance
    zero: float
    speaker: float | None  # the same latents, the next speaker's number

    def gaps(self) -> dict[str, float]:
        """What each change costs, by name; near 0 or below: that is not used."""
        told = {"swap": self.swapped, "zero": self.zero, "speaker": self.speaker}
        return {name: error - self.true for name, error in told.items() if error is not None}


@torch.no_grad()
def audit_latents(model: UnitModel, batches: Sequence[Batch], device: torch.device) -> LatentAudit:
    """Score a model in evaluation on batches of several utterances. Latents of shorter donors are repeated."""
    batches = [move_batch(batch, device) for batch in batches]
    latents = [model.encode(batch) for batch in batches]
    donors = _other_latents(model, batches, latents)
    speakers = [None if model.speakers is None else model.speaker_numbers(batch) for batch in batches]
    several = model.speakers is not None and len(model.speakers.names) > 1
    others = [(own + 1) % len(model.speakers.names) for own in speakers] if several else None

    def mean(latents: Sequence[Tensor], speakers: Sequence[Tensor | None]) -> float:
        total = samples = 0.0
        for batch, own, who in zip(batches, latents, speakers, strict=True):
            count = int(batch.lengths.sum())
            total, samples = total + float(model.error(batch, own, who)) * count, samples + count
        return total / samples / (math.log(2) if model.error_name == "bits" else 1.0)

    return LatentAudit(
        true=mean(latents, speakers),
        swapped=None if donors is None else mean(donors, speakers),
        zero=mean([torch.zeros_like(own) for own in latents], speakers),
        speaker=None if others is None else mean(latents, others),
    )


def _other_latents(model: UnitModel, batches: Sequence[Batch], latents: Sequence[Tensor]) -> list[Tensor] | None:
    """For every item those of the item before it that is of another utterance, as long as its own; None: all are one.
    """
    names = [name for batch in batches for name in batch.names]
    rows = [row[: max(1, row.shape[0] * int(length) // int(batch.lengths.max()))] for batch, own in
            zip(batches, latents, strict=True) for row, length in zip(own, batch.lengths, strict=True)]
    if len(set(names)) < 2:
        return None
    given, place = [], 0
    for own in latents:
        wanted = torch.arange(own.shape[1], device=own.device)
        chosen = []
        for item in range(place, place + len(own)):
            donor = next(rows[item - back] for back in range(1, len(rows)) if names[item - back] != names[item])
            chosen.append(donor[wanted % len(donor)])
        given.append(torch.stack(chosen))
        place += len(own)
    return given
