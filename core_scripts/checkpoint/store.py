"""Checkpoint files: written whole or not at all, read in one place.

A full checkpoint is a plain dict, weights alone are an OrderedDict; both hold CPU tensors and plain Python types only,
so that `torch.load(path)` with its safe default reads them, as recipes written for upstream do.
"""
import errno
import io
import os
import pickle
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from core_scripts.errors import EXIT_DISK_FULL, CheckpointError, RecitalError, near_files


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write `content` to `path` so that a crash at any moment leaves the old file or the new one.

    Raises: RecitalError if the folder cannot be written or the disk is full; the old file stays.
    """
    buffer = io.BytesIO()  # torch.save straight to a full disk reports no OSError and leaves a torso
    torch.save(_to_cpu(content), buffer)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise _explain_write_error(error, path, buffer.getbuffer().nbytes) from error


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint: a dict (full) or an OrderedDict (weights only), on the CPU.

    Raises: CheckpointError if the file is absent, cut, or not a checkpoint.
    """
    if not path.is_file():
        others = ", ".join(sorted(other.name for other in path.parent.glob("*.pt"))[:5])
        remedy = f"; there are: {others}" if others else near_files(path) or "; train first"
        raise CheckpointError(f"no checkpoint at {path}{remedy}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever the bytes of a foreign file make the unpickler stumble over
        reason = _why(path, error)
        raise CheckpointError(f"{path} is damaged or not a checkpoint ({reason}); take another one") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, not a dict of weights or of training state")
    return content


def list_checkpoints(folder: Path, stem: str, ext: str) -> list[Path]:
    """Full checkpoints `<stem>_EEE<ext>` and `<stem>_EEE_SSSSSSSS<ext>` of a folder, newest training state first."""
    pattern = re.compile(rf"{re.escape(stem)}_(\d+)(?:_(\d+))?{re.escape(ext)}")
    found = []
    for path in folder.glob(f"{stem}_*{ext}"):
        match = pattern.fullmatch(path.name)
        if match:
            within = int(match[2]) if match[2] else -1
            found.append(((int(match[1]), within < 0, within), path))  # a whole epoch comes after its parts
    return [path for _, path in sorted(found, reverse=True)]


def read_newest(paths: list[Path]) -> Iterator[tuple[Path, dict[str, Any] | CheckpointError]]:
    """Each checkpoint in turn, newest first, with its content or with what is wrong with it."""
    for path in paths:
        try:
            yield path, read_checkpoint(path)
        except CheckpointError as error:
            yield path, error


def _why(path: Path, error: Exception) -> str:
    if path.stat().st_size == 0:
        return "it is empty"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if not zipfile.is_zipfile(path):
        return f"{path.stat().st_size} bytes, of another kind or cut short"
    if isinstance(error, pickle.UnpicklingError):
        return "it holds more than tensors and plain values; such a file could run any code and is not loaded"
    return str(error).split("\n")[0] or type(error).__name__


def _to_cpu(content: Any) -> Any:
    if isinstance(content, torch.Tensor):
        return content.detach().cpu()
    if isinstance(content, dict):
        return type(content)((key, _to_cpu(value)) for key, value in content.items())
    if isinstance(content, (list, tuple)):
        return type(content)(_to_cpu(value) for value in content)
    return content


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot sync folders
            raise
    finally:
        os.close(handle)


def _explain_write_error(error: OSError, path: Path, size: int) -> RecitalError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        told = RecitalError(f"disk full: {path} needs {size / 1e6:.1f} MB; free space, or choose another --exp")
        told.exit_code = EXIT_DISK_FULL
        return told
    return CheckpointError(f"cannot write {path} ({error.strerror}); check the folder's permissions")
