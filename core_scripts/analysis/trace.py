"""The flow chart, live: each box as it is first entered, with its place, the shapes it gets and the time it takes."""
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from core_scripts import log
from core_scripts.analysis.flow_chart import FLOW_FILE, Box, read_boxes

_ROOT = FLOW_FILE.parents[1]


@contextmanager
def trace_boxes() -> Iterator[None]:
    """Print every box of docs/FLOW.md that runs inside the `with`, once each."""
    tracer = _Tracer(read_boxes())
    sys.setprofile(tracer.observe)
    try:
        yield
    finally:
        sys.setprofile(None)


class _Tracer:
    def __init__(self, boxes: list[Box]) -> None:
        self._boxes = {(str(_ROOT / box.file), box.function): box for box in reversed(boxes)}
        self._seen: set[Box] = set()
        self._running: dict[FrameType, tuple[Box, float]] = {}

    def observe(self, frame: FrameType, event: str, result: Any) -> None:
        """What sys.setprofile calls at every call and return."""
        if event == "call":
            box = self._boxes.get((frame.f_code.co_filename, frame.f_code.co_qualname))
            if box is not None and box not in self._seen:
                self._seen.add(box)
                indent = "  " * len(self._running)
                place = f"{Path(box.file)}:{frame.f_code.co_firstlineno}"
                log.say(f"{indent}{box.title}   [{place}]{_shapes(' in', frame.f_locals)}")
                self._running[frame] = (box, time.perf_counter())
        elif event == "return" and frame in self._running:
            box, started = self._running.pop(frame)
            milliseconds = (time.perf_counter() - started) * 1e3
            indent = "  " * len(self._running)
            log.say(f"{indent}- {box.title}: {milliseconds:.1f} ms{_shapes(' out', {'': result})}")


def _shapes(label: str, values: dict[str, Any]) -> str:
    """` label name (2, 8000, 1)` for the tensors among the values, looking one level into records and sequences."""
    found = []
    for name, value in values.items():
        if isinstance(value, torch.Tensor):
            found.append(f"{name} {tuple(value.shape)}".strip())
        elif isinstance(value, tuple):
            names = value._fields if hasattr(value, "_fields") else [""] * len(value)
            found += [f"{name}.{field} {tuple(item.shape)}".strip(". ")
                      for field, item in zip(names, value, strict=True) if isinstance(item, torch.Tensor)]
    return f" {label} {', '.join(found)}" if found else ""
