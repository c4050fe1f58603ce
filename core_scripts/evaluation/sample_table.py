"""Bits and accuracy of a model of quantised samples, beside what a model must beat before it claims anything."""
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core_scripts.data_io.collate import Batch
from core_scripts.evaluation.baseline_table import measure_baselines, mulaw_scale
from core_scripts.evaluation.bits import collect_codes
from core_scripts.nn_manager.nn_manager_tools import move_batch

Predict = Callable[[Batch], tuple[Tensor, Tensor]]  # logits (B, T, levels) and codes (B, T), as `predict_codes`


@dataclass(frozen=True)
class SampleTable:
    """Of every test sample, each predicted from all before it in its file. An accuracy says nothing without K."""

    levels: int  # K
    bits: float
    accuracy: float
    bits_marginal: float
    bits_bigram: float
    bits_flac: float
    bits_lpc16: float
    accuracy_majority: float  # always the most frequent code
    accuracy_persistence: float  # the code before
    accuracy_lpc16: float
    samples: int
    bits_swapped: float | None = None  # with another value of the variable; None: nothing conditions

    @property
    def swap_gap(self) -> float | None:
        """Bits per sample that another value costs; near 0 or below: the variable is not used."""
        return None if self.bits_swapped is None else self.bits_swapped - self.bits

    def __str__(self) -> str:
        k = f"K = {self.levels}"
        rows = [("WaveNet", self.bits, self.accuracy), ("LPC-16", self.bits_lpc16, self.accuracy_lpc16),
                ("persistence", None, self.accuracy_persistence), ("FLAC", self.bits_flac, None),
                ("bigram", self.bits_bigram, None), ("majority", self.bits_marginal, self.accuracy_majority),
                ("uniform", math.log2(self.levels), 1 / self.levels)]
        lines = [f"{self.samples:,} held-out samples, {self.levels} mu-law levels",
                 f"  {'':<12} {'bits':>6}  {'accuracy, ' + k:>18}"]
        told = [(name, *("" if value is None else f"{value:.3f}" for value in values)) for name, *values in rows]
        lines += [f"  {name:<12} {bits:>6}  {accuracy:>18}" for name, bits, accuracy in told]
        if self.swap_gap is not None:
            lines.append(f"  with another value of the variable {self.bits_swapped:.3f} bits, gap {self.swap_gap:+.3f}")
        if self.accuracy <= self.accuracy_persistence:
            lines.append("  repeating the last sample is right as often: the model has shown nothing yet")
        return "\n".join(lines)


def measure_samples(
    model: Any, train_data: Any, test_data: Any, device: torch.device, swapped: Predict | None = None
) -> SampleTable:
    """Score a model with `predict_codes`, `target_codes` and `levels`; marginal and bigram know the training data.

    swapped: the predictions under another value of what conditions the model.
    """
    model.eval()
    test = collect_codes(model, test_data)
    scores = measure_baselines(collect_codes(model, train_data), test, mulaw_scale(model.levels))
    bits, accuracy = score_predictions(model.predict_codes, test_data.get_loader(), device)
    return SampleTable(
        levels=model.levels, bits=bits, accuracy=accuracy,
        bits_marginal=scores["marginal"].bits, bits_bigram=scores["bigram"].bits, bits_flac=scores["flac"].bits,
        bits_lpc16=scores["lpc16"].bits, accuracy_majority=scores["marginal"].accuracy,
        accuracy_persistence=scores["persistence"].accuracy, accuracy_lpc16=scores["lpc16"].accuracy,
        samples=sum(map(len, test)),
        bits_swapped=None if swapped is None else score_predictions(swapped, test_data.get_loader(), device)[0])


@torch.no_grad()
def score_predictions(predict: Predict, batches: Iterable[Batch], device: torch.device) -> tuple[float, float]:
    """Bits per sample and the share of most probable codes that came."""
    nats = right = samples = 0.0
    for batch in batches:
        batch = move_batch(batch, device)
        logits, codes = predict(batch)
        inside = torch.arange(codes.shape[1], device=codes.device) < batch.lengths[:, None]
        told = torch.log_softmax(logits, -1).gather(-1, codes[..., None])[..., 0]
        nats -= float((told.double() * inside).sum())
        right += float(((logits.argmax(-1) == codes) & inside).sum())
        samples += float(inside.sum())
    return nats / samples / math.log(2), right / samples
