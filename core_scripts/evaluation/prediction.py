"""How an autoregressive model predicts, beyond its loss: how sure it is, how far off, how often right."""
from typing import Any

import torch
from torch import Tensor

from core_scripts.data_io.collate import Batch
from core_scripts.evaluation.condition_watch import HELD_BATCHES, few_of_each
from core_scripts.nn_manager.nn_manager_tools import move_batch
from core_scripts.nn_manager.observing import RunObserver
from core_scripts.nn_manager.training_run import TrainingRun


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
