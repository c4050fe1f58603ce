"""Looking at values while a recipe is being written."""
from typing import Any

import numpy as np

from core_scripts import log


def describe(value: Any) -> str:
    """Type, shape, range, mean and non-finite values of an array or tensor; the repr of anything else."""
    detached = value.detach().cpu().numpy() if type(value).__module__.startswith("torch") else value
    if not isinstance(detached, np.ndarray):
        return repr(value)
    head = f"{detached.dtype} {tuple(detached.shape)}"
    if not detached.size or not np.issubdtype(detached.dtype, np.number):
        return head
    finite = detached[np.isfinite(detached)]
    bad = detached.size - finite.size
    span = f" in [{finite.min():g}, {finite.max():g}], mean {finite.mean():g}" if finite.size else ""
    return f"{head}{span}{f', {bad} not finite' if bad else ''}"


def show(**values: Any) -> None:
    """`show(mel=mel, wav=wav)`: one line per value on stderr."""
    for name, value in values.items():
        log.note(f"{name}: {describe(value)}")
