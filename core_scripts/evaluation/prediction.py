"""How an autoregressive model predicts, beyond its loss: how sure it is, how far off, how often right."""
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core_scripts.data_io.collate import Batch
from core_scripts.evaluation.condition_watch import HELD_BATCHES, few_of_each
from core_scripts.nn_manager.nn_manager_tools import move_batch
from core_scripts.nn_manager.observing import RunObserver
from core_scripts.nn_manager.training_run import TrainingRun

_POSITIONS = 4096  # whose chances are in memory at once, in float64


@dataclass(frozen=True)
class Certainty:
    """Means over positions: of the largest probability, of that of the code that came, of the distance in codes
    between the two, and the share where they are the same."""

    avg_max: float
    avg_prob_target: float
    peak_dist: float
    accuracy: float

    def __str__(self) -> str:
        return (f"largest probability {self.avg_max:.3f} (avg_max), the target's {self.avg_prob_target:.3f} "
                f"(avg_prob_target), {self.peak_dist:.2f} codes apart (peak_dist)")


@torch.no_grad()
def measure_certainty(model: Any, batches: Iterable[Batch], device: torch.device) -> Certainty | None:
    """Of every position of the batches; None if the model predicts no codes."""
    sums, right, count = torch.zeros(3, dtype=torch.float64), 0, 0
    for batch in (move_batch(batch, device) for batch in batches):
        predicted = model.predict_codes(batch)
        if predicted is None:
            return None
        inside = torch.arange(predicted[1].shape[1], device=device) < batch.lengths[:, None]
        for logits, codes, told in zip(*(part.split(_POSITIONS, 1) for part in (*predicted, inside)), strict=True):
            sums = sums + describe_predictions(logits, codes, told).cpu()
            right += int(((logits.argmax(-1) == codes) & told).sum())
            count += int(told.sum())
    return Certainty(*(sums / count).tolist(), right / count)


def describe_predictions(logits: Tensor, codes: Tensor, inside: Tensor) -> Tensor:
    """Sums over the positions inside of the largest probability, of the target's, and of |argmax - target|, (3,).

    logits: (B, T, levels); codes: (B, T) int64; inside: (B, T) bool. In float64.
    """
    chances = torch.softmax(logits.double(), -1)
    largest, first = chances.max(-1)
    told = chances.gather(-1, codes[..., None])[..., 0]
    return torch.stack([(value * inside).sum() for value in (largest, told, (first - codes).abs())])


class PredictionWatch(RunObserver):
    """Columns avg_max, avg_prob_target and peak_dist of metrics.csv, of models that predict codes by logits.

    Means over a few minibatches: of the largest probability, of the probability of the code that came, and of the
    distance between that code and the most probable one. Guessing among 256 codes has 1/256, 1/256 and about 85.
    """

    def __init__(self) -> None:
        self._held: list[Batch] = []

    def begin(self, run: TrainingRun, train_data: Any, val_data: Any) -> None:
        self._held = [] if val_data is None else few_of_each(val_data.spread_batches(HELD_BATCHES))

    def after_validation(self, run: TrainingRun) -> dict[str, float]:
        sums, count = torch.zeros(3, dtype=torch.float64), 0
        for batch in (move_batch(batch, run.device) for batch in self._held):
            predicted = run.players[0].hooks.module.predict_codes(batch)
            if predicted is None:
                return {}
            logits, codes = predicted
            inside = torch.arange(codes.shape[1], device=codes.device) < batch.lengths[:, None]
            sums, count = sums + describe_predictions(logits, codes, inside).cpu(), count + int(inside.sum())
        return dict(zip(("avg_max", "avg_prob_target", "peak_dist"), (sums / count).tolist(), strict=True)) \
            if count else {}
