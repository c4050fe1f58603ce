"""A digest of what a checkpoint holds, carried inside it: torch.load checks no checksum of the zip it reads.

It is taken over the content, not over the file's bytes, so that a dict which somebody else loaded can be checked too.
A dict holds it under a key. An OrderedDict of weights, whose keys are all weights, has it as an attribute, where torch
too keeps what is not a weight (`_metadata`); pickle stores it along.
"""
import hashlib
import struct
from collections import OrderedDict
from collections.abc import Callable
from types import NoneType
from typing import Any

import torch

from core_scripts.errors import CheckpointError

DIGEST = "digest"
DIGEST_SINCE = 2  # the `format` of full checkpoints from which on one without a digest is a damaged one

_LEAVES: dict[type, Callable[[Any], bytes]] = {
    NoneType: lambda value: b"",
    bool: lambda value: b"%d" % value,
    int: lambda value: b"%x" % value,
    float: lambda value: struct.pack("<d", value),  # the bits; NaN too
    str: lambda value: value.encode("utf-8", "surrogatepass"),
    bytes: bytes,
    torch.dtype: lambda value: str(value).encode(),
    torch.device: lambda value: str(value).encode(),
}


class NotPlainError(Exception):
    """Something in the content cannot be digested; the text says what and where."""


def seal(content: dict[str, Any]) -> dict[str, Any]:
    """`content` with its digest in it, in place of an old one.

    Raises: NotPlainError if it holds what the safe loader would refuse to read back.
    """
    sealed = type(content)((key, value) for key, value in content.items() if key != DIGEST or type(content) is not dict)
    digest = digest_of(sealed)
    (sealed if type(sealed) is dict else vars(sealed))[DIGEST] = digest
    return sealed


def verify_content(content: dict[str, Any] | None, source: str) -> None:
    """Check loaded content against the digest it carries, whoever loaded it; files of upstream carry none.

    Raises: CheckpointError if they differ, or if the digest of a full checkpoint of ours is gone.
    """
    if content is None:
        return
    is_dict, stored = type(content) is dict, carried_digest(content)
    if stored is None:
        version = content.get("format", 0) if is_dict else 0
        if type(version) is not int or version >= DIGEST_SINCE:
            raise CheckpointError(f"{source} is damaged: its digest is gone; take another one")
        return
    bare = {key: value for key, value in content.items() if key != DIGEST} if is_dict else content
    try:
        same = digest_of(bare) == stored
    except (NotPlainError, RecursionError) as error:
        raise CheckpointError(f"{source} is damaged: {error}; take another one") from error
    if not same:
        raise CheckpointError(
            f"{source} is damaged: what it holds is not what was written (its digest differs); take another one. "
            "Who changed it on purpose calls seal() of core_scripts.checkpoint.digest"
        )


def carried_digest(content: dict[str, Any]) -> str | None:
    """The digest that loaded content came with; None: it is not of ours, or older."""
    return (content if type(content) is dict else getattr(content, "__dict__", {})).get(DIGEST)


def digest_of(content: dict[str, Any]) -> str:
    """SHA-256 over every key, type, shape and byte of nested dicts, lists, tensors and plain values, in hexadecimal.

    Raises: NotPlainError with the place of anything else.
    """
    return _digest(content, "", {}).hex()


def _digest(value: Any, place: str, done: dict[int, bytes | None]) -> bytes:
    """The digest of one value; what occurs twice (tied weights) is read once, so that no file can blow up the walk."""
    kind = type(value)
    if kind in _LEAVES:
        return hashlib.sha256(kind.__name__.encode() + b" " + _LEAVES[kind](value)).digest()
    if id(value) not in done:
        done[id(value)] = None
        done[id(value)] = _digest_tensor(value, place) if kind is torch.Tensor else _digest_parts(value, place, done)
    found = done[id(value)]
    if found is None:
        raise NotPlainError(f"{place or 'it'} contains itself")
    return found


def _digest_parts(value: Any, place: str, done: dict[int, bytes | None]) -> bytes:
    kind = type(value)
    if kind in (dict, OrderedDict):
        parts = [_digest(part, f"{place}/{key}", done) for key, item in value.items() for part in (key, item)]
    elif kind in (list, tuple, torch.Size):
        parts = [_digest(item, f"{place}/{number}", done) for number, item in enumerate(value)]
    else:
        raise NotPlainError(f"{place or 'it'} is a {kind.__module__}.{kind.__name__}, which cannot be read back "
                            "safely; make it a tensor, a number, a text, or a dict or list of them")
    return hashlib.sha256(b"%b %d " % (kind.__name__.encode(), len(parts)) + b"".join(parts)).digest()


def _digest_tensor(value: torch.Tensor, place: str) -> bytes:
    if value.layout is not torch.strided or value.is_quantized:
        raise NotPlainError(f"{place} is a sparse or quantized tensor; make it a dense one")
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():
        raise NotPlainError(f"{place} declares {value.numel()} values, which its bytes do not hold")
    flat = value.detach().cpu().reshape(-1).contiguous()
    digest = hashlib.sha256(f"Tensor {value.dtype} {tuple(value.shape)} ".encode())
    digest.update(memoryview(flat.view(torch.uint8).numpy()))
    return digest.digest()
