"""What f_inference_wrapper does with each minibatch: choose, generate, write."""
from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch

from core_scripts import log
from core_scripts.config_parse.run_options import CallOptions, InferOptions
from core_scripts.data_io.collate import Batch
from core_scripts.nn_manager.model_base import ModelHooks
from core_scripts.nn_manager.nn_manager_tools import call_model, generate_in_segments


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


def choose_batches(data: Any, options: InferOptions) -> Iterator[Batch]:
    """Minibatches of the index range, reduced to the names of --inference-data-list where one is given."""
    stop = options.end_index if options.end_index >= 0 else None
    for batch in islice(data.get_loader(), options.start_index, stop):
        chosen = batch if options.names is None else batch.select_names(options.names)
        if len(chosen.info):
            yield chosen


def write_outputs(data: Any, batch: Batch, output: torch.Tensor | None, options: InferOptions) -> None:
    if output is None:
        log.note(f"No output saved for {', '.join(batch.info)}")
        return
    for item, info in zip(output.cpu().numpy(), batch.info, strict=True):
        data.putitem(item[None], options.output_dir, options.prefix, info)
