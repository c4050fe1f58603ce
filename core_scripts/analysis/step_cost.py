"""What a model costs: multiplications per sample, memory and time of a training step, speed of generation.

Measured on noise in the shapes of a training crop, so that no data has to be read.
"""
import math
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from core_scripts import streams
from core_scripts.config_parse.data_config import CorpusSpec, StreamSpec
from core_scripts.config_parse.project_data import read_corpora
from core_scripts.constants import STREAM_EVALUATION
from core_scripts.data_io.collate import Batch
from core_scripts.data_io.segment import common_grain
from core_scripts.data_io.seq_info import SeqInfo
from core_scripts.geometry.ops import ceil_div
from core_scripts.nn_manager.model_base import ModelBase, adapt_loss, adapt_model
from core_scripts.nn_manager.nn_manager_tools import add_losses

_LEVEL = 0.1  # RMS of the noise
_COUNTED_SAMPLES = 320  # at least, of the crops whose multiplications are counted: whole latents of every recipe
_GENERATED_SAMPLES = 800
_ROUNDS = 3
_FLOAT_BYTES = 4
_ADAM_COPIES = 4  # weights, gradients, two moments


@dataclass(frozen=True)
class StepCost:
    """One training step. saved_bytes: what the forward pass keeps for the backward one; state_bytes: trained weights,
    their gradients and Adam's moments. Seconds are medians of a few steps."""

    batch_size: int
    samples: int  # per crop
    saved_bytes: int
    state_bytes: int
    wall_seconds: float
    cpu_seconds: float  # all threads
    peak_bytes: int  # of the whole process, torch itself in it; on a GPU all that torch held there

    @property
    def memory_bytes(self) -> int:
        return self.saved_bytes + self.state_bytes


@dataclass(frozen=True)
class Speed:
    """Generation of one utterance, all samples or frames after the first call."""

    samples_per_second: float
    seconds_per_second: float | None  # of computation per second of audio; None: its rate is not known


@dataclass(frozen=True)
class Bench:
    """A model of a recipe and what its batches look like.

    loss: the recipe's Loss; names: utterances of the list, whose speakers the model knows.
    """

    model: ModelBase
    conf: Any
    loss: Any
    device: torch.device
    names: tuple[str, ...] = ("noise",)

    @property
    def corpus(self) -> CorpusSpec:
        """The first one of the training set, its streams with the context of a crop."""
        context = type(self.model).crop_context(self.conf)
        return read_corpora(self.conf, "trn", (context.inputs, context.outputs))[0]

    def batch(self, samples: int, count: int) -> Batch | None:
        """Noise in the shape of `count` crops of `samples` or a few more; None: the recipe has several streams on a
        side, or functions of its own that make its inputs.
        """
        corpus = self.corpus
        if (len(corpus.inputs), len(corpus.outputs)) != (1, 1) or corpus.joint_function or corpus.input_functions:
            return None
        sides = corpus.inputs[0], corpus.outputs[0]
        grain = common_grain([stream.resolution for stream in sides])
        samples = ceil_div(samples, grain) * grain
        data = [_noise(stream, samples, count).to(self.device) for stream in sides]
        infos = tuple(SeqInfo(samples, self.names[number % len(self.names)], 0, 0, number).print_to_str()
                      for number in range(count))
        return Batch(*data, infos, torch.arange(count), torch.full((count,), samples).to(self.device))


def count_multiply_adds(bench: Bench) -> float | None:
    """Multiplications and additions per sample of the waveform in evaluation, context not counted; None: not countable.

    What a crop of twice the length takes more. Each is of one weight, so four times as many bytes are read where
    nothing but one utterance is generated.
    """
    short = bench.batch(_COUNTED_SAMPLES, 1)
    if short is None:
        return None
    samples = int(short.lengths[0])
    counts = []
    bench.model.eval()
    for batch in (short, bench.batch(2 * samples, 1)):
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            bench.model(batch)
        counts.append(counter.get_total_flops() / 2)
    return (counts[1] - counts[0]) / samples


def measure_step(bench: Bench, optimizer: torch.optim.Optimizer, samples: int, batch_size: int) -> StepCost | None:
    """A few training steps on noise; the weights are spoilt. None: as `Bench.batch`."""
    batch = bench.batch(samples, batch_size)
    if batch is None:
        return None
    bench.model.train()
    saved: dict[int, int] = {}
    own = {value.untyped_storage().data_ptr() for value in bench.model.parameters()}

    def keep(value: torch.Tensor) -> torch.Tensor:
        storage = value.untyped_storage()
        if storage.data_ptr() not in own:
            saved[storage.data_ptr()] = storage.nbytes()
        return value

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        loss = _loss_of(bench, batch)
    loss.backward()

    def step() -> None:
        optimizer.zero_grad()
        _loss_of(bench, batch).backward()
        optimizer.step()

    wall, processor = _time(step, bench.device)
    trained = sum(value.numel() for value in bench.model.parameters() if value.requires_grad)
    return StepCost(batch_size, int(batch.lengths[0]), sum(saved.values()), trained * _FLOAT_BYTES * _ADAM_COPIES,
                    wall, processor, _peak_bytes(bench.device))


def measure_speed(bench: Bench, rate_hz: int | None) -> Speed | None:
    """Generate a short utterance from noise. None: as `Bench.batch`."""
    batch = bench.batch(_GENERATED_SAMPLES, 1)
    if batch is None:
        return None
    bench.model.eval()
    with torch.inference_mode():
        wall, _ = _time(lambda: bench.model.inference(batch), bench.device, rounds=1)
    samples = int(batch.lengths[0])
    return Speed(samples / wall, wall * rate_hz / samples if rate_hz else None)


def _loss_of(bench: Bench, batch: Batch) -> torch.Tensor:
    hooks = adapt_model(bench.model)
    hooks.schedule(0)
    compute = hooks.loss or adapt_loss(bench.loss)
    return add_losses(compute(bench.model(batch), batch.targets)).total


def _peak_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _time(run: Callable[[], Any], device: torch.device, rounds: int = _ROUNDS) -> tuple[float, float]:
    """Median seconds (by the clock, of the processor) after one call to warm up."""
    seconds = []
    for _ in range(rounds + 1):
        begun = time.perf_counter(), time.process_time()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append((time.perf_counter() - begun[0], time.process_time() - begun[1]))
    walls, processor = zip(*seconds[1:], strict=True)
    return sorted(walls)[len(walls) // 2], sorted(processor)[len(processor) // 2]


def _noise(stream: StreamSpec, samples: int, count: int) -> torch.Tensor:
    shape = (count, ceil_div(samples, abs(stream.resolution)) + sum(stream.context), stream.dim)
    values = streams.normals(1, STREAM_EVALUATION, count=math.prod(shape)).reshape(shape)
    return torch.from_numpy(_LEVEL * values).float()
