"""Which checkpoint a command means: the one it names, the newest valid one of the run, or none."""
from argparse import Namespace
from pathlib import Path
from typing import Any

import yaml

from core_scripts import log
from core_scripts.checkpoint.store import list_checkpoints, read_checkpoint, read_newest
from core_scripts.checkpoint.train_state import weights_of
from core_scripts.config_parse.run_options import SaveOptions, option_value
from core_scripts.errors import CheckpointError, UsageError

# Where, how loudly and by which command; nothing that a weight depends on.
_NO_MATTER = ("exp", "resume", "fresh", "save_model_dir", "output_dir", "verbose", "num_workers", "path_cache_file",
              "trained_model", "init_from", "tensorboard", "inference_batch_size", "temperature", "generation_seed",
              "target_speaker", "engine", "inference")
_WITHOUT_EFFECT = {
    "lr": "no effect unless --ignore-optimizer-statistics-in-trained-model is given",
    "seed": "from the start of this epoch on",
    "truncate_seq": "from the start of this epoch on",
}


def checkpoint_to_train_from(args: Namespace) -> dict[str, Any] | None:
    """--trained-model, else the newest valid state of the run, else the weights of --init-from, else nothing.

    A damaged checkpoint is named and the next older one taken.
    Raises: CheckpointError if there are checkpoints and none is valid; UsageError if both files are given.
    """
    if args.trained_model and args.init_from:
        raise UsageError("--trained-model goes on with a run and --init-from begins a new one: give one of them")
    must_continue = option_value(args, "resume")
    if must_continue and (option_value(args, "fresh") or args.init_from):
        raise UsageError("--resume continues a run that is there, --fresh and --init-from begin one: give one of them")
    save = SaveOptions.from_args(args)
    found = list_checkpoints(save.directory, save.epoch_name, save.ext)
    if args.trained_model:
        given = Path(args.trained_model)
        if any(path.samefile(given) for path in found[1:]):
            raise UsageError(f"{given} is older than {found[0].name} beside it, which would be overwritten; "
                             "take another --exp for the branch, or move the newer states away")
        return read_checkpoint(given)
    for path, content in read_newest(found):
        if isinstance(content, CheckpointError):
            log.warn(str(content))
            continue
        log.say(f"Continuing from {path}; --fresh starts over")
        if args.init_from:
            log.warn(f"--init-from {args.init_from} has no effect on a run that goes on; add --fresh")
        tell_changes(content, args)
        return content
    if found:
        raise CheckpointError(f"none of the {len(found)} checkpoints in {save.directory} is valid; --fresh starts over")
    if must_continue:
        raise CheckpointError(f"--resume: there is no run in {save.directory}; leave it out to begin one")
    if not args.init_from:
        return None
    log.say(f"Weights from {args.init_from}")
    return weights_of(read_checkpoint(Path(args.init_from)))


def tell_changes(content: dict[str, Any], args: Namespace) -> None:
    """Say which settings are not those that the state was written with, and whether that has an effect."""
    texts = content.get("config") or "", vars(args).get("config_text") or ""
    before, now = (_flatten(yaml.safe_load(text) or {}) for text in texts)
    if not before or not now:  # a main.py of upstream's kind
        return
    for key in [key for key in {**before, **now} if before.get(key) != now.get(key) and key not in _NO_MATTER]:
        effect = _WITHOUT_EFFECT.get(key, "takes effect now")
        log.say(f"  changed since then: {key} {before.get(key)} -> {now.get(key)}, {effect}")


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
