"""A training run: its models, where it stands, and how that is saved and taken up again."""
import csv
import io
import math
import platform
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core_scripts import fault, log
from core_scripts.checkpoint.files import write_file
from core_scripts.checkpoint.fitting import load_matching_weights, load_optimizer, load_weights
from core_scripts.checkpoint.saver import Saver, remove_older
from core_scripts.checkpoint.store import restore_checksum, verify_loaded, write_checkpoint
from core_scripts.checkpoint.train_state import TrainState, is_full, state_from_checkpoint, weights_of
from core_scripts.config_parse.run_options import CallOptions, SaveOptions, TrainOptions
from core_scripts.data_io.position import DataPosition
from core_scripts.errors import DataError, SaveError
from core_scripts.files import remove_leftovers
from core_scripts.nn_manager.averaging import WeightAverage
from core_scripts.nn_manager.model_base import ModelHooks
from core_scripts.nn_manager.nn_manager_tools import f_load_pretrained_model_partially
from core_scripts.nn_manager.observing import Observers
from core_scripts.op_manager.op_manager import OptimizerWrapper
from core_scripts.op_manager.op_process_monitor import Monitor
from core_scripts.op_manager.run_clock import RunClock

_SOURCE = "the checkpoint"


@dataclass(frozen=True)
class Player:
    """A model with its optimizer. Ordinary training has one, a GAN has a generator and a discriminator."""

    hooks: ModelHooks
    optimizer: OptimizerWrapper
    suffix: str = ""  # of its files: _G, _D

    def set_up(self) -> None:
        """The model's own preparation, then its pre-trained parts."""
        self.hooks.other_setups()
        if self.hooks.pretrained:
            paths, prefixes = zip(*self.hooks.pretrained, strict=True)
            f_load_pretrained_model_partially(self.hooks.module, paths, prefixes)


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
    clock: RunClock
    observers: Observers = field(default_factory=Observers)
    step: int = 0  # optimizer steps done
    pending: int = 0  # samples whose gradients wait for a step
    not_finite: str = ""  # what of them is not, in words
    buffers: list[torch.Tensor] = field(default_factory=list)  # as they were before them
    bad_steps: int = 0  # in a row, left out because of that
    gradient_norm: float = math.nan  # of the last step, before it was clipped
    seconds_before: float = 0.0  # that earlier processes took
    table: list[str] = field(default_factory=list)
    facts: dict[int, dict[str, float]] = field(default_factory=dict)  # what observers found out, by epoch
    saver: Saver = field(default_factory=Saver)
    average: WeightAverage | None = None  # of --polyak; what is validated and kept as the trained model
    raw_log: Monitor = field(default_factory=Monitor)  # validation of the weights that it is the average of

    def mark(self, *, validating: bool) -> None:
        for player in self.players:
            player.hooks.mark(validating=validating, epoch=self.position.epoch)

    def goes_on(self) -> bool:
        """Whether another epoch is to begin."""
        if self.clock.is_limited:  # an epoch that was begun is brought to its end, for there is no model before
            return not self.clock.is_over or self.position.samples > 0
        return self.position.epoch < self.options.epochs

    def follow_clock(self) -> None:
        """A minibatch begins; with --minutes the clock sets the learning rates."""
        self.clock.note_step()
        if self.clock.is_limited:
            for player in self.players:
                player.optimizer.set_rate_share(self.clock.rate_share())

    def stops_early(self, best_log: Monitor | None) -> bool:
        """Whether the epochs so far call for an early stop; also true of a run that is started again after one."""
        return best_log is not None and bool(best_log.epochs) and best_log.should_stop(self.players[0].optimizer)

    def weights_to_keep(self, player: Player) -> dict[str, torch.Tensor]:
        """What the file of the best weights holds."""
        return player.hooks.module.state_dict() if self.average is None else self.average.weights

    def trained_path(self, player: Player) -> Path:
        """The file of the player's best weights."""
        return self.save.directory / f"{self.save.trained_name}{player.suffix}{self.save.ext}"


def tidy_up(run: TrainingRun) -> None:
    """Mend what a killed process left in the folder: temporary files, and weights whose checksum was not written."""
    if run.save.not_save_anything:
        return
    for path in remove_leftovers(run.save.directory):
        log.note(f"Removed {path}, which a killed process left")
    for player in run.players:
        restore_checksum(run.trained_path(player))


def save_epoch(run: TrainingRun, *, best: bool) -> None:
    """After an epoch: the best weights if these are they, and the full state as `epoch_NNN.pt`."""
    if run.save.not_save_anything:
        return
    kept = run.players if best or run.save.force_save_lite else ()
    weights = {run.trained_path(player): run.weights_to_keep(player) for player in kept}
    stated = () if run.save.not_save_each_epoch else run.players
    run.saver.save(lambda: _save_states(run, stated, f"{run.position.epoch - 1:03d}"), weights)


def save_within_epoch(run: TrainingRun) -> None:
    """Between two steps of an epoch: the full state as `epoch_NNN_SSSSSSSS.pt`."""
    if not run.save.not_save_anything:
        run.saver.save(lambda: _save_states(run, run.players, f"{run.position.epoch:03d}_{run.step:08d}"))


def write_metrics(run: TrainingRun) -> None:
    """metrics.csv: the table of the finished epochs with all digits, whether or not the run was interrupted."""
    if run.save.metrics_file is None or run.save.not_save_anything:
        return
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    names = list(dict.fromkeys(name for facts in run.facts.values() for name in facts))
    writer.writerow(("epoch", "train_loss", "val_loss", "seconds", "best", *names))
    for epoch in (epoch for epoch in run.train_log.epochs if epoch < run.position.epoch):
        val = run.val_log.flagged_loss(epoch) if epoch in run.val_log.epochs else ""
        best = "yes" if epoch == run.val_log.best_epoch or not run.val_log.epochs else "no"  # as in the table
        found = [run.facts.get(epoch, {}).get(name, "") for name in names]
        writer.writerow((epoch, run.train_log.flagged_loss(epoch), val, run.train_log.seconds(epoch), best, *found))
    try:
        write_file(run.save.metrics_file, text.getvalue().encode())
    except SaveError as error:
        log.warn(f"{error}; the states hold the same figures, and the next epoch writes them anew")


def _save_states(run: TrainingRun, players: tuple[Player, ...], number: str) -> None:
    for player in players:
        stem, ending = run.save.epoch_name, player.suffix + run.save.ext
        path = run.save.directory / f"{stem}_{number}{ending}"
        write_checkpoint(path, _state_of(run, player).to_dict())
        log.note(f"Save {path}")
        run.observers.after_saving(run, path)
        remove_older(path, (stem, ending), run.save.keep_checkpoints, run.val_log.best_epoch)


def _state_of(run: TrainingRun, player: Player) -> TrainState:
    scheduler = player.optimizer.lr_scheduler
    return TrainState(
        state_dict=player.hooks.module.state_dict(),
        averaged=run.average.weights if run.average is not None else {},
        optimizer=player.optimizer.optimizer.state_dict(),
        lr_scheduler=scheduler.state_dict(),
        train_log=run.train_log.state_dict(),
        val_log=run.val_log.state_dict(),
        info="\n".join(run.table),
        position=run.position.to_dict(),
        step=run.step,
        bad_steps=run.bad_steps,
        seconds=run.clock.seconds,
        facts=run.facts,
        config=run.options.config_text,
        versions={"torch": str(torch.__version__), "numpy": np.__version__, "python": platform.python_version()},
    )


def take_up(
    run: TrainingRun, player: Player, content: dict[str, Any] | None, *, history: bool = True
) -> dict[str, torch.Tensor]:
    """Prepare the player's model and put a loaded checkpoint (full, or weights only) into the run.

    A full one has the last word, so that no pre-trained part comes over what was trained since; to bare weights the
    model's own preparation is applied, as upstream does. `history` False leaves out the course of the run, which a
    GAN takes from its first player. Returns the averaged weights that go with it; empty: none.
    Raises: CheckpointError if it does not fit.
    """
    verify_loaded(content, run.save.loaded_path)
    if content is not None:
        fault.reach("loading")
    if content is None or not is_full(content) or run.options.allow_mismatched:
        _take_up_weights(run, player, content)
        player.set_up()
        return {}
    state = state_from_checkpoint(content)
    player.hooks.other_setups()
    load_weights(player.hooks.module, weights_of(content), _SOURCE)
    if not run.options.ignore_optimizer:
        load_optimizer(player.optimizer.optimizer, state.optimizer, _SOURCE)
        player.optimizer.set_weight_decay()
        _warn_of_rate(player.optimizer)
    if not run.options.ignore_history:
        if state.lr_scheduler:
            player.optimizer.lr_scheduler.load_state_dict(state.lr_scheduler)
        if history:
            _take_up_history(run, state)
    return {} if run.options.ignore_history else state.averaged


def prepare_new_run(run: TrainingRun, data: Any) -> None:
    """What the models do before the first step of all, once every weight is in place."""
    if run.step == 0:
        for player in run.players:
            player.hooks.before_training(data)


def _take_up_weights(run: TrainingRun, player: Player, content: dict[str, Any] | None) -> None:
    if content is None:
        return
    load = load_matching_weights if run.options.allow_mismatched else load_weights
    load(player.hooks.module, weights_of(content), _SOURCE)
    log.say("Weights loaded; optimizer and history start anew")


def _warn_of_rate(wrapper: OptimizerWrapper) -> None:
    rate = wrapper.lr_scheduler.rate
    if rate != wrapper.lr and not wrapper.lr_scheduler.is_on and not wrapper.lr_scheduler.is_timed:
        log.warn(f"--lr {wrapper.lr:g} has no effect, the checkpoint goes on with {rate:g}; "
                 "--trained-model FILE --ignore-optimizer-statistics-in-trained-model takes the new one")


def _take_up_history(run: TrainingRun, state: TrainState) -> None:
    if state.train_log:
        run.train_log.load_state_dict(state.train_log)
        run.val_log.load_state_dict(state.val_log)
    if state.position:
        run.position = _resumed_position(run, DataPosition.from_dict(state.position))
    run.step, run.bad_steps = state.step, state.bad_steps
    run.seconds_before, run.facts = state.seconds, dict(state.facts)
    run.table = state.info.split("\n") if state.info else []


def _resumed_position(run: TrainingRun, stored: DataPosition) -> DataPosition:
    """Where to go on: the stored place, or the start of its epoch where that place means other items now, and said so.

    Raises: DataError if the files differ and --resume-data does not allow it.
    """
    here, there = run.position.fingerprint, stored.fingerprint
    if here.digest != there.digest and here.files != there.files:
        _require_leave(run, stored)
        reason = "with other files (--resume-data restart-epoch)"
    elif here.digest != there.digest:
        reason = f"since the cut or the order differs (checkpoint: {there.cut}; now: {here.cut})"
    elif stored.seed != run.position.seed:
        reason = f"since the seed differs (checkpoint: {stored.seed}; now: {run.position.seed})"
    elif run.options.adapt_lengths and stored.epoch and stored.samples:
        reason = "since --force-update-seq-length ordered it by lengths that are not kept"
    else:
        return replace(stored, fingerprint=here)  # an older one may have been without words
    log.warn(f"epoch {stored.epoch} starts from its first sample {reason}; weights and optimizer go on")
    return DataPosition(seed=run.position.seed, epoch=stored.epoch, fingerprint=here)


def _require_leave(run: TrainingRun, stored: DataPosition) -> None:
    if run.options.resume_data == "restart-epoch":
        return
    here, there = run.position.fingerprint, stored.fingerprint
    known = there.files or f"unknown, but other files, another cut or another order: digest {there.digest[:12]}"
    raise DataError(
        f"the checkpoint was trained on other files, and in epoch {stored.epoch} some would come twice and some never\n"
        f"  checkpoint: {known}\n  now:        {here.files}{'' if there.files else f', digest {here.digest[:12]}'}\n"
        "bring the list and the files back, or give --resume-data restart-epoch: weights, optimizer and history go on, "
        "the epoch begins anew with the files of now"
    )
