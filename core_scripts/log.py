"""Where words go: results to stdout, progress and warnings to stderr, and both to the log file of the run."""
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TextIO

_run_log: TextIO | None = None


def open_run_log(path: Path) -> None:
    """Copy everything that is said from now on to `path`, appended, until `close_run_log`."""
    global _run_log
    close_run_log()
    path.parent.mkdir(parents=True, exist_ok=True)
    _run_log = path.open("a", encoding="utf-8")


def close_run_log() -> None:
    global _run_log
    if _run_log is not None:
        with suppress(OSError):
            _run_log.close()
        _run_log = None


def say(message: str = "") -> None:
    """A result or a table row: stdout."""
    _write(message, sys.stdout)


def note(message: str) -> None:
    """Progress, or where something was saved: stderr."""
    _write(message, sys.stderr)


def warn(message: str) -> None:
    """Something works but not as one may think: stderr, marked."""
    _write(f"warning: {message}", sys.stderr)


def record(message: str) -> None:
    """For the log file alone. A full disk costs its lines, not the run that has something to say."""
    if _run_log is not None:
        with suppress(OSError):
            print(message, file=_run_log, flush=True)


def _write(message: str, stream: TextIO) -> None:
    record(message)
    try:
        print(message, file=stream, flush=True)
    except OSError:  # the disk under it is full, or nobody reads it any more: no reason to lose a run
        _drop_unwritten(stream)


def _drop_unwritten(stream: TextIO) -> None:
    """What could not be written is given up; else Python tries again at exit, complains and changes the exit code."""
    with suppress(OSError):
        own, nowhere = os.dup(stream.fileno()), os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        with suppress(OSError):
            stream.flush()
        os.dup2(own, stream.fileno())
        os.close(own)
        os.close(nowhere)
