"""Which checkpoint a command means: the one it names, the newest valid one of the run, or none."""
from argparse import Namespace
from pathlib import Path
from typing import Any

from core_scripts import log
from core_scripts.checkpoint.store import list_checkpoints, read_checkpoint, read_newest
from core_scripts.checkpoint.train_state import weights_of
from core_scripts.config_parse.run_options import SaveOptions
from core_scripts.errors import CheckpointError, UsageError


def checkpoint_to_train_from(args: Namespace) -> dict[str, Any] | None:
    """--trained-model, else the newest valid state of the run, else the weights of --init-from, else nothing.

    A damaged checkpoint is named and the next older one taken.
    Raises: CheckpointError if there are checkpoints and none is valid; UsageError if both files are given.
    """
    if args.trained_model and args.init_from:
        raise UsageError("--trained-model goes on with a run and --init-from begins a new one: give one of them")
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
        return content
    if found:
        raise CheckpointError(f"none of the {len(found)} checkpoints in {save.directory} is valid; --fresh starts over")
    if not args.init_from:
        return None
    log.say(f"Weights from {args.init_from}")
    return weights_of(read_checkpoint(Path(args.init_from)))


def checkpoint_to_generate_with(args: Namespace) -> dict[str, Any]:
    """--trained-model, else the best weights of the run. Raises: CheckpointError if there is none."""
    return read_checkpoint(weights_file(args))


def weights_file(args: Namespace) -> Path:
    """The file that `checkpoint_to_generate_with` reads."""
    return Path(args.trained_model) if args.trained_model else SaveOptions.from_args(args).trained_path
