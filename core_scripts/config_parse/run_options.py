"""The options that managers act on, as typed records. The only place that reads the argument namespace for them.

A namespace may come from a main.py of upstream's kind, or from a test: what it lacks has the default of the table.
Numbers that the contract switches off by zero or below keep that meaning here.
"""
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core_scripts.config_parse.options import SETTINGS
from core_scripts.other_tools.list_tools import read_list_from_text


def option_value(args: Namespace | None, dest: str) -> Any:
    """The value of one option, or its default."""
    default = SETTINGS[dest].default
    return default if args is None else vars(args).get(dest, default)


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

    directory: Path
    trained_name: str
    epoch_name: str
    ext: str
    not_save_each_epoch: bool
    not_save_anything: bool
    force_save_lite: bool  # write the best-model file after every epoch, best or not
    keep_checkpoints: int  # newest full checkpoints; 0: all
    metrics_file: Path | None  # CSV, a row per epoch; None under a main.py of upstream's kind

    @classmethod
    def from_args(cls, args: Namespace | None) -> "SaveOptions":
        return cls(
            directory=Path(option_value(args, "save_model_dir")),
            trained_name=option_value(args, "save_trained_name"),
            epoch_name=option_value(args, "save_epoch_name"),
            ext=option_value(args, "save_model_ext"),
            not_save_each_epoch=option_value(args, "not_save_each_epoch"),
            not_save_anything=option_value(args, "not_save_anything"),
            force_save_lite=option_value(args, "force_save_lite_trained_network_per_epoch"),
            keep_checkpoints=option_value(args, "keep_checkpoints"),
            metrics_file=None if args is None else vars(args).get("metrics_file"),
        )

    @property
    def trained_path(self) -> Path:
        """The best model's file."""
        return self.directory / f"{self.trained_name}{self.ext}"


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """How a training run goes."""

    epochs: int
    accumulate: int  # minibatches per optimizer step
    train_batches: int  # minibatches per pass at most, --debug-batch-num included; 0: all
    val_batches: int
    debug_batches: int
    save_every: int  # minibatches between checkpoints within an epoch; 0: none
    eval_mode_for_validation: bool
    adapt_lengths: bool  # tell the sampler the lengths after augmentation
    ignore_history: bool  # of a checkpoint
    ignore_optimizer: bool
    allow_mismatched: bool
    verbose: int
    seed: int
    config_text: str  # all settings, YAML; empty under a main.py of upstream's kind

    @classmethod
    def from_args(cls, args: Namespace | None) -> "TrainOptions":
        debug = option_value(args, "debug_batch_num")
        return cls(
            epochs=option_value(args, "epochs"),
            accumulate=option_value(args, "size_accumulate_grad"),
            train_batches=_smaller_cap(option_value(args, "minibatch_num_train"), debug),
            val_batches=_smaller_cap(option_value(args, "minibatch_num_val"), debug),
            debug_batches=debug,
            save_every=option_value(args, "save_model_every_n_minibatches"),
            eval_mode_for_validation=option_value(args, "eval_mode_for_validation"),
            adapt_lengths=option_value(args, "force_update_seq_length"),
            ignore_history=option_value(args, "ignore_training_history_in_trained_model"),
            ignore_optimizer=option_value(args, "ignore_optimizer_statistics_in_trained_model"),
            allow_mismatched=option_value(args, "allow_mismatched_pretrained_model"),
            verbose=option_value(args, "verbose"),
            seed=option_value(args, "seed"),
            config_text="" if args is None else vars(args).get("config_text", ""),
        )


@dataclass(frozen=True, kw_only=True)
class InferOptions:
    """What is generated, how, and where it goes."""

    start_index: int  # minibatches [start, end)
    end_index: int  # -1: to the last
    names: frozenset[str] | None  # only these utterances
    output_dir: Path
    prefix: str
    segment_length: int  # generate in pieces of so many input frames; 0 or less: whole
    segment_overlap: int  # input frames that two pieces share, below segment_length
    engine: str
    temperature: float
    generation_seed: int
    verbose: int

    @classmethod
    def from_args(cls, args: Namespace | None) -> "InferOptions":
        """Raises: DataError if --inference-data-list cannot be read."""
        names_file = option_value(args, "inference_data_list")
        length = option_value(args, "trunc_input_length_for_inference")
        overlap = option_value(args, "trunc_input_overlap")
        return cls(
            start_index=option_value(args, "inference_sample_start_index"),
            end_index=option_value(args, "inference_sample_end_index"),
            names=frozenset(name for name in read_list_from_text(names_file) if name) if names_file else None,
            output_dir=Path(option_value(args, "output_dir")),
            prefix=option_value(args, "output_filename_prefix"),
            segment_length=length,
            segment_overlap=min(overlap, length - 1) if length > 0 else overlap,
            engine=option_value(args, "engine"),
            temperature=option_value(args, "temperature"),
            generation_seed=option_value(args, "generation_seed"),
            verbose=option_value(args, "verbose"),
        )


@dataclass(frozen=True, kw_only=True)
class OptimizerOptions:
    """The optimizer, the schedule of its learning rate, and when training ends."""

    name: str
    lr: float
    weight_decay: float
    grad_clip_norm: float  # 0 or less: no clipping
    epochs: int
    no_best_epochs: int
    lr_decay_factor: float  # 0 or less: no scheduler
    scheduler_type: int
    lr_patience: int
    step_size: int

    @classmethod
    def from_args(cls, args: Namespace | None) -> "OptimizerOptions":
        return cls(
            name=option_value(args, "optimizer"),
            lr=option_value(args, "lr"),
            weight_decay=max(option_value(args, "l2_penalty"), 0.0),
            grad_clip_norm=option_value(args, "grad_clip_norm"),
            epochs=option_value(args, "epochs"),
            no_best_epochs=option_value(args, "no_best_epochs"),
            lr_decay_factor=option_value(args, "lr_decay_factor"),
            scheduler_type=option_value(args, "lr_scheduler_type"),
            lr_patience=option_value(args, "lr_patience"),
            step_size=option_value(args, "lr_steplr_size"),
        )


def _smaller_cap(first: int, second: int) -> int:
    return min(first, second) if first > 0 and second > 0 else max(first, second)
