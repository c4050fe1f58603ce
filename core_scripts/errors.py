"""What can go wrong for a user, and how it is told: one message, no traceback, an exit code with a meaning."""
import difflib
import errno
import os
import sys
from collections.abc import Iterable
from pathlib import Path

EXIT_FAILURE = 1  # something broke that is nobody's input
EXIT_USAGE = 2  # command line, config or data
EXIT_NON_FINITE = 3  # the loss became NaN or infinite
EXIT_NO_CHECKPOINT = 4  # no valid checkpoint among those found
EXIT_IN_USE = 5  # another process works in this folder
EXIT_DISK_FULL = 6
EXIT_PREEMPTED = 75  # SIGTERM, SIGUSR1: saved, start me again
EXIT_INTERRUPTED = 130  # SIGINT: saved


class RecitalError(Exception):
    """A fault to be told to the user in words: what, where, why it matters, how to mend it."""

    exit_code = EXIT_FAILURE


class UsageError(RecitalError):
    """The command line cannot be understood."""

    exit_code = EXIT_USAGE


class ConfigError(RecitalError):
    """A value in config.py, in a config file or in an override does not fit."""

    exit_code = EXIT_USAGE


class DataError(RecitalError):
    """A list, an audio file or a feature file cannot be used as it is."""

    exit_code = EXIT_USAGE


class CheckpointError(RecitalError):
    """A checkpoint is damaged, foreign or does not fit the model."""

    exit_code = EXIT_NO_CHECKPOINT


class SaveError(RecitalError):
    """A model file cannot be written; the one before is as it was. The exit code tells a full disk from the rest."""


class NonFiniteLossError(RecitalError):
    """The loss is NaN or infinite; nothing was updated with it."""

    exit_code = EXIT_NON_FINITE


class FatalError(SystemExit):
    """What `f_die` raises: ends any main.py with an exit code and without a traceback."""


def all_faults(kind: type[RecitalError], title: str, faults: list[str]) -> RecitalError:
    """One error that lists every fault found, so that the user mends them in one go."""
    if len(faults) == 1:
        return kind(f"{title}: {faults[0]}")
    listed = "\n".join(f"  {number} {fault}" for number, fault in enumerate(faults, 1))
    return kind(f"{title} ({len(faults)} found)\n{listed}")


def disk_full(error: BaseException) -> SaveError | None:
    """What to tell, with its exit code, if `error` says that a disk is full; None: it does not."""
    if not isinstance(error, OSError) or error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return None
    told = SaveError(f"disk full: {error.filename or 'a file'} cannot be written; free space, or choose another --exp")
    told.exit_code = EXIT_DISK_FULL
    return told


def report_without_traceback() -> None:
    """Make any uncaught RecitalError end the process with its message and exit code.

    Recipes written for upstream have a main.py of their own and call no entry of ours; `f_args_parsed`, the first
    core function each of them calls, installs this.
    """

    def report(kind, error, traceback):
        error = disk_full(error) or error
        if isinstance(error, RecitalError):
            print(f"error: {error}", file=sys.stderr, flush=True)
            raise SystemExit(error.exit_code)  # Python honours a SystemExit that the hook raises
        if issubclass(kind, KeyboardInterrupt):
            print("interrupted", file=sys.stderr, flush=True)
            raise SystemExit(EXIT_INTERRUPTED)
        sys.__excepthook__(kind, error, traceback)

    sys.excepthook = report


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """'; did you mean a?' with the nearest known word, all dotted keys that end in `word`, or nothing."""
    bare = {name.lstrip("-").lower(): name for name in known}
    near = sorted(name for name in bare.values() if name.rpartition(".")[2] == word)
    near = near or [bare[key] for key in difflib.get_close_matches(word.lstrip("-").lower(), bare, 1, 0.65)]
    return f"; did you mean {' or '.join(near[:3])}?" if near else ""


def near_files(path: Path) -> str:
    """For a path that is not there: the folder that is missing, or what lies beside it under a similar name."""
    try:
        return did_you_mean(path.name, os.listdir(path.parent))
    except (FileNotFoundError, NotADirectoryError):
        return f"; there is no folder {path.parent}"
    except OSError:
        return ""
