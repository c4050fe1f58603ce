"""Durable files of a run, and what to tell where one cannot be written."""
import shutil
from pathlib import Path

from core_scripts.errors import SaveError, disk_full
from core_scripts.files import Data, write_whole


def write_file(path: Path, data: Data, companion: tuple[Path, bytes] | None = None) -> None:
    """As write_whole. Raises: SaveError if the folder cannot be written or the disk is full; the old file stays."""
    try:
        write_whole(path, data, companion)
    except OSError as error:
        raise _explain(error, path, len(data) + len(companion[1] if companion else b"")) from error


def _explain(error: OSError, path: Path, size: int) -> SaveError:
    full = disk_full(error)
    if full is None:
        return SaveError(f"cannot write {path} ({error.strerror}); mend that, or choose another --exp")
    free = shutil.disk_usage(path.parent).free
    told = SaveError(f"disk full: {path} needs {size / 1e6:.1f} MB, {free / 1e6:.1f} MB are free; free space, "
                     "or choose another --exp")
    told.exit_code = full.exit_code
    return told
