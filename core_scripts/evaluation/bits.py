"""Bits per sample on held-out audio, beside what needs no network."""
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from core_scripts.config_parse.run_options import CallOptions
from core_scripts.evaluation.baselines import bigram_bits, marginal_bits
from core_scripts.nn_manager.model_base import adapt_model
from core_scripts.nn_manager.nn_manager_tools import add_losses, call_model, move_batch


@dataclass(frozen=True)
class BitsTable:
    """Bits per sample of the same held-out samples; baselines are fitted on the training set."""

    model: float
    marginal: float  # each code by its frequency
    bigram: float  # each code by its frequency after the code before it
    samples: int
    levels: int

    def __str__(self) -> str:
        rows = [("WaveNet", self.model), ("bigram", self.bigram), ("marginal", self.marginal),
                ("uniform", math.log2(self.levels))]
        lines = [f"bits per sample, {self.samples:,} held-out samples, {self.levels} mu-law levels, level as recorded"]
        return "\n".join(lines + [f"  {name:<10} {value:6.3f}" for name, value in rows])


def measure_bits(model: torch.nn.Module, train_data: Any, test_data: Any, device: torch.device) -> BitsTable:
    """Score a model that has `target_codes` and returns nats per sample on every sample of `test_data`."""
    nats = samples = 0.0
    hooks = adapt_model(model)
    model.eval()
    with torch.no_grad():
        for batch in test_data.get_loader():
            batch = move_batch(batch, device)
            losses = add_losses(call_model(hooks.module, batch, hooks, CallOptions()))
            count = int(batch.lengths.sum())
            nats += losses.parts[0] * count
            samples += count
    train, test = collect_codes(model, train_data), collect_codes(model, test_data)
    return BitsTable(
        model=nats / samples / math.log(2),
        marginal=marginal_bits(train, test, model.levels),
        bigram=bigram_bits(train, test, model.levels),
        samples=int(samples),
        levels=model.levels,
    )


def collect_codes(model: Any, data: Any) -> list[np.ndarray]:
    """The mu-law codes of every item of `data`, one array each."""
    return [codes.numpy() for batch in data.get_loader() for codes in model.target_codes(batch)]
