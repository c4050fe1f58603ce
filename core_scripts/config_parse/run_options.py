"""The options that managers act on, as typed records. The only place that reads the argument namespace for them.

A namespace may come from a main.py of upstream's kind, or from a test: what it lacks has the default of the table.
Numbers that the contract switches off by zero or below keep that meaning here.
"""
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from core_scripts.config_parse.options import SETTINGS
from core_scripts.errors import ConfigError, all_faults, did_you_mean
from core_scripts.other_tools.list_tools import read_list

OPTIMIZERS = ("Adam", "AdamW", "SGD")
SCHEDULES = ("plateau", "step", "exponential", "cosine with warm restarts", "cosine to zero over all epochs")
PLATEAU, STEP, EXPONENTIAL, RESTARTS, COSINE = range(len(SCHEDULES))


def option_value(args: Namespace | None, dest: str) -> Any:
    """The value of one option, or its default."""
    default = SETTINGS[dest].default
    return default if args is None else vars(args).get(dest, default)


def option(*dests: str, convert: Callable[..., Any] = lambda value: value) -> Any:
    """A field that holds one option, or what `convert` makes of one or more."""
    def read(args: Namespace | None) -> Any:
        return convert(*(option_value(args, dest) for dest in dests))

    return field(default=read(None), metadata={"read": read})


class OptionRecord:
    """What has fields made by `option`; other fields are attributes of the namespace that may be missing there."""

    @classmethod
    def from_args(cls, args: Namespace | None) -> Self:
        """The record of a namespace. Raises: DataError if a file that an option names cannot be read."""
        given = {} if args is None else vars(args)
        return cls(**{part.name: part.metadata["read"](args) if part.metadata else given.get(part.name, part.default)
                      for part in fields(cls)})


def _smaller_cap(first: int, second: int) -> int:
    return min(first, second) if first > 0 and second > 0 else max(first, second)


def _overlap_below(length: int, overlap: int) -> int:
    return min(overlap, length - 1) if length > 0 else overlap


def _read_names(path: str) -> frozenset[str] | None:
    return frozenset(read_list(Path(path))) if path else None


@dataclass(frozen=True, kw_only=True)
class CallOptions(OptionRecord):
    """What the model is called with besides the input."""

    with_target: bool = option("model_forward_with_target")
    with_file_name: bool = option("model_forward_with_file_name")


@dataclass(frozen=True, kw_only=True)
class SaveOptions(OptionRecord):
    """Which model files are written, and where."""

    directory: Path = option("save_model_dir", convert=Path)
    trained_name: str = option("save_trained_name")
    epoch_name: str = option("save_epoch_name")
    ext: str = option("save_model_ext")
    not_save_each_epoch: bool = option("not_save_each_epoch")
    not_save_anything: bool = option("not_save_anything")
    force_save_lite: bool = option("force_save_lite_trained_network_per_epoch")  # after every epoch, best or not
    keep_checkpoints: int = option("keep_checkpoints")  # newest full checkpoints; 0: all
    loaded_path: Path | None = option("trained_model", convert=lambda name: Path(name) if name else None)
    keeps_last: bool = False  # with not_save_each_epoch too the last state is kept; not under a main.py of upstream
    metrics_file: Path | None = None  # CSV, a row per epoch; None under a main.py of upstream's kind

    @property
    def trained_path(self) -> Path:
        """The best model's file."""
        return self.directory / f"{self.trained_name}{self.ext}"


@dataclass(frozen=True, kw_only=True)
class TrainOptions(OptionRecord):
    """How a training run goes."""

    epochs: int = option("epochs")
    accumulate: int = option("size_accumulate_grad")  # minibatches per optimizer step
    train_batches: int = option("minibatch_num_train", "debug_batch_num", convert=_smaller_cap)  # per pass; 0: all
    val_batches: int = option("minibatch_num_val", "debug_batch_num", convert=_smaller_cap)
    save_every: int = option("save_model_every_n_minibatches")  # checkpoints within an epoch; 0: none
    save_minutes: float = option("save_every_minutes")  # the same by the clock
    eval_mode_for_validation: bool = option("eval_mode_for_validation")
    adapt_lengths: bool = option("force_update_seq_length")  # tell the sampler the lengths after augmentation
    ignore_history: bool = option("ignore_training_history_in_trained_model")
    ignore_optimizer: bool = option("ignore_optimizer_statistics_in_trained_model")
    allow_mismatched: bool = option("allow_mismatched_pretrained_model")
    resume_data: str = option("resume_data")  # what to do where the files differ from the checkpoint's
    verbose: int = option("verbose")
    seed: int = option("seed")
    amp: str = option("amp")  # bf16: products of the forward pass in bfloat16
    polyak: float = option("polyak")  # decay of the averaged weights; 0: none
    minutes: float = option("minutes")  # of training in all; 0: epochs count
    observers: tuple = ()  # of nn_manager.observing.RunObserver; none under a main.py of upstream's kind
    config_text: str = ""  # all settings, YAML; empty under a main.py of upstream's kind


@dataclass(frozen=True, kw_only=True)
class InferOptions(OptionRecord):
    """What is generated, and where it goes."""

    start_index: int = option("inference_sample_start_index")  # minibatches [start, end)
    end_index: int = option("inference_sample_end_index")  # -1: to the last
    names: frozenset[str] | None = option("inference_data_list", convert=_read_names)  # only these utterances
    output_dir: Path = option("output_dir", convert=Path)
    prefix: str = option("output_filename_prefix")
    segment_length: int = option("trunc_input_length_for_inference")  # input frames per piece; 0 or less: whole
    segment_overlap: int = option("trunc_input_length_for_inference", "trunc_input_overlap", convert=_overlap_below)
    verbose: int = option("verbose")
    finished: Any = None  # of generation.finished.FinishedFiles; None under a main.py of upstream's kind: all is made
    on_device: Any = None  # torch.device, filled in by the wrapper


@dataclass(frozen=True, kw_only=True)
class OptimizerOptions(OptionRecord):
    """The optimizer, the schedule of its learning rate, and when training ends.

    Raises: ConfigError with all that is out of range.
    """

    name: str = option("optimizer")
    lr: float = option("lr")
    weight_decay: float = option("l2_penalty", convert=lambda penalty: max(penalty, 0.0))
    grad_clip_norm: float = option("grad_clip_norm")  # 0 or less: no clipping
    epochs: int = option("epochs")
    minutes: float = option("minutes")  # above 0: the clock decides on the rate and the end
    no_best_epochs: int = option("no_best_epochs")
    lr_decay_factor: float = option("lr_decay_factor")  # 0 or less: no scheduler
    scheduler_type: int = option("lr_scheduler_type")
    lr_patience: int = option("lr_patience")
    step_size: int = option("lr_steplr_size")

    def __post_init__(self) -> None:
        if faults := self._faults():
            raise all_faults(ConfigError, "optimizer", faults)

    def _faults(self) -> list[str]:
        kind, factor = self.scheduler_type, self.lr_decay_factor
        faults = []
        if self.name not in OPTIMIZERS:
            near = did_you_mean(self.name, OPTIMIZERS)
            faults.append(f"--optimizer {self.name}: there are {', '.join(OPTIMIZERS)}{near}")
        if self.lr <= 0:
            faults.append(f"--lr {self.lr:g}: the learning rate must be above 0")
        if factor <= 0 or self.minutes > 0:  # no schedule, so its settings do not count
            return faults
        if not 0 <= kind < len(SCHEDULES):
            listed = ", ".join(f"{number} {name}" for number, name in enumerate(SCHEDULES))
            faults.append(f"--lr-scheduler-type {kind}: there are {listed}")
        if kind in (PLATEAU, STEP, EXPONENTIAL) and factor >= 1:
            faults.append(f"--lr-decay-factor {factor:g}: a schedule of type {kind} needs a factor below 1")
        if kind == STEP and self.step_size < 1:
            faults.append(f"--lr-steplr-size {self.step_size}: must be at least 1")
        if kind == RESTARTS and self.lr_patience < 1:
            faults.append(f"--lr-patience {self.lr_patience}: must be at least 1")
        return faults
