"""run.yaml: with what a run was made, enough to make it again."""
import platform
import subprocess
import sys
from argparse import Namespace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import torch
import yaml

RUN_NAME = "run.yaml"


def write_run_record(folder: Path, args: Namespace, fingerprint: str) -> None:
    """Write the resolved settings, what differs from the recipe's, versions, code and data, anew at every start.

    args: with `config_text` and `changes`, as resolve and place_run leave them; fingerprint: of the training data.
    The part `settings` can be given as --config-file.
    """
    record = {
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": " ".join(sys.argv),
        "code": _describe_code(),
        "data": fingerprint,
        "versions": {"python": platform.python_version(), "torch": str(torch.__version__), "numpy": np.__version__,
                     "scipy": scipy.__version__},
        "machine": {"threads": torch.get_num_threads(), "processor": platform.machine(),
                    "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None},
        "differences": {key: {"recipe": _plain(recipe), "here": _plain(here)}
                        for key, recipe, here in args.changes},
        "settings": yaml.safe_load(args.config_text),
    }
    (folder / RUN_NAME).write_text(yaml.safe_dump(record, sort_keys=False, allow_unicode=True), encoding="utf-8")


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
