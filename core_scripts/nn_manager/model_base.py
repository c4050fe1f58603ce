"""The base of the recipes' models, and the one place where models written for upstream are adapted to it."""
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from core_scripts.checkpoint.model_record import ModelRecord
from core_scripts.data_io.collate import Batch
from core_scripts.data_io.speakers import load_speakers
from core_scripts.errors import CheckpointError, ConfigError
from core_scripts.features.passport import passports_in
from core_scripts.generation.engine import WaveGenerator


@dataclass(frozen=True, kw_only=True)
class CropContext:
    """What a segment takes along beyond the outputs it is made for: (left, right) frames of each stream."""

    inputs: tuple[tuple[int, int], ...] = ()  # empty: nothing beyond the segment
    outputs: tuple[tuple[int, int], ...] = ()


class ModelBase(nn.Module):
    """A model with every hook that the managers know, each with a neutral default.

    Statistics of the data are frozen parameters `input_mean`, `input_std` (D_in,), `output_mean`, `output_std`
    (D_out,), so that they travel with the weights; the names are upstream's. The passports of the config's features and
    the names of the speakers (`speakers` in config.py) travel as a ModelRecord.
    """

    takes_batch: bool = False  # forward(batch) and inference(batch) instead of upstream's argument forms
    scores_after_training: bool = False  # the verb train ends as evaluate does, with result.json
    audits_condition: bool = False  # forward(batch) is mean nats per sample, and batch.inputs are its condition
    loss: Callable | None = None  # (output, target) -> loss; goes before Loss.compute
    g_pretrained_model_path: Sequence[str] | None = None  # checkpoints for parts of the model
    g_pretrained_model_prefix: Sequence[str] | None = None  # and the part that each one fills
    flag_validation: bool = False  # True during the validation pass
    g_epoch_idx: int = 0

    def __init__(self, in_dim: int, out_dim: int, args: Any, prj_conf: Any, mean_std: Sequence | None = None) -> None:
        super().__init__()
        statistics = self.load_mean_std(in_dim, out_dim, args, mean_std)
        for name, value in zip(("input_mean", "input_std", "output_mean", "output_std"), statistics, strict=True):
            setattr(self, name, nn.Parameter(value, requires_grad=False))
        self.passports = passports_in(prj_conf)
        self.speakers = load_speakers(prj_conf, args)  # None: they are not told apart

    def get_extra_state(self) -> torch.Tensor:
        """The ModelRecord; torch puts it into the state dict."""
        return ModelRecord(self.passports, self.speakers.names if self.speakers else ()).to_tensor()

    def set_extra_state(self, state: torch.Tensor) -> None:
        """Raises: DataError if features differ from those the weights were trained on; CheckpointError if speakers do.
        """
        record = ModelRecord.from_tensor(state)
        record.require_features(self.passports)
        own = self.speakers.names if self.speakers else ()
        if record.speakers != own:
            raise CheckpointError(f"the weights know the speakers {', '.join(record.speakers) or 'none'}, this model "
                                  f"{', '.join(own) or 'none'}; set `speakers` as in the run they come from")

    def speaker_numbers(self, batch: Batch) -> torch.Tensor:
        """(B,) int64, of who speaks in each item, or of --target-speaker. Raises: DataError for unknown ones."""
        return torch.tensor(self.speakers.numbers(batch.names), device=batch.lengths.device)

    @staticmethod
    def crop_context(prj_conf: Any) -> CropContext:
        """What a training crop must hold beyond the outputs it is made for, from the geometry of the model."""
        return CropContext()

    def load_mean_std(self, in_dim: int, out_dim: int, args: Any, statistics: Sequence | None) -> list[torch.Tensor]:
        """Means and deviations (in, in, out, out) of the data as tensors; 0 and 1 until a checkpoint brings them.

        Raises: ConfigError if their sizes are not those of the config.
        """
        if statistics is None:
            return [torch.zeros(in_dim), torch.ones(in_dim), torch.zeros(out_dim), torch.ones(out_dim)]
        tensors = [torch.as_tensor(np.asarray(value), dtype=torch.float32) for value in statistics]
        for value, dim in zip(tensors, (in_dim, in_dim, out_dim, out_dim), strict=True):
            if value.shape != (dim,):
                raise ConfigError(f"statistics have {tuple(value.shape)} values, the config has {dim} dimensions")
        return tensors

    prepare_mean_std = load_mean_std

    def normalize_input(self, x: torch.Tensor) -> torch.Tensor:
        """(..., D_in) -> zero mean, unit variance."""
        return (x - self.input_mean) / self.input_std

    def normalize_target(self, y: torch.Tensor) -> torch.Tensor:
        """(..., D_out) -> zero mean, unit variance."""
        return (y - self.output_mean) / self.output_std

    def denormalize_output(self, y: torch.Tensor) -> torch.Tensor:
        """The inverse of `normalize_target`."""
        return y * self.output_std + self.output_mean

    def inference(self, *arguments: Any) -> Any:
        """What generates in inference mode; the forward pass unless a recipe says otherwise."""
        return self(*arguments)

    def wave_generator(self) -> WaveGenerator | None:
        """How waveforms are made sample by sample, of utterances of any length; None: `inference` makes whole ones."""

    def other_setups(self) -> None:
        """Called once before the first epoch."""

    def before_training(self, data: Any) -> None:
        """Before the first step of a new run, the model on its device; a run that goes on has it in its weights."""

    def schedule(self, step: int) -> None:
        """Before each training step, counted from 0: what else than the learning rate changes in the course of a run.

        Whatever follows from it must be a function of `step` alone, and must not matter to validation.
        """

    def predict_codes(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Teacher-forced logits (B, T, levels) and the codes (B, T) that came; None: it predicts no codes."""

    def score(self, train_data: Any, test_data: Any, device: torch.device) -> Any:
        """What the verb evaluate tells instead of bits per sample: a record that prints itself; None: those bits."""

    @staticmethod
    def describe_geometry(prj_conf: Any) -> dict[str, Any]:
        """What analyze tells beside layers: fields in samples, and whatever else follows from the sizes alone."""
        return {}

    def finish_up_inference(self) -> None:
        """Called once after the last utterance is written."""


@dataclass(frozen=True, kw_only=True)
class ModelHooks:
    """A model as the managers see it, whether it derives from ModelBase or was written for upstream."""

    module: nn.Module
    inference: Callable[..., Any]
    loss: Callable | None
    takes_batch: bool
    wave_generator: Callable[[], WaveGenerator | None]
    other_setups: Callable[[], None]
    before_training: Callable[[Any], None]
    schedule: Callable[[int], None]
    finish_up_inference: Callable[[], None]
    pretrained: tuple[tuple[str, str], ...]  # (path, prefix)
    flags: tuple[str, ...]  # attributes that say "validating now"
    counts_epochs: bool

    def mark(self, *, validating: bool, epoch: int) -> None:
        """Tell the model which pass it is in."""
        for name in self.flags:
            setattr(self.module, name, validating)
        if self.counts_epochs:
            self.module.g_epoch_idx = epoch


_MANDATORY = ("prepare_mean_std", "normalize_input", "normalize_target", "denormalize_output")


def adapt_model(model: nn.Module) -> ModelHooks:
    """The hooks of any model. This is the only place that asks a foreign object what it has.

    Raises: ConfigError that names the mandatory methods the model lacks.
    """
    missing = [name for name in _MANDATORY if not callable(getattr(model, name, None))]
    if missing:
        raise ConfigError(f"{type(model).__name__} lacks {', '.join(missing)}; derive it from ModelBase or define them")
    validation_flag = getattr(model, "validation", None)
    flags = [name for name in ("flag_validation", "g_flag_validation") if hasattr(model, name)]
    if isinstance(validation_flag, bool):
        flags.append("validation")
    paths = _as_tuple(getattr(model, "g_pretrained_model_path", None))
    prefixes = _as_tuple(getattr(model, "g_pretrained_model_prefix", None))
    if len(paths) != len(prefixes):
        raise ConfigError(f"{len(paths)} g_pretrained_model_path but {len(prefixes)} g_pretrained_model_prefix")
    return ModelHooks(
        module=model,
        inference=getattr(model, "inference", None) or model,
        loss=getattr(model, "loss", None),
        takes_batch=bool(getattr(model, "takes_batch", False)),
        wave_generator=getattr(model, "wave_generator", _nothing),
        other_setups=getattr(model, "other_setups", _nothing),
        before_training=getattr(model, "before_training", _nothing),
        schedule=getattr(model, "schedule", _nothing),
        finish_up_inference=getattr(model, "finish_up_inference", _nothing),
        pretrained=tuple(zip(paths, prefixes, strict=True)),
        flags=tuple(flags),
        counts_epochs=hasattr(model, "g_epoch_idx"),
    )


def adapt_loss(loss: Any) -> Callable[[Any, Any], Any]:
    """`loss.compute` of a Loss object, or the callable itself.

    Raises: ConfigError if it is neither.
    """
    compute = getattr(loss, "compute", None)
    if callable(compute):
        return compute
    if callable(loss):
        return loss
    raise ConfigError(f"{type(loss).__name__} has no compute(output, target) and cannot be called either")


def _nothing(*arguments: Any) -> None:
    pass


def _as_tuple(value: Any) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    return (value,) if isinstance(value, str) else tuple(value)
