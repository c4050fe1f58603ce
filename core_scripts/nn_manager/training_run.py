"""A training run: its models, where it stands, and how that is saved and taken up again."""
import csv
import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from core_scripts import log
from core_scripts.checkpoint.fitting import load_matching_weights, load_optimizer, load_weights
from core_scripts.checkpoint.store import list_checkpoints, write_checkpoint
from core_scripts.checkpoint.train_state import TrainState, is_full, state_from_checkpoint, weights_of
from core_scripts.config_parse.run_options import CallOptions, SaveOptions, TrainOptions
from core_scripts.data_io.position import DataPosition
from core_scripts.nn_manager.model_base import ModelHooks
from core_scripts.nn_manager.nn_manager_tools import f_load_pretrained_model_partially
from core_scripts.op_manager.op_manager import OptimizerWrapper
from core_scripts.op_manager.op_process_monitor import Monitor


@dataclass(frozen=True)
class Player:
    """A model with its optimizer. Ordinary training has one, a GAN has a generator and a discriminator."""

    hooks: ModelHooks
    optimizer: OptimizerWrapper
    suffix: str = ""  # of its files: _G, _D


@dataclass(kw_only=True)
class TrainingRun:
    """All that training reads and moves on. `position` and `step` change only where weights do."""

    players: tuple[Player, ...]
    compute_loss: Callable[[Any, Any], Any] | None
    device: torch.device
    options: TrainOptions
    call: CallOptions
    save: SaveOptions
    train_log: Monitor
    val_log: Monitor
    position: DataPosition
    step: int = 0  # optimizer steps done
    pending: int = 0  # samples whose gradients wait for a step
    table: list[str] = field(default_factory=list)

    def set_up(self) -> None:
        """The model's own preparation and pre-trained parts, once, after a checkpoint has been taken up."""
        for player in self.players:
            player.hooks.other_setups()
            if player.hooks.pretrained:
                paths, prefixes = zip(*player.hooks.pretrained, strict=True)
                f_load_pretrained_model_partially(player.hooks.module, paths, prefixes)

    def set_training(self, on: bool) -> None:
        for player in self.players:
            player.hooks.module.train(on)

    def set_training(self, on: bool) -> None:
        for player in self.players:
            player.hooks.module.train(on)

    def mark(self, *, validating: bool) -> None:
        for player in self.players:
            player.hooks.mark(validating=validating, epoch=self.position.epoch)


def save_epoch(run: TrainingRun, *, best: bool) -> None:
    """After an epoch: the best weights if these are they, and the full state as `epoch_NNN.pt`."""
    if run.save.not_save_anything:
        return
    for player in run.players:
        if best or run.save.force_save_lite:
            name = f"{run.save.trained_name}{player.suffix}{run.save.ext}"
            write_checkpoint(run.save.directory / name, player.hooks.module.state_dict())
        if not run.save.not_save_each_epoch:
            _save_state(run, player, f"{run.position.epoch - 1:03d}")


def save_within_epoch(run: TrainingRun) -> None:
    """Between two steps of an epoch: the full state as `epoch_NNN_SSSSSSSS.pt`."""
    if not run.save.not_save_anything:
        for player in run.players:
            _save_state(run, player, f"{run.position.epoch:03d}_{run.step:08d}")


def write_metrics(run: TrainingRun) -> None:
    """metrics.csv: the table with all digits, from the first epoch on whether or not the run was interrupted."""
    if run.save.metrics_file is None or run.save.not_save_anything:
        return
    with run.save.metrics_file.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("epoch", "train_loss", "val_loss", "seconds", "best"))
        for epoch in run.train_log.epochs:
            val = run.val_log.flagged_loss(epoch) if epoch in run.val_log.epochs else ""
            best = "yes" if epoch == run.val_log.best_epoch else "no"
            writer.writerow((epoch, run.train_log.flagged_loss(epoch), val, run.train_log.seconds(epoch), best))


def _save_state(run: TrainingRun, player: Player, number: str) -> None:
    path = run.save.directory / f"{run.save.epoch_name}_{number}{player.suffix}{run.save.ext}"
    write_checkpoint(path, _state_of(run, player).to_dict())
    log.note(f"Save {path}")
    if run.save.keep_checkpoints > 0:
        kept = max(run.save.keep_checkpoints, 2)  # one to fall back to while the next is written
        for old in list_checkpoints(run.save.directory, run.save.epoch_name, player.suffix + run.save.ext)[kept:]:
            old.unlink(missing_ok=True)


def _state_of(run: TrainingRun, player: Player) -> TrainState:
    scheduler = player.optimizer.lr_scheduler
    return TrainState(
        state_dict=player.hooks.module.state_dict(),
        optimizer=player.optimizer.optimizer.state_dict(),
        lr_scheduler=scheduler.state_dict(),
        train_log=run.train_log.state_dict(),
        val_log=run.val_log.state_dict(),
        info="\n".join(run.table),
        position=run.position.to_dict(),
        step=run.step,
        config=run.options.config_text,
        versions={"torch": torch.__version__, "numpy": np.__version__, "python": platform.python_version()},
    )


def take_up(run: TrainingRun, player: Player, content: dict[str, Any] | None, *, history: bool = True) -> None:
    """Put a loaded checkpoint (full, or weights only) into the run.

    `history` False takes weights and optimizer statistics alone, as for the second player of a GAN.
    Raises: CheckpointError if it does not fit; nothing is changed then.
    """
    if content is None:
        return
    source = "the checkpoint"
    if run.options.allow_mismatched:
        load_matching_weights(player.hooks.module, weights_of(content), source)
        return
    load_weights(player.hooks.module, weights_of(content), source)
    if not is_full(content):
        log.say("Weights loaded; optimizer and history start anew")
        return
    state = state_from_checkpoint(content)
    if not run.options.ignore_optimizer:
        load_optimizer(player.optimizer.optimizer, state.optimizer, source)
    if history and not run.options.ignore_history:
        _take_up_history(run, player, state)


def _take_up_history(run: TrainingRun, player: Player, state: TrainState) -> None:
    if state.train_log:
        run.train_log.load_state_dict(state.train_log)
        run.val_log.load_state_dict(state.val_log)
    if state.lr_scheduler:
        player.optimizer.lr_scheduler.load_state_dict(state.lr_scheduler)
    if state.position:
        run.position = _resumed_position(run, DataPosition.from_dict(state.position))
    run.step = state.step
    run.table = state.info.split("\n") if state.info else []


def _resumed_position(run: TrainingRun, stored: DataPosition) -> DataPosition:
    """Where to go on: the stored place if the data are the same, else the start of that epoch, and said so."""
    if stored.fingerprint == run.position.fingerprint and stored.seed == run.position.seed:
        return stored
    if stored.samples:
        log.warn(f"data or seed differ from the checkpoint's: epoch {stored.epoch} starts from its first sample")
    return DataPosition(seed=run.position.seed, epoch=stored.epoch, fingerprint=run.position.fingerprint)

