"""The step of ordinary training and of its validation: all that changes weights, and all that computes a loss."""
import math
from typing import Any

import torch

from core_scripts import log
from core_scripts.constants import STREAM_MODEL, STREAM_VALIDATION
from core_scripts.data_io.collate import Batch
from core_scripts.errors import NonFiniteLossError
from core_scripts.nn_manager.grouping import Group
from core_scripts.nn_manager.nn_manager_tools import (
    Losses,
    add_losses,
    call_model,
    describe_fault,
    seed_model_randomness,
)
from core_scripts.nn_manager.training_run import Player, TrainingRun

MAX_BAD_STEPS = 3


def train_step(run: TrainingRun, batch: Batch, group: Group) -> Losses:
    """Forward, loss, backward; with the last minibatch of a group also clip, update, and advance the data position.

    Weights and position change here and nowhere else, so no checkpoint can fall between them. A group whose loss or
    gradient is not finite leaves weights and buffers as they were; like every other it is a function of the position.
    Raises: NonFiniteLossError at the third such group in a row.
    """
    (player,) = run.players
    if run.pending == 0:
        run.buffers = [buffer.clone() for buffer in player.hooks.module.buffers()]
    seed_model_randomness(run.options.seed, STREAM_MODEL, run.step, run.pending)
    player.hooks.schedule(run.step)
    losses = compute_losses(run, player, batch)
    if not losses.is_finite:
        run.not_finite = describe_fault("loss", losses.total, batch)
    elif losses.total.requires_grad:
        (losses.total / group.size).backward()
    run.pending += len(batch.index)
    if group.complete:
        run.gradient_norm = clip_gradients(player)
        if not run.not_finite and not math.isfinite(run.gradient_norm):
            run.not_finite = describe_fault("norm of the gradient", run.gradient_norm, batch)
        if run.not_finite:
            leave_out_step(run)
        else:
            player.optimizer.optimizer.step()
            run.bad_steps = 0
            if run.average is not None:
                run.average.update(run.step)
        player.optimizer.optimizer.zero_grad()
        run.position, run.step, run.pending = run.position.advance(run.pending), run.step + 1, 0
    return losses


def leave_out_step(run: TrainingRun) -> None:
    """Put back what the forward pass has changed (running statistics, codebooks), count the step, and say so.

    Raises: NonFiniteLossError at the third in a row.
    """
    with torch.no_grad():
        for buffer, value in zip(run.players[0].hooks.module.buffers(), run.buffers, strict=True):
            buffer.copy_(value)
    fault, run.not_finite = run.not_finite, ""
    run.bad_steps += 1
    if run.bad_steps == MAX_BAD_STEPS:
        raise NonFiniteLossError(f"{fault}, in step {run.step}, number {MAX_BAD_STEPS} in a row; nothing was updated "
                                 "with them. Lower --lr, set --grad-clip-norm, or look at these files")
    log.warn(f"{fault}: step {run.step} is left out; {MAX_BAD_STEPS} in a row would end the run")


def clip_gradients(player: Player) -> float:
    """Scale the gradients down to --grad-clip-norm, unless they are not finite; returns their norm before."""
    parameters = [value for value in player.hooks.module.parameters() if value.grad is not None]
    norm = torch.nn.utils.get_total_norm([value.grad for value in parameters])
    if player.optimizer.grad_clip_norm > 0 and torch.isfinite(norm):
        torch.nn.utils.clip_grads_with_norm_(parameters, player.optimizer.grad_clip_norm, norm)
    return float(norm)


def compute_losses(run: TrainingRun, player: Player, batch: Batch) -> Losses:
    """Run the model on a batch and compare: Model.loss where it is defined, else Loss.compute.

    With --amp bf16 products are in bfloat16; weights, the output that losses see, and sums over it are in float32.
    """
    hooks = player.hooks
    with torch.autocast(run.device.type, torch.bfloat16, enabled=run.options.amp == "bf16"):
        output = _as_float32(call_model(hooks.module, batch, hooks, run.call))
        if hooks.loss is not None:
            return add_losses(hooks.loss(output, batch.targets))
        plain = isinstance(batch.targets, torch.Tensor)
        target = hooks.module.normalize_target(batch.targets) if plain else batch.targets
        return add_losses(run.compute_loss(output, target))


def _as_float32(output: Any) -> Any:
    """Tensors that autocast made bfloat16 as float32, also inside lists; all else as it is."""
    if isinstance(output, torch.Tensor):
        return output.float() if output.dtype == torch.bfloat16 else output
    return type(output)(map(_as_float32, output)) if type(output) in (list, tuple) else output


def validation_step(run: TrainingRun, batch: Batch, group: Group) -> Losses:
    """Forward and loss without any update, with randomness of its own."""
    seed_model_randomness(run.options.seed, STREAM_VALIDATION, run.position.epoch, int(batch.index[0]))
    return compute_losses(run, run.players[0], batch)
