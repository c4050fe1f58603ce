"""run.yaml: with what a run or a folder of output was made, enough to make it again."""
import hashlib
import json
import platform
import shlex
import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import torch
import yaml

from core_scripts import log
from core_scripts.checkpoint.files import write_file
from core_scripts.config_parse.options import SETTINGS
from core_scripts.features.passport import Passport
from core_scripts.nn_manager.observing import RunObserver
from core_scripts.nn_manager.training_run import TrainingRun
from core_scripts.run_folder import free_name

RUN_NAME = "run.yaml"
WEIGHTS_KEY = "weights_sha256"


class RunRecord(RunObserver):
    """Writes run.yaml when a run begins or goes on, and not where it is refused or has nothing left to do."""

    def __init__(self, folder: Path, args: Namespace, passports: dict[str, Passport]) -> None:
        self._folder, self._args, self._passports = folder, args, passports

    def begin(self, run: TrainingRun, train_data: Any, val_data: Any) -> None:
        if run.goes_on():
            write_run_record(self._folder, self._args, train_data.fingerprint(), self._passports)


# Options that change what is generated; all others say where, how fast, or how it was trained.
_SOUNDING = ("temperature", "generation_seed", "target_speaker", "from_codes", "trunc_input_length_for_inference",
             "trunc_input_overlap", "output_filename_prefix", "precision")


def write_run_record(folder: Path, args: Namespace, data: str, passports: dict[str, Passport], **more: Any) -> None:
    """Write the resolved settings, what differs from the recipe's, versions, code and data, anew at every start.

    args: with `config_text` and `changes`, as resolve and place_run leave them; data: fingerprint of the data set;
    passports: of the features. The part `settings` can be given as --config-file.
    """
    record = more | {
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": shlex.join(sys.argv),
        "code": _describe_code(),
        "data": data,
        "features": {name: passport.to_dict() for name, passport in passports.items()},
        "versions": {"python": platform.python_version(), "torch": str(torch.__version__), "numpy": np.__version__,
                     "scipy": scipy.__version__},
        "machine": {"threads": torch.get_num_threads(), "processor": platform.machine(),
                    "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None},
        "differences": {key: {"recipe": _plain(recipe), "here": _plain(here)}
                        for key, recipe, here in args.changes},
        "settings": yaml.safe_load(args.config_text),
    }
    write_file(folder / RUN_NAME, yaml.safe_dump(record, sort_keys=False, allow_unicode=True).encode("utf-8"))


def claim_output(folder: Path, args: Namespace, weights: Path, tables: Sequence[Path] = ()) -> dict[str, str]:
    """What was made in `folder` with other weights, settings or tables is moved aside, never written over.

    Returns what the new record has to hold for the next time: the weights' file, and one digest of all that counts.
    """
    made_by = digest_of_output(args, weights, tables)
    try:
        before = yaml.safe_load((folder / RUN_NAME).read_text(encoding="utf-8")).get("made_by", made_by)
    except (OSError, ValueError, AttributeError, yaml.YAMLError):
        before = made_by  # nobody's, or the user's own folder
    if before != made_by:
        aside = free_name(folder)
        folder.rename(aside)
        log.say(f"What other weights or settings generated before is kept in {aside}")
    folder.mkdir(parents=True, exist_ok=True)
    return {"weights": str(weights), WEIGHTS_KEY: hashlib.sha256(weights.read_bytes()).hexdigest(), "made_by": made_by}


def describe_staleness(folder: Path, weights: Path) -> str:
    """What is the matter with outputs that were not made with these weights as they are now; empty if they were."""
    try:
        record = yaml.safe_load((folder / RUN_NAME).read_text(encoding="utf-8"))
        made_with, now = record.get(WEIGHTS_KEY), hashlib.sha256(weights.read_bytes()).hexdigest()
    except (OSError, ValueError, AttributeError, yaml.YAMLError):
        made_with, now = None, ""
    if made_with is None:
        return f"no {RUN_NAME} in {folder} tells which weights made what is there"
    if made_with == now:
        return ""
    return (f"what is in {folder} was made with other weights than {weights} holds now; generate anew: "
            f"python main.py infer")


def digest_of_output(args: Namespace, weights: Path, tables: Sequence[Path] = ()) -> str:
    """The same for the same weights, settings that change what is generated, and tables (files that it depends on)."""
    settings = {key: value for key, value in yaml.safe_load(args.config_text).items()
                if key not in SETTINGS or key in _SOUNDING}
    contents = [weights.read_bytes(), json.dumps(settings, sort_keys=True).encode("utf-8"),
                *(table.read_bytes() for table in tables)]
    return hashlib.sha256(b"".join(contents)).hexdigest()


def _describe_code() -> str:
    """The commit, marked where files differ from it; "unknown" outside of a git checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return answer.stdout.strip() or "unknown"


def _plain(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float, str, type(None))) else repr(value)
