"""exp/NAME, the place of a run: locked while a process works in it, continued or moved aside, never overwritten."""
import fcntl
import os
import weakref
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TextIO

from core_scripts import log
from core_scripts.config_parse.config_parse import Resolved
from core_scripts.config_parse.options import SETTINGS
from core_scripts.errors import EXIT_IN_USE, CheckpointError, RecitalError, UsageError, near_files

LOG_NAME = "log_train.txt"
METRICS_NAME = "metrics.csv"
CURVE_NAME = "curve.png"
RESULT_NAME = "result.json"

_locks: "weakref.WeakSet[TextIO]" = weakref.WeakSet()  # of this process


def place_run(resolved: Resolved, project_dir: Path) -> Resolved:
    """The settings with every place that the user did not choose put into exp/NAME of the project.

    Raises: UsageError if NAME leads elsewhere, or a model file that was named is not there.
    """
    args = Namespace(**vars(resolved.args))
    folder = project_dir / "exp" / args.exp
    if Path(os.path.normpath(args.exp)).parts[:1] in ((), ("..",)) or Path(args.exp).is_absolute():
        raise UsageError(f"--exp {args.exp!r} is not a name below {project_dir / 'exp'}; take one such as --exp base")
    for flag in ("trained_model", "init_from"):
        given = getattr(args, flag)
        if given and not Path(given).is_file():
            raise UsageError(f"--{flag.replace('_', '-')} {given}: no such file{near_files(Path(given))}")
    args.changes = resolved.differences()  # before the places are filled in
    if args.save_model_dir == SETTINGS["save_model_dir"].default:
        args.save_model_dir = str(folder)
    if args.output_dir == SETTINGS["output_dir"].default:
        args.output_dir = str(folder / "output")
    args.keeps_last = True
    args.metrics_file = Path(args.save_model_dir) / METRICS_NAME
    return replace(resolved, args=args)


class RunFolder:
    """`with RunFolder(path) as folder:` the folder exists and no other process is in it.

    fresh: what was in it is moved aside. found: a run must be there already, none is begun.
    Raises: RecitalError (exit code 5) if another process works there; UsageError if it cannot be written;
    CheckpointError if `found` and there is no run.
    """

    def __init__(self, path: Path, *, fresh: bool = False, found: bool = False) -> None:
        self.path = path
        self._fresh = fresh
        self._aside: Path | None = None
        if found and not path.is_dir():
            raise CheckpointError(f"no run in {path}{near_files(path)}; train first, or name one with --exp")
        self._lock: TextIO | None = None

    def __enter__(self) -> "RunFolder":
        self._lock = _lock_folder(self.path)
        if self._fresh and any(item.name != ".lock" for item in self.path.iterdir()):
            self._aside = free_name(self.path)
            self.path.rename(self._aside)
            log.say(f"--fresh: the run before is kept in {self._aside}")
            self._lock.close()
            self._lock = _lock_folder(self.path)
        return self

    def follow(self, path: str) -> str:
        """Where the file at `path` is now: beside, if it lay in the run that was moved aside."""
        whole, place = Path(os.path.abspath(path)), Path(os.path.abspath(self.path))
        if not path or self._aside is None or not whole.is_relative_to(place):
            return path
        return str(self._aside / whole.relative_to(place))

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._lock.close()  # the kernel lets go of the lock, after kill -9 too


def _lock_folder(path: Path) -> TextIO:
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / ".lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path} ({error.strerror}); mend that or take another --exp") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        busy = RecitalError(f"{path} is in use by process {owner}; wait, or take another --exp")
        busy.exit_code = EXIT_IN_USE
        lock.close()
        raise busy from None
    except OSError as error:
        lock.close()
        raise RecitalError(f"{path} cannot be locked ({error.strerror}), and without that two processes could write "
                           "there; mount it with locks, or take another folder with --save-model-dir") from error
    _locks.add(lock)
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _let_go() -> None:
    """In a forked process: a worker that outlives the main process must not keep the folder locked."""
    for lock in list(_locks):
        lock.close()


os.register_at_fork(after_in_child=_let_go)


def free_name(path: Path) -> Path:
    """NAME.old-N beside `path`, N the first that is not there."""
    number = 1
    while (aside := path.with_name(f"{path.name}.old-{number}")).exists():
        number += 1
    return aside
