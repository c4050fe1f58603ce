"""Checkpoint files: written whole or not at all, read in one place, and what is read is what was written.

A full checkpoint is a plain dict, weights alone are an OrderedDict; both hold CPU tensors and plain Python types only,
so that `torch.load(path)` with its safe default reads them, as recipes written for upstream do. Both carry a digest.
"""
import hashlib
import io
import pickle
import re
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from core_scripts import log
from core_scripts.checkpoint.digest import NotPlainError, carried_digest, seal, verify_content
from core_scripts.checkpoint.files import write_file
from core_scripts.errors import CheckpointError, SaveError, near_files


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write `content` with its digest, so that a crash at any moment leaves the old file or the new one.

    Raises: SaveError if the folder cannot be written or the disk is full, the old file stays; CheckpointError if it
    holds what could not be read back.
    """
    write_file(path, _serialize(content, path))


def write_weights(path: Path, weights: dict[str, torch.Tensor]) -> None:
    """Write weights alone, and their checksum for `sha256sum -c` beside them. Raises: as write_checkpoint."""
    data = _serialize(OrderedDict(weights), path)
    write_file(path, data, (checksum_path(path), _checksum_line(path, data)))


def restore_checksum(path: Path) -> None:
    """Write the checksum of weights of ours where a crash left it out."""
    if not path.is_file() or checksum_path(path).exists():
        return
    try:
        if carried_digest(read_checkpoint(path)) is not None:
            write_file(checksum_path(path), _checksum_line(path, path.read_bytes()))
    except (CheckpointError, SaveError) as error:
        log.warn(str(error))


def checksum_path(path: Path) -> Path:
    """The file with the checksum of a file of weights."""
    return path.with_name(f"{path.name}.sha256")


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint: a dict (full) or an OrderedDict (weights only), on the CPU, as it was written.

    Raises: CheckpointError if the file is absent, cut, damaged in a single bit, or not a checkpoint.
    """
    if not path.is_file():
        others = ", ".join(sorted(other.name for other in path.parent.glob("*.pt"))[:5])
        remedy = f"; there are: {others}" if others else near_files(path) or "; train first"
        raise CheckpointError(f"no checkpoint at {path}{remedy}")
    try:
        _require_sound_archive(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever the bytes of a foreign file make the unpickler stumble over
        reason = _why(path, error)
        raise CheckpointError(f"{path} is damaged or not a checkpoint ({reason}); take another one") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, not a dict of weights or of training state")
    verify_loaded(content, path)
    if carried_digest(content) is None and not _has_its_checksum(path):
        raise CheckpointError(f"{path} is damaged: its checksum is not that of {checksum_path(path).name}; take "
                              "another one, or remove that file if the weights were changed on purpose")
    return content


def verify_loaded(content: dict[str, Any] | None, path: Path | None) -> None:
    """Check content against the digest in it, whoever loaded it; `path`: from where, if that is known.

    Weights that somebody changed and saved again with torch.save carry the digest of the first ones along. Where the
    file itself is sound they are taken, and it is said.
    Raises: CheckpointError if the content is damaged.
    """
    source = "the checkpoint" if path is None else str(path)
    try:
        verify_content(content, source)
    except CheckpointError:
        is_known = path is not None and path.is_file()
        if type(content) is not OrderedDict or (is_known and not (_is_intact(path) and _has_its_checksum(path))):
            raise
        log.warn(f"{source}: the weights are others than a training wrote; they are taken as they are now")


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


def _serialize(content: dict[str, Any], path: Path) -> memoryview:
    buffer = io.BytesIO()  # torch.save straight to a full disk reports no OSError and leaves a torso
    try:
        torch.save(seal(_to_cpu(content)), buffer)
    except NotPlainError as error:
        raise CheckpointError(f"{path} was not written: {error}") from error
    return buffer.getbuffer()


def _checksum_line(path: Path, data: memoryview | bytes) -> bytes:
    """As sha256sum writes it."""
    return f"{hashlib.sha256(data).hexdigest()}  {path.name}\n".encode()


def _is_zip(path: Path) -> bool:
    """As torch looks at it."""
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _require_sound_archive(path: Path) -> None:
    """Raises: ValueError if a zip holds more than its own size, so that a small file cannot fill the memory;
    BadZipFile if its pickle has another checksum than the zip says: such damage may take content and digest away.
    """
    if not _is_zip(path):  # of torch before 1.6, or nothing of torch
        return
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError("its entries are compressed, which torch does not do")
        if sum(entry.file_size for entry in entries) > path.stat().st_size:
            raise ValueError("its entries claim to be larger than the file")
        for entry in entries:
            if entry.filename.endswith(".pkl"):
                archive.read(entry)  # compares


def _is_intact(path: Path) -> bool:
    """Whether every part of a zip has the checksum that the zip says."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def _has_its_checksum(path: Path) -> bool:
    """Whether a file has the checksum that stands beside it; also true where none does."""
    beside = checksum_path(path)
    if not beside.is_file():
        return True
    with path.open("rb") as file:
        return beside.read_bytes()[:64] == hashlib.file_digest(file, "sha256").hexdigest().encode()


def _why(path: Path, error: Exception) -> str:
    if path.stat().st_size == 0:
        return "it is empty"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if not _is_zip(path):
        return f"{path.stat().st_size} bytes, of another kind"
    if isinstance(error, zipfile.BadZipFile):
        return f"{path.stat().st_size} bytes, cut short or changed: {error}"
    if isinstance(error, pickle.UnpicklingError):
        return "it holds more than tensors and plain values; such a file could run any code and is not loaded"
    return str(error).split("\n")[0] or type(error).__name__


def _to_cpu(content: Any) -> Any:
    """A copy whose tensors are dense, on the CPU, without history, and not a part of a larger or smaller storage."""
    if isinstance(content, torch.Tensor):
        dense = content.detach().cpu().contiguous()
        return dense if dense.nbytes == dense.untyped_storage().nbytes() else dense.clone()
    if type(content) in (dict, OrderedDict):
        return type(content)((key, _to_cpu(value)) for key, value in content.items())
    if type(content) in (list, tuple):
        return type(content)(_to_cpu(value) for value in content)
    return content
