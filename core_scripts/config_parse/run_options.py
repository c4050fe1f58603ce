"""The options that managers act on, as typed records. The only place that reads the argument namespace for them.

A namespace may come from a main.py of upstream's kind, or from a test: what it lacks has the default of the table.
"""
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core_scripts.config_parse.options import SETTINGS


def option_value(args: Namespace | None, dest: str) -> Any:
    """The value of one option, or its default."""
    return vars(args).get(dest, SETTINGS[dest].default) if args is not None else SETTINGS[dest].default


def _positive(args: Namespace | None, dest: str) -> Any:
    """The value if it is above 0, else None: how the contract writes "off"."""
    value = option_value(args, dest)
    return value if value > 0 else None


@dataclass(frozen=True, kw_only=True)
class CallOptions:
    """What the model is called with besides the input."""

    with_target: bool = False
    with_file_name: bool = False

    @classmethod
    def from_args(cls, args: Namespace | None) -> "CallOptions":
        return cls(
            with_target=option_value(args, "model_forward_with_target"),
            with_file_name=option_value(args, "model_forward_with_file_name"),
        )


@dataclass(frozen=True, kw_only=True)
class SaveOptions:
    """Which model files are written, and where."""

    directory: Path = Path(".")
    trained_name: str = "trained_model"
    epoch_name: str = "epoch"
    ext: str = ".pt"
    each_epoch: bool = True
    anything: bool = True
    always_trained: bool = False  # write the best-model file after every epoch, best or not
    every_n_minibatches: int | None = None
    keep: int | None = None  # newest epoch files; None: all

    @classmethod
    def from_args(cls, args: Namespace | None) -> "SaveOptions":
        return cls(
            directory=Path(option_value(args, "save_model_dir")),
            trained_name=option_value(args, "save_trained_name"),
            epoch_name=option_value(args, "save_epoch_name"),
            ext=option_value(args, "save_model_ext"),
            each_epoch=not option_value(args, "not_save_each_epoch"),
            anything=not option_value(args, "not_save_anything"),
            always_trained=option_value(args, "force_save_lite_trained_network_per_epoch"),
            every_n_minibatches=_positive(args, "save_model_every_n_minibatches"),
            keep=_positive(args, "keep_checkpoints"),
        )

    @property
    def trained_path(self) -> Path:
        return self.directory / f"{self.trained_name}{self.ext}"


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """What is taken from a checkpoint."""

    ignore_history: bool = False
    ignore_optimizer: bool = False
    allow_mismatched: bool = False

    @classmethod
    def from_args(cls, args: Namespace | None) -> "LoadOptions":
        return cls(
            ignore_history=option_value(args, "ignore_training_history_in_trained_model"),
            ignore_optimizer=option_value(args, "ignore_optimizer_statistics_in_trained_model"),
            allow_mismatched=option_value(args, "allow_mismatched_pretrained_model"),
        )


@dataclass(frozen=True, kw_only=True)
class OptimizerOptions:
    """The optimizer, the schedule of its learning rate, and when training ends."""

    name: str = "Adam"
    lr: float = 1e-4
    weight_decay: float = 0.0
    grad_clip_norm: float | None = None
    epochs: int = 50
    no_best_epochs: int = 5
    lr_decay_factor: float | None = None  # None: no scheduler
    scheduler_type: int = 0
    lr_patience: int = 5
    step_size: int = 5

    @classmethod
    def from_args(cls, args: Namespace | None) -> "OptimizerOptions":
        return cls(
            name=option_value(args, "optimizer"),
            lr=option_value(args, "lr"),
            weight_decay=_positive(args, "l2_penalty") or 0.0,
            grad_clip_norm=_positive(args, "grad_clip_norm"),
            epochs=option_value(args, "epochs"),
            no_best_epochs=option_value(args, "no_best_epochs"),
            lr_decay_factor=_positive(args, "lr_decay_factor"),
            scheduler_type=option_value(args, "lr_scheduler_type"),
            lr_patience=option_value(args, "lr_patience"),
            step_size=option_value(args, "lr_steplr_size"),
        )


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """How a training run goes."""

    epochs: int = 50
    no_best_epochs: int = 5
    accumulate: int = 1  # minibatches per optimizer step
    grad_clip_norm: float | None = None
    train_batches: int | None = None  # minibatches per pass at most
    val_batches: int | None = None
    debug_batches: int | None = None  # set: both caps include it, and the user is to be told
    eval_in_validation: bool = False
    adapt_lengths: bool = False
    verbose: int = 1
    seed: int = 1
    call: CallOptions = CallOptions()
    save: SaveOptions = SaveOptions()
    load: LoadOptions = LoadOptions()

    @classmethod
    def from_args(cls, args: Namespace | None) -> "TrainOptions":
        debug = _positive(args, "debug_batch_num")
        return cls(
            epochs=option_value(args, "epochs"),
            no_best_epochs=option_value(args, "no_best_epochs"),
            accumulate=option_value(args, "size_accumulate_grad"),
            grad_clip_norm=_positive(args, "grad_clip_norm"),
            train_batches=_smaller(_positive(args, "minibatch_num_train"), debug),
            val_batches=_smaller(_positive(args, "minibatch_num_val"), debug),
            debug_batches=debug,
            eval_in_validation=option_value(args, "eval_mode_for_validation"),
            adapt_lengths=option_value(args, "force_update_seq_length"),
            verbose=option_value(args, "verbose"),
            seed=option_value(args, "seed"),
            call=CallOptions.from_args(args),
            save=SaveOptions.from_args(args),
            load=LoadOptions.from_args(args),
        )


@dataclass(frozen=True, kw_only=True)
class InferOptions:
    """What is generated, how, and where it goes."""

    start: int = 0  # minibatches [start, end)
    end: int | None = None
    names_file: Path | None = None  # only the names in this list
    output_dir: Path = Path("output")
    prefix: str = ""
    segment: int | None = None  # generate in pieces of so many input frames
    overlap: int = 5  # input frames that two pieces share, below `segment`
    engine: str = "auto"
    temperature: float = 1.0
    seed: int = 1
    verbose: int = 1
    call: CallOptions = CallOptions()

    @classmethod
    def from_args(cls, args: Namespace | None) -> "InferOptions":
        names = option_value(args, "inference_data_list")
        end = option_value(args, "inference_sample_end_index")
        segment = _positive(args, "trunc_input_length_for_inference")
        overlap = option_value(args, "trunc_input_overlap")
        return cls(
            start=option_value(args, "inference_sample_start_index"),
            end=end if end >= 0 else None,
            names_file=Path(names) if names else None,
            output_dir=Path(option_value(args, "output_dir")),
            prefix=option_value(args, "output_filename_prefix"),
            segment=segment,
            overlap=overlap if segment is None else min(overlap, segment - 1),
            engine=option_value(args, "engine"),
            temperature=option_value(args, "temperature"),
            seed=option_value(args, "generation_seed"),
            verbose=option_value(args, "verbose"),
            call=CallOptions.from_args(args),
        )


def _smaller(first: int | None, second: int | None) -> int | None:
    given = [count for count in (first, second) if count is not None]
    return min(given) if given else None
