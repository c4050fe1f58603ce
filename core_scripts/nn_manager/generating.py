"""What f_inference_wrapper does with each minibatch: choose, generate, write."""
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import torch

from core_scripts import log
from core_scripts.config_parse.run_options import CallOptions, InferOptions
from core_scripts.data_io.collate import Batch
from core_scripts.data_io.seq_info import parse_info
from core_scripts.generation.engine import Utterances, WaveGenerator
from core_scripts.generation.output_stream import OutputStream
from core_scripts.generation.segments import generate_in_segments
from core_scripts.geometry.span import Span
from core_scripts.nn_manager.model_base import ModelHooks
from core_scripts.nn_manager.nn_manager_tools import call_model, move_batch


def generate(hooks: ModelHooks, batch: Batch, call: CallOptions, options: InferOptions) -> torch.Tensor | None:
    """The model's output for a batch, whole or in cross-faded segments, at the scale of the data."""

    def run_once(piece: Batch) -> torch.Tensor | None:
        return call_model(hooks.inference, piece, hooks, call)

    segmented = 0 < options.segment_length < batch.inputs.shape[1]
    if segmented:
        output = generate_in_segments(run_once, batch, options.segment_length, options.segment_overlap)
    else:
        output = run_once(batch)
    return None if output is None else hooks.module.denormalize_output(output)


class Chooser:
    """Which items of a data set are to be generated: those of the options' names that are not finished yet."""

    def __init__(self, data: Any, options: InferOptions) -> None:
        self._data, self._options, self._infos = data, options, data.get_seq_info()
        self.finished = 0  # how many of those that were asked for were there already

    def choose(self, numbers: Sequence[int]) -> list[int]:
        """Those of the items that are to be generated."""
        names, done = self._options.names, self._options.finished
        asked = [number for number in numbers if names is None or parse_info(self._infos[number]).seq_name in names]
        wanted = [number for number in asked if done is None or not done.has(*self._files(number))]
        self.finished += len(asked) - len(wanted)
        return wanted

    def note(self, number: int) -> None:
        """The item's files are written."""
        if self._options.finished is not None:
            self._options.finished.note(*self._files(number))

    def info(self, number: int) -> str:
        return self._infos[number]

    def _files(self, number: int) -> tuple[list, list]:
        where = self._options.output_dir, self._options.prefix, self._infos[number]
        return self._data.writer.paths(*where), self._data.input_paths(number)


def in_range(batches: Any, options: InferOptions) -> Iterator:
    """The minibatches of the index range."""
    return islice(batches, options.start_index, options.end_index if options.end_index >= 0 else None)


def generate_batches(
    hooks: ModelHooks, chooser: Chooser, data: Any, call: CallOptions, options: InferOptions
) -> Iterator[tuple[str, ...]]:
    """Models of one pass: the info of each minibatch, reduced to what is wanted, when its files are written."""
    for batch in in_range(data.get_loader(), options):
        chosen = chooser.choose(batch.index.tolist())
        batch = batch.select([place for place, number in enumerate(batch.index.tolist()) if number in chosen])
        if not chosen:
            continue
        output = generate(hooks, move_batch(batch, options.on_device), call, options)
        if output is None:
            log.note(f"No output saved for {', '.join(batch.info)}")
        else:
            for item, info, number in zip(output.cpu().numpy(), batch.info, batch.index.tolist(), strict=True):
                data.putitem(item[None], options.output_dir, options.prefix, info)
                chooser.note(number)
        yield batch.info


def stream_batches(
    generator: WaveGenerator, hooks: ModelHooks, chooser: Chooser, data: Any, options: InferOptions
) -> Iterator[tuple[str, ...]]:
    """Models that generate sample by sample: the same, read and written piece by piece."""
    for batch in in_range(data.get_loader().sampler, options):
        numbers = sorted(chooser.choose(batch), key=lambda number: -parse_info(chooser.info(number)).length)
        if not numbers:
            continue
        infos = tuple(map(chooser.info, numbers))
        items = [parse_info(info) for info in infos]
        utterances = Utterances(tuple(item.seq_name for item in items), tuple(item.length for item in items))
        outputs = [OutputStream(data.writer, options.output_dir, options.prefix, info) for info in infos]

        def read(part: Span, count: int, numbers: Sequence[int] = numbers) -> Batch:
            return move_batch(data.read_part(numbers[:count], part), options.on_device)

        try:
            for piece in generator.stream(utterances, read):
                waves = hooks.module.denormalize_output(piece).cpu().numpy()
                for wave, output, number in zip(waves, outputs, numbers, strict=False):
                    output.append(wave)
                    if output.is_complete:
                        chooser.note(number)
        finally:
            for output in outputs:
                output.abandon()
        yield infos
