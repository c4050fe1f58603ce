"""exp/NAME, the place of a run: locked while a process works in it, continued or moved aside, never overwritten."""
import fcntl
import os
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TextIO

from core_scripts import log
from core_scripts.config_parse.config_parse import Resolved
from core_scripts.config_parse.options import SETTINGS
from core_scripts.errors import EXIT_IN_USE, RecitalError, UsageError

LOG_NAME = "log_train.txt"
METRICS_NAME = "metrics.csv"
CURVE_NAME = "curve.png"
RESULT_NAME = "result.json"


def place_run(resolved: Resolved, project_dir: Path) -> Resolved:
    """The settings with every place that the user did not choose put into exp/NAME of the project."""
    args = Namespace(**vars(resolved.args))
    folder = project_dir / "exp" / args.exp
    if args.save_model_dir == SETTINGS["save_model_dir"].default:
        args.save_model_dir = str(folder)
    if args.output_dir == SETTINGS["output_dir"].default:
        args.output_dir = str(folder / "output")
    args.metrics_file = folder / METRICS_NAME
    return replace(resolved, args=args)


class RunFolder:
    """`with RunFolder(path, fresh=False) as folder:` the folder exists and no other process is in it.

    Raises: RecitalError (exit code 5) if another process works there; UsageError if it cannot be written.
    """

    def __init__(self, path: Path, *, fresh: bool) -> None:
        self.path = path
        self._fresh = fresh
        self._lock: TextIO | None = None

    def __enter__(self) -> "RunFolder":
        self._lock = _lock_folder(self.path)
        if self._fresh and any(item.name != ".lock" for item in self.path.iterdir()):
            aside = _free_name(self.path)
            self.path.rename(aside)
            log.say(f"--fresh: the run before is kept in {aside}")
            self._lock.close()
            self._lock = _lock_folder(self.path)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._lock.close()  # the kernel lets go of the lock, after kill -9 too


def _lock_folder(path: Path) -> TextIO:
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / ".lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path} ({error.strerror}); check its permissions or choose another --exp") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        busy = RecitalError(f"{path} is in use by process {lock.read().strip() or 'unknown'}; wait, or take another --exp")
        busy.exit_code = EXIT_IN_USE
        lock.close()
        raise busy from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _free_name(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.old-{number}")).exists():
        number += 1
    return aside
