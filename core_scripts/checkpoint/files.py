"""Files written whole or not at all, whatever call the power fails at: temporary file, fsync, rename, folder fsync."""
import errno
import os
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from core_scripts import fault
from core_scripts.errors import SaveError, disk_full

_TEMPORARY = re.compile(r"\.(.+)\.(\d+)\.tmp")  # .NAME.PID.tmp


def write_file(path: Path, data: memoryview | bytes, companion: tuple[Path, bytes] | None = None) -> None:
    """Write `data` to `path` so that a crash between any two calls leaves the old file or the new one.

    companion: a small file that describes this one. It is gone while the two could disagree, never wrong.
    Raises: SaveError if the folder cannot be written or the disk is full; the old file stays.
    """
    contents = [(path, data)] + ([companion] if companion else [])
    try:
        fault.reach("saving")
        os.makedirs(path.parent, exist_ok=True)
        for place, content in contents:  # all that needs space before anything is touched
            _write_through(_temporary(place), content)
        fault.reach("written")
        if companion and os.path.lexists(companion[0]):
            os.unlink(companion[0])
            sync_folder(path.parent)
        for place, _ in contents:
            os.replace(_temporary(place), place)
            fault.reach("renamed")
            sync_folder(path.parent)
    except OSError as error:
        for place, _ in contents:
            with suppress(OSError):
                os.unlink(_temporary(place))
        raise _explain(error, path, sum(len(content) for _, content in contents)) from error


def remove_files(paths: Iterable[Path]) -> None:
    """Remove files one after the other; one that cannot be removed takes space and nothing else, so it may stay."""
    for path in paths:
        fault.reach("pruning")
        with suppress(OSError):
            os.unlink(path)


def remove_leftovers(folder: Path, stems: tuple[str, ...]) -> list[Path]:
    """Remove temporary files of killed processes, for names that begin with one of `stems`; returns them.

    Those of this process's own number are of an earlier one, as nothing is being written when this is called.
    """
    found = []
    for path in folder.glob(".*.tmp"):
        match = _TEMPORARY.fullmatch(path.name)
        if match and match[1].startswith(stems) and not _is_alive(int(match[2])):
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


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _write_through(path: Path, data: memoryview | bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]
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


def _explain(error: OSError, path: Path, size: int) -> SaveError:
    full = disk_full(error)
    if full is None:
        return SaveError(f"cannot write {path} ({error.strerror}); mend that, or choose another --exp")
    free = shutil.disk_usage(path.parent).free
    told = SaveError(f"disk full: {path} needs {size / 1e6:.1f} MB, {free / 1e6:.1f} MB are free; free space, "
                     "or choose another --exp")
    told.exit_code = full.exit_code
    return told
