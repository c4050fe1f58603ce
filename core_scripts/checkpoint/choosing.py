"""Which checkpoint a command means: the one it names, the newest valid one of the run, or none."""
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from core_scripts import log
from core_scripts.checkpoint.store import list_checkpoints, read_checkpoint, read_newest
from core_scripts.checkpoint.train_state import weights_of
from core_scripts.config_parse.options import SETTINGS
from core_scripts.config_parse.run_options import SaveOptions, option_value
from core_scripts.errors import CheckpointError, UsageError

# Where, how loudly and by which command; nothing that a weight depends on.
_NO_MATTER = ("exp", "resume", "fresh", "save_model_dir", "output_dir", "verbose", "num_workers", "path_cache_file",
              "trained_model", "init_from", "tensorboard", "inference_batch_size", "temperature", "generation_seed",
              "target_speaker", "engine", "inference")
_ORDER = ("seed", "truncate_seq", "minimum_len", "random_offset", "shuffle", "sampler", "way_to_merge_datasets")
# These say what to take of a file that was named; the run's own state is always taken whole.
_LOADING = ("ignore_training_history_in_trained_model", "ignore_optimizer_statistics_in_trained_model",
            "allow_mismatched_pretrained_model")


@dataclass(frozen=True)
class Start:
    """What a run begins with, None: nothing; is_own: it is the newest state of this very run."""

    content: dict[str, Any] | None
    is_own: bool = False

    def loading_args(self, args: Namespace) -> Namespace:
        """The options with which it is taken up: a run that goes on takes its own state whole."""
        given = [name for name in _LOADING if option_value(args, name)]
        if not self.is_own or not given:
            return args
        log.warn(f"{', '.join(SETTINGS[name].name for name in given)}: without effect on a run that goes on; name the "
                 "state with --trained-model to take only a part of it")
        return Namespace(**vars(args) | dict.fromkeys(given, False))


def checkpoint_to_train_from(args: Namespace) -> Start:
    """The newest valid state of the run, else what --trained-model or the weights that --init-from name, else nothing.

    A damaged checkpoint is named and the next older one taken. --trained-model may also name the newest state.
    Raises: CheckpointError if there are checkpoints and none is valid; UsageError if flags contradict each other, or
    if --trained-model would bring another run into this one.
    """
    if args.trained_model and args.init_from:
        raise UsageError("--trained-model goes on with a run and --init-from begins a new one: give one of them")
    must_continue = option_value(args, "resume")
    if must_continue and (option_value(args, "fresh") or args.init_from):
        raise UsageError("--resume continues a run that is there, --fresh and --init-from begin one: give one of them")
    save = SaveOptions.from_args(args)
    found = list_checkpoints(save.directory, save.epoch_name, save.ext)
    if args.trained_model and (not found or found[0].samefile(args.trained_model)):
        return Start(read_checkpoint(Path(args.trained_model)))
    if any(path.samefile(args.trained_model) for path in found if args.trained_model):
        raise UsageError(f"{args.trained_model} is older than {found[0].name} beside it, which would be overwritten; "
                         "take another --exp for the branch, or --fresh, which keeps this run aside")
    for path, content in read_newest(found):
        if isinstance(content, CheckpointError):
            log.warn(str(content))
            continue
        _require_own(content, args, path)
        log.say(f"Continuing from {path}; --fresh starts over")
        if args.init_from:
            log.warn(f"--init-from {args.init_from} has no effect on a run that goes on; add --fresh")
        tell_changes(content, args)
        return Start(content, is_own=True)
    if found:
        raise CheckpointError(f"none of the {len(found)} checkpoints in {save.directory} is valid; --fresh starts over")
    if must_continue:
        raise CheckpointError(f"--resume: there is no run in {save.directory}; leave it out to begin one")
    if not args.init_from:
        return Start(None)
    log.say(f"Weights from {args.init_from}")
    return Start(weights_of(read_checkpoint(Path(args.init_from))))


def _require_own(state: dict[str, Any], args: Namespace, path: Path) -> None:
    """A command that began this run from --trained-model, given again, goes on; another file does not belong here.

    Raises: UsageError.
    """
    began_from = (yaml.safe_load(state.get("config") or "") or {}).get("trained_model")
    if args.trained_model and args.trained_model != began_from:
        raise UsageError(f"--trained-model {args.trained_model}: {path.parent} holds another run, which did not begin "
                         "from it and would be overwritten; take another --exp, or --fresh")


def tell_changes(content: dict[str, Any], args: Namespace) -> None:
    """Say which settings are not those that the state was written with, and whether that has an effect."""
    texts = content.get("config") or "", vars(args).get("config_text") or ""
    before, now = (_flatten(yaml.safe_load(text) or {}) for text in texts)
    if not before or not now:  # a main.py of upstream's kind
        return
    for key in [key for key in {**before, **now} if before.get(key) != now.get(key) and key not in _NO_MATTER]:
        effect = "from the start of this epoch on" if key in _ORDER else "takes effect now" * (key in SETTINGS)
        if key == "lr" and not now.get("minutes"):
            effect = "no effect: the rate of the state goes on"
        log.say(f"  changed since then: {key} {before.get(key)} -> {now.get(key)}{', ' * bool(effect)}{effect}")


def _flatten(tree: dict[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= _flatten(value, f"{above}{key}.") if isinstance(value, dict) else {above + key: value}
    return flat


def checkpoint_to_generate_with(args: Namespace) -> dict[str, Any]:
    """--trained-model, else the best weights of the run. Raises: CheckpointError if there is none."""
    return read_checkpoint(weights_file(args))


def weights_file(args: Namespace) -> Path:
    """The file that `checkpoint_to_generate_with` reads."""
    return Path(args.trained_model) if args.trained_model else SaveOptions.from_args(args).trained_path
