"""What the managers share: calling a model, adding up its losses, filling parts of it, generating in segments."""
import math
import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core_scripts import log, streams
from core_scripts.checkpoint.model_record import is_record
from core_scripts.checkpoint.train_state import read_weights
from core_scripts.config_parse.run_options import CallOptions
from core_scripts.data_io.collate import Batch
from core_scripts.errors import CheckpointError, ConfigError, DataError, did_you_mean
from core_scripts.nn_manager.model_base import ModelHooks

_MUCH_WAITING = 0.1  # of the time of an epoch


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

    @property
    def is_finite(self) -> bool:
        return all(map(math.isfinite, self.parts))


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


class TimedItems:
    """Hands on what it is given and sums the seconds that its consumer waits for the next item."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._items = items
        self._begun = time.perf_counter()
        self.waited = 0.0

    def __iter__(self) -> Iterator[Any]:
        asked = time.perf_counter()
        for item in self._items:
            self.waited += time.perf_counter() - asked
            yield item
            asked = time.perf_counter()

    def describe_waiting(self) -> str:
        """"waited 2.1 s of 60.3 s for data (3 %)", and what helps if that is much."""
        total = max(time.perf_counter() - self._begun, 1e-9)
        share = self.waited / total
        remedy = "; more --num-workers may help" if share > _MUCH_WAITING else ""
        return f"waited {self.waited:.1f} s of {total:.1f} s for data ({share:.0%}){remedy}"


def describe_fault(what: str, value: float, batch: Batch) -> str:
    """What is not finite, and on which utterances."""
    return f"{what} is {value} on {', '.join(batch.info)}"


def require_names(names: Collection[str] | None, known: Collection[str]) -> None:
    """Check the names of --inference-data-list: some may belong to other lists, which is said, but not all.

    Raises: DataError if none of them is in the test set.
    """
    unknown = sorted(set(names or ()) - set(known))
    if not unknown:
        return
    told = f"not in the test list: {', '.join(unknown[:5])}{', ...' if len(unknown) > 5 else ''}"
    if len(unknown) == len(set(names)):
        raise DataError(f"none of the {len(unknown)} names of --inference-data-list can be generated, {told}"
                        f"{did_you_mean(unknown[0], known)}")
    log.warn(f"--inference-data-list: {told}")


def seed_model_randomness(seed: int, stream: int, step: int, index: int) -> None:
    """Dropout and sampling of a step are a function of (seed, step), so no generator state needs to be kept."""
    word = int(streams.words(seed, stream, step, index, count=1)[0]) >> 1
    random.seed(word)
    np.random.seed(word % 2**32)  # models written for upstream draw from it
    torch.default_generator.manual_seed(word)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(word)


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
        taken = {stem + key: value for key, value in weights.items() if stem + key in own and not is_record(key)}
        misfits = [key for key, value in taken.items() if value.shape != own[key].shape]
        if misfits or not taken:
            shapes = [f"{key} is {tuple(taken[key].shape)} there, {tuple(own[key].shape)} here" for key in misfits]
            stored = ", ".join(list(weights)[:3])
            reason = ", ".join(shapes) or f"the model has no weight {stem}NAME for a NAME of it ({stored}, ...)"
            raise CheckpointError(f"{path} cannot fill part {prefix!r} of the model: {reason}; "
                                  "correct g_pretrained_model_path or g_pretrained_model_prefix")
        own.update(taken)
        log.say(f"{path}: {len(taken)} weights fill {prefix!r}, {len(weights) - len(taken)} of the file left out")
    model.load_state_dict(own)
