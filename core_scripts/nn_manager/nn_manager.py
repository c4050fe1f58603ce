"""Training and inference: the two wrappers of the flow chart, the epoch loop and the training step."""
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from core_scripts import fault, log
from core_scripts.checkpoint.fitting import load_weights
from core_scripts.checkpoint.saver import Saver
from core_scripts.checkpoint.store import verify_loaded, write_weights
from core_scripts.checkpoint.train_state import weights_of
from core_scripts.config_parse.run_options import CallOptions, InferOptions, SaveOptions, TrainOptions
from core_scripts.data_io.collate import Batch
from core_scripts.data_io.position import DataPosition
from core_scripts.errors import ConfigError
from core_scripts.nn_manager.averaging import start_average
from core_scripts.nn_manager.generating import Chooser, generate_batches, stream_batches
from core_scripts.nn_manager.grouping import Group, group_of, is_due
from core_scripts.nn_manager.model_base import adapt_loss, adapt_model
from core_scripts.nn_manager.nn_manager_tools import Losses, TimedItems, move_batch, require_names
from core_scripts.nn_manager.observing import Observers
from core_scripts.nn_manager.steps import train_step, validation_step
from core_scripts.nn_manager.stopping import StopRequest
from core_scripts.nn_manager.training_run import (
    Player,
    TrainingRun,
    prepare_new_run,
    save_epoch,
    save_within_epoch,
    take_up,
    tidy_up,
    write_metrics,
)
from core_scripts.op_manager.op_process_monitor import Monitor, format_row, table_header
from core_scripts.op_manager.run_clock import RunClock
from core_scripts.progress import Progress

StepFunction = Callable[[TrainingRun, Batch, Group], Losses]


def f_train_wrapper(
    args, pt_model, loss_wrapper, device, optimizer_wrapper, train_dataset_wrapper, val_dataset_wrapper=None,
    checkpoint=None,
) -> None:  # fmt: skip
    """Train `pt_model` to the last epoch, to early stopping, or until a signal asks to stop.

    checkpoint: a loaded full checkpoint (dict) to go on from, weights (OrderedDict) to start from, or None.
    Raises: SystemExit with the exit code of the signal after the state was saved; NonFiniteLossError; CheckpointError.
    """
    player = Player(adapt_model(pt_model), optimizer_wrapper)
    run = start_run(args, (player,), device, train_dataset_wrapper)
    run.compute_loss = adapt_loss(loss_wrapper) if player.hooks.loss is None else None
    averaged = take_up(run, player, checkpoint)
    prepare_new_run(run, train_dataset_wrapper)
    run.average = start_average(pt_model, run.options.polyak, averaged)
    optimizer_wrapper.print_info()
    parameters = sum(value.numel() for value in pt_model.parameters() if value.requires_grad)
    log.say(f"Model {type(pt_model).__name__}: {parameters:,} trainable parameters on {device}")
    if run.options.amp == "bf16":
        log.say("Products of the forward pass in bfloat16 (--amp bf16); weights and losses in float32")
    train_epochs(run, train_dataset_wrapper, val_dataset_wrapper, train_step, validation_step)


def start_run(args: Any, players: tuple[Player, ...], device: torch.device, data: Any) -> TrainingRun:
    """A run at its beginning, with the models on `device`."""
    options = TrainOptions.from_args(args)
    for player in players:
        player.hooks.module.to(device, dtype=torch.float32)
    return TrainingRun(
        players=players,
        compute_loss=None,
        device=device,
        options=options,
        call=CallOptions.from_args(args),
        save=SaveOptions.from_args(args),
        train_log=Monitor(),
        val_log=Monitor(),
        saver=Saver(60 * options.save_minutes),
        position=DataPosition(seed=options.seed, fingerprint=data.full_fingerprint()),
        clock=RunClock(options.minutes),
        observers=Observers(options.observers),
    )


def train_epochs(
    run: TrainingRun, train_data: Any, val_data: Any, step: StepFunction, val_step: StepFunction
) -> None:
    """The epochs: one pass over the training data, one over the validation data, save, stop or go on."""
    tidy_up(run)
    data_sets = [train_data] + ([val_data] if val_data is not None else [])
    for data in data_sets:
        data.print_info()
    log.say("\n".join([table_header(), *run.table]))
    write_metrics(run)
    best_log = run.val_log if val_data is not None else None
    stopped_early = run.position.samples == 0 and run.stops_early(best_log)
    run.clock.start(run.seconds_before, count_batches(val_data, run.options.val_batches) if val_data is not None else 0)
    if stopped_early or not run.goes_on():
        log.say("Nothing is left to train: this run has come to its end; give more --epochs or --minutes, or --fresh")
    with StopRequest() as stop, run.observers.watch(run, train_data, val_data):
        while run.goes_on() and not stopped_early:
            epoch = run.position.epoch
            run.mark(validating=False)
            f_run_one_epoch(run, train_data, run.train_log, step, stop)
            leave_if_asked(run, stop)
            ending = time.monotonic()
            if val_data is not None and not validate_weights(run, val_data, val_step, stop):
                leave_if_asked(run, stop)
            best = best_log.is_best(epoch) if best_log is not None else True
            losses = run.val_log if val_data is not None else run.train_log
            rates = [player.optimizer.lr_scheduler.step(losses.flagged_loss(epoch)) for player in run.players]
            run.table.append(format_row(run.train_log, best_log, epoch, best, rates[0]))
            log.say(run.table[-1])
            run.position = run.position.next_epoch()
            fault.reach("epoch")
            save_epoch(run, best=best)
            write_metrics(run)
            run.clock.note_ending(time.monotonic() - ending)
            run.observers.after_epoch(run)
            stopped_early = run.stops_early(best_log)
            leave_if_asked(run, stop, saved=not run.save.not_save_each_epoch)
        if run.save.not_save_each_epoch and run.save.keeps_last:
            save_within_epoch(run)  # so that the next start knows that this run is over
        run.saver.require_saved()
    fault.reach("finished")
    log.say(f"Training finished{' by early stopping' if stopped_early else ''}")
    for path in filter(Path.is_file, map(run.trained_path, run.players)):
        log.say(f"Model is saved to {path}")
    if best_log is not None and best_log.epochs and best_log.best_epoch < 0:
        log.warn("no epoch had a finite validation loss, so none was kept as the trained model; lower --lr, or look at "
                 "the validation files")


def f_run_one_epoch(run: TrainingRun, data: Any, monitor: Monitor, step: StepFunction, stop: StopRequest) -> bool:
    """One pass over `data` from the run's position on, `step` by step; `monitor` sums the losses.

    Ends early, between two optimizer steps, when a stop was requested; returns whether it came to the end.
    """
    training = monitor is run.train_log
    options = run.options
    if training:
        run.position = run.position.begin(data.get_batch_size())
    data.set_position(run.position if training else DataPosition(seed=options.seed, epoch=run.position.epoch))
    total = count_batches(data, options.train_batches if training else options.val_batches)
    done = run.position.samples if training else 0
    first = min(done // data.get_batch_size(), total)
    monitor.start_epoch(run.position.epoch, fresh=done == 0)
    label = f"{'train' if training else 'valid'} epoch {run.position.epoch}"
    batches = TimedItems(islice(data.get_loader(), total - first))
    with Progress(label, total, "batch", quiet=options.verbose <= 0) as progress:
        for number, batch in enumerate(batches, first):
            started = time.perf_counter()
            if training:
                run.follow_clock()
                fault.reach("step")
            group = group_of(number - first, total - first, options.accumulate if training else 1)
            losses = step(run, move_batch(batch, run.device), group)
            if losses.is_finite or not training:
                monitor.add(losses.parts, losses.flags, int(batch.lengths.sum()), time.perf_counter() - started)
            progress.show(number + 1, "loss " + " ".join(f"{loss:.4f}" for loss in losses.parts))
            if training and options.adapt_lengths:
                data.update_seq_len_in_sampler_sub(batch.info)
            if training and group.complete:
                fault.reach("stepped")
                run.observers.after_step(run, losses)
                if is_due(number, group.size, options.save_every) or run.saver.is_time(started):
                    save_within_epoch(run)
            if stop.exit_code is not None and group.complete:
                return number + 1 == total
            if training and group.complete and run.clock.is_over:
                break
    if training and options.adapt_lengths:
        data.update_seq_len_in_sampler()
    if training and options.verbose > 0:
        log.note(f"{label}: {batches.describe_waiting()}")
    return True


def count_batches(data: Any, limit: int) -> int:
    """Minibatches of one pass over `data`; limit 0: all."""
    total = len(data.get_loader())
    return min(total, limit) if limit else total


def validate_weights(run: TrainingRun, data: Any, step: StepFunction, stop: StopRequest) -> bool:
    """Validate the weights that would be kept: with --polyak the averaged ones, and the raw ones beside.

    Returns whether it came to the end.
    """
    if run.average is None:
        return validate(run, data, step, stop, run.val_log)
    whole = validate(run, data, step, stop, run.raw_log)
    with run.average.in_place_of(run.players[0].hooks.module):
        whole = whole and validate(run, data, step, stop, run.val_log)
    if whole:
        raw, averaged = (monitor.flagged_loss(run.position.epoch) for monitor in (run.raw_log, run.val_log))
        log.note(f"valid epoch {run.position.epoch}: loss {averaged:.4f} of averaged weights, {raw:.4f} of raw ones")
    return whole


def validate(run: TrainingRun, data: Any, step: StepFunction, stop: StopRequest, monitor: Monitor) -> bool:
    """One pass over the validation data; the models are as they were afterwards, running statistics included.

    Returns whether it came to the end; if a stop was requested before, it is begun anew when the run goes on.
    """
    modules = [module for player in run.players for module in player.hooks.module.modules()]
    modes = [module.training for module in modules]
    buffers = [buffer for module in modules for buffer in module.buffers(recurse=False)]
    kept = [buffer.clone() for buffer in buffers]
    run.mark(validating=True)
    fault.reach("validation")
    if run.options.eval_mode_for_validation:
        for player in run.players:
            player.hooks.module.eval()
    with torch.no_grad():
        whole = f_run_one_epoch(run, data, monitor, step, stop)
        if whole and monitor is run.val_log:
            run.facts[run.position.epoch] = run.observers.after_validation(run)
        for buffer, value in zip(buffers, kept, strict=True):
            buffer.copy_(value)
    for module, mode in zip(modules, modes, strict=True):
        module.training = mode
    run.mark(validating=False)
    if not whole:
        monitor.start_epoch(run.position.epoch)  # half a pass tells nothing
    return whole


def leave_if_asked(run: TrainingRun, stop: StopRequest, *, saved: bool = False) -> None:
    """Save and leave with the signal's exit code, if one came."""
    if stop.exit_code is None:
        return
    if not saved:
        save_within_epoch(run)
    run.saver.require_saved()
    log.note(f"stopped at epoch {run.position.epoch}, step {run.step}; start again to go on")
    raise SystemExit(stop.exit_code)


def f_inference_wrapper(args, pt_model, device, test_dataset_wrapper, checkpoint) -> None:
    """Generate from the test set with the weights in `checkpoint` and write what comes out, file by file.

    Raises: CheckpointError if the weights do not fit; DataError if the output cannot be written.
    """
    hooks = adapt_model(pt_model)
    call, save = CallOptions.from_args(args), SaveOptions.from_args(args)
    options = replace(InferOptions.from_args(args), on_device=device)
    if hooks.takes_batch and options.segment_length > 0:
        raise ConfigError("--trunc-input-length-for-inference is for models of one pass, this one generates whole "
                          "files; leave it out")
    verify_loaded(checkpoint, save.loaded_path or save.trained_path)
    load_weights(pt_model.to(device, dtype=torch.float32), weights_of(checkpoint), "the checkpoint")
    test_dataset_wrapper.print_info()
    require_names(options.names, test_dataset_wrapper.get_seq_name_list())
    pt_model.eval()
    hooks.mark(validating=False, epoch=0)
    chooser, generator = Chooser(test_dataset_wrapper, options), hooks.wave_generator()
    if generator is None:
        batches = generate_batches(hooks, chooser, test_dataset_wrapper, call, options)
    else:
        batches = stream_batches(generator, hooks, chooser, test_dataset_wrapper, options)
    started, count = time.perf_counter(), 0
    with torch.no_grad():
        begun = started
        for infos in batches:
            each, begun = (time.perf_counter() - begun) / len(infos), time.perf_counter()
            count += len(infos)
            for number, info in enumerate(infos if options.verbose else (), count - len(infos) + 1):
                log.note(f"Generating {number}, {info}, time cost: {each:.3f}s")
    there = f"; {chooser.finished} were there already, whole and unchanged" if chooser.finished else ""
    log.say(f"Generated {count} utterances in {time.perf_counter() - started:.1f} s{there}")
    log.say(f"Output data has been saved to {options.output_dir}")
    hooks.finish_up_inference()


def f_convert_epoch_to_trained(args, pt_model, device, checkpoint) -> None:
    """Write the weights of a full checkpoint as the trained model."""
    save = SaveOptions.from_args(args)
    verify_loaded(checkpoint, save.loaded_path)
    load_weights(pt_model, weights_of(checkpoint), "the checkpoint")
    write_weights(save.trained_path, pt_model.state_dict())
    log.say(f"Model is saved to {save.trained_path}")
