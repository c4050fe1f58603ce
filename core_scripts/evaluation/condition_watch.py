"""The audit of the condition after each validation, on a few minibatches."""
from collections.abc import Sequence
from typing import Any

from core_scripts import log
from core_scripts.data_io.collate import Batch
from core_scripts.evaluation.conditioning import audit_conditioning
from core_scripts.nn_manager.observing import RunObserver
from core_scripts.nn_manager.training_run import TrainingRun

HELD_BATCHES = 8
_LEAST_GAP_BITS = 0.05
_WORDS = {"swap_gap_bits": "another utterance's", "constant_gap_bits": "a constant one"}


class ConditionWatch(RunObserver):
    """Columns swap_gap_bits and constant_gap_bits of metrics.csv, and a warning while the model ignores its frames.

    For models with `audits_condition`, see ModelBase.
    """

    def __init__(self) -> None:
        self._held = HeldBatches(())

    def begin(self, run: TrainingRun, train_data: Any, val_data: Any) -> None:
        if val_data is not None:
            self._held = HeldBatches(val_data.spread_batches(HELD_BATCHES))

    def after_validation(self, run: TrainingRun) -> dict[str, float]:
        audit = audit_conditioning(run.players[0].hooks.module, self._held, run.device)
        gaps = {"constant_gap_bits": audit.constant_gap}
        if audit.swap_gap is not None:
            gaps = {"swap_gap_bits": audit.swap_gap} | gaps
        told = " and ".join(f"{_WORDS[name]} {gap:+.3f}" for name, gap in gaps.items())
        log.note(f"valid epoch {run.position.epoch}: bits per sample that another condition costs: {told}")
        if max(gaps.values()) < _LEAST_GAP_BITS:
            log.warn(f"the model does not use its condition (less than {_LEAST_GAP_BITS} bits per sample); early in "
                     "training that may pass, later look at the frames and at how they are aligned")
        return gaps


def few_of_each(batches: Sequence[Batch], items: int = 2) -> list[Batch]:
    """The first items of each batch, for audits that run a slow decoder several times."""
    return [batch.select(range(min(items, len(batch.index)))) for batch in batches]


class HeldBatches:
    """Minibatches in memory in place of a data set."""

    def __init__(self, batches: Sequence[Batch]) -> None:
        self._batches = batches

    def get_loader(self) -> Sequence[Batch]:
        return self._batches
