"""Files written whole or not at all: a temporary file beside it, then renamed; and what killed processes left of them.

A durable one survives a power failure at whatever call: the file is synced before it is renamed, its folder afterwards.
"""
import errno
import os
import re
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from core_scripts import fault

Data = memoryview | bytes
_TEMPORARY = re.compile(r"\.(\d+)-[0-9a-f]{8}\.tmp")


def temporary_path(path: Path) -> Path:
    """`.PID-HASH.tmp` beside `path`, the same one for the same process: short, as names may have 255 bytes."""
    return path.with_name(f".{os.getpid()}-{zlib.crc32(os.fsencode(path.name)):08x}.tmp")


def write_whole(path: Path, data: Data, companion: tuple[Path, bytes] | None = None, *, durable: bool = True) -> None:
    """Write `data` to `path`, so that a crash between any two calls leaves the old file or the new one.

    companion: a small file that describes this one. It is gone while the two could disagree, never wrong.
    durable False: after a power failure, though not after a crash of the process, the file may be empty. Such files are
    written every few seconds, so they are no places for `fault` to count.
    Raises: OSError; the old file stays.
    """
    contents = [(path, data)] + ([companion] if companion else [])
    try:
        if durable:
            fault.reach("saving")
        os.makedirs(path.parent, exist_ok=True)
        for place, content in contents:  # all that needs space before anything is touched
            _write_through(temporary_path(place), content, durable)
        if durable:
            fault.reach("written")
        if companion and os.path.lexists(companion[0]):
            os.unlink(companion[0])
            sync_folder(path.parent)
        for place, _ in contents:
            os.replace(temporary_path(place), place)
            if durable:
                fault.reach("renamed")
                sync_folder(path.parent)
    except BaseException:
        for place, _ in contents:
            with suppress(OSError):
                os.unlink(temporary_path(place))
        raise


def remove_files(paths: Iterable[Path]) -> None:
    """Remove files one after the other; one that cannot be removed takes space and nothing else, so it may stay."""
    for path in paths:
        fault.reach("pruning")
        with suppress(OSError):
            os.unlink(path)


def remove_leftovers(folder: Path, *, deep: bool = False) -> list[Path]:
    """Remove temporary files of killed processes from `folder`, deep: from those in it too; returns them.

    Those of this process's own number are of an earlier one, as nothing is being written when this is called.
    """
    found = []
    for path in folder.rglob(".*.tmp") if deep else folder.glob(".*.tmp"):
        match = _TEMPORARY.fullmatch(path.name)
        if match and not _is_alive(int(match[1])):
            found.append(path)
    remove_files(found)
    return found


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` survive a power failure."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot sync folders
            raise
    finally:
        os.close(handle)


def _write_through(path: Path, data: Data, durable: bool) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]
        if durable:
            os.fsync(handle)
    finally:
        os.close(handle)


def _is_alive(pid: int) -> bool:
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True
