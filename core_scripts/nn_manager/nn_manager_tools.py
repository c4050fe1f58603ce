"""What the managers share: calling a model, adding up its losses, filling parts of it, generating in segments."""
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from core_scripts import log
from core_scripts.checkpoint.train_state import read_weights
from core_scripts.config_parse.run_options import CallOptions
from core_scripts.data_io.collate import Batch
from core_scripts.errors import CheckpointError, ConfigError
from core_scripts.nn_manager.model_base import ModelHooks


def call_model(run: Callable[..., Any], batch: Batch, hooks: ModelHooks, options: CallOptions) -> Any:
    """Call `run` (the model or its inference) in the form it wants; the one place that knows the forms.

    A ModelBase with `takes_batch` gets the batch itself. All others get upstream's forms: (input), (input, target),
    (input, names) or (input, target, names), by --model-forward-with-target and --model-forward-with-file-name.
    """
    if hooks.takes_batch:
        return run(batch)
    extra = [batch.targets] if options.with_target else []
    extra += [batch.info] if options.with_file_name else []
    return run(batch.inputs, *extra)


def move_batch(batch: Batch, device: torch.device) -> Batch:
    """The batch with inputs, targets and lengths on `device`, floats as float32; lists are moved element by element."""
    return batch._replace(
        inputs=_move(batch.inputs, device), targets=_move(batch.targets, device), lengths=batch.lengths.to(device)
    )


def _move(data: Any, device: torch.device) -> Any:
    if isinstance(data, torch.Tensor):
        return data.to(device, torch.float32 if data.is_floating_point() else None, non_blocking=True)
    return [_move(item, device) for item in data]


@dataclass(frozen=True)
class Losses:
    """The losses of one minibatch: `total` is propagated, each part is logged, `flags` tell which count as best."""

    total: torch.Tensor
    parts: tuple[float, ...]
    flags: tuple[bool, ...]


def add_losses(result: Any) -> Losses:
    """A scalar tensor, or upstream's [[loss, ...], [flag, ...]], as a record.

    Raises: ConfigError if it is neither, or if losses and flags differ in number.
    """
    if isinstance(result, torch.Tensor):
        total = result.mean()  # DataParallel-like models return one loss per device
        return Losses(total, (float(total.detach()),), (True,))
    if not isinstance(result, (list, tuple)) or len(result) != 2 or len(result[0]) != len(result[1]):
        raise ConfigError("a loss must be a tensor or [[loss, ...], [flag, ...]] with as many flags as losses")
    parts = [part.mean() for part in result[0]]
    total = torch.stack([part.reshape(()) for part in parts]).sum()
    return Losses(total, tuple(float(part.detach()) for part in parts), tuple(bool(flag) for flag in result[1]))


def f_load_pretrained_model_partially(
    model: torch.nn.Module, model_paths: str | Sequence[str], model_name_prefix: str | Sequence[str]
) -> None:
    """Fill parts of `model` from checkpoints: `prefix.key` of the model takes `key` of the file.

    Raises: CheckpointError if a file has nothing for its part, or a weight of another shape.
    """
    paths = [model_paths] if isinstance(model_paths, str) else list(model_paths)
    prefixes = [model_name_prefix] if isinstance(model_name_prefix, str) else list(model_name_prefix)
    own = model.state_dict()
    for path, prefix in zip(paths, prefixes, strict=True):
        stem = prefix if not prefix or prefix.endswith(".") else f"{prefix}."
        weights = read_weights(Path(path))
        taken = {stem + key: value for key, value in weights.items() if stem + key in own}
        misfits = [key for key, value in taken.items() if value.shape != own[key].shape]
        if misfits or not taken:
            reason = f"{misfits[0]} has another shape" if misfits else f"no weight of it is called {stem}*"
            raise CheckpointError(f"{path} cannot fill part {prefix!r} of the model: {reason}")
        own.update(taken)
        log.say(f"{path}: {len(taken)} weights fill {prefix!r}, {len(weights) - len(taken)} of the file left out")
    model.load_state_dict(own)


def generate_in_segments(
    generate: Callable[[Batch], torch.Tensor], batch: Batch, length: int, overlap: int
) -> torch.Tensor:
    """Generate from pieces of `length` input frames and cross-fade them linearly over `overlap` frames.

    The ratio of output to input rate is measured on the first piece; a tail of at most `overlap` frames joins the
    last piece. Targets, where there are any, are cut at the output's rate. Returns (B, L, D).
    """
    frames = batch.inputs.shape[1]
    overlap = min(overlap, length - 1)
    pieces, ratio = [], 0
    for start, stop in segment_bounds(frames, length, overlap):
        piece = generate(_slice_batch(batch, start, stop, frames))
        piece = piece.unsqueeze(-1) if piece.dim() == 2 else piece
        ratio = ratio or piece.shape[1] // (stop - start)
        pieces.append((start * ratio, piece))
    total = pieces[-1][0] + pieces[-1][1].shape[1]
    output = pieces[0][1].new_zeros(pieces[0][1].shape[0], total, pieces[0][1].shape[2])
    fade = overlap * ratio
    for start, piece in pieces:
        weight = torch.ones(piece.shape[1], 1, dtype=piece.dtype, device=piece.device)
        if start and fade:
            rising = (torch.arange(fade, dtype=piece.dtype, device=piece.device) + 0.5) / fade
            weight[:fade, 0] = rising
            output[:, start : start + fade] *= 1 - rising[:, None]
        output[:, start : start + piece.shape[1]] += weight * piece
    return output


def segment_bounds(frames: int, length: int, overlap: int) -> list[tuple[int, int]]:
    """Half-open pieces of `length` that cover [0, frames), each sharing `overlap` with the one before."""
    bounds = [(0, min(length, frames))]
    while bounds[-1][1] < frames:
        start = bounds[-1][1] - overlap
        stop = min(start + length, frames)
        if frames - stop <= overlap:
            stop = frames
        bounds.append((start, stop))
    return bounds


def _slice_batch(batch: Batch, start: int, stop: int, frames: int) -> Batch:
    targets = batch.targets
    if isinstance(targets, torch.Tensor) and targets.dim() > 1:
        rate = targets.shape[1] // frames
        targets = targets[:, start * rate : stop * rate]
    return batch._replace(inputs=batch.inputs[:, start:stop], targets=targets)
