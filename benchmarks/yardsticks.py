"""What a core can do at most, from yardsticks.cpp: measured in every round, so that it is the core of that round."""
import ctypes
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from benchmarks.measuring import Seconds

SOURCE = Path(__file__).with_suffix(".cpp")
ROUNDS = 8_000_000  # of multiply-adds: tens of milliseconds, as a measurement of an engine
READ_BYTES = 1_000_000_000  # in all, however long the piece of memory is
STEADY = 0.95  # of the best speed seen; slower rounds were disturbed
_ALIGNMENT = 64


class Yardsticks:
    """Loops of multiply-adds in float32 and, where the CPU has them, of pairs in bfloat16, and of reading memory."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        for name in ("fma_count", "dot_count", "vector_bytes"):
            vars(library).setdefault(name, getattr(library, name)).restype = ctypes.c_int64
        for name in ("fma_count", "dot_count", "fma_loop", "dot_loop"):
            getattr(library, name).argtypes = [ctypes.c_int64]
        library.read_loop.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64]
        library.fma_loop.restype = library.dot_loop.restype = library.read_loop.restype = ctypes.c_float
        self._counts = {name: getattr(library, f"{name}_count")(ROUNDS) for name in ("fma", "dot")}

    def variants(self, sizes: Mapping[str, int]) -> dict[str, Callable[[], object]]:
        """What is to be timed in each round; sizes: bytes of memory to be read, by name."""
        loops = {"fma": lambda: self._library.fma_loop(ROUNDS)}
        if self._counts["dot"]:
            loops["dot"] = lambda: self._library.dot_loop(ROUNDS)
        return loops | {name: self._reader(size) for name, size in sizes.items()}

    def _reader(self, size: int) -> Callable[[], object]:
        memory = np.ones(size + _ALIGNMENT, np.uint8)  # touched: pages that were never written are one and the same
        start = memory.ctypes.data + -memory.ctypes.data % _ALIGNMENT
        vectors = size // self._library.vector_bytes()
        repeats = max(1, READ_BYTES // size)

        def read() -> object:
            return memory is None or self._library.read_loop(start, vectors, repeats)

        return read

    def read_rate(self, seconds: float, size: int) -> float:
        """Bytes a second of a reader of so many bytes."""
        return size * max(1, READ_BYTES // size) / seconds

    def multiply_rate(self, seconds: Seconds, number: int, precision: str) -> float:
        """Multiply-adds a second in this round; in bf16 by pairs or, widened to float32, by single ones."""
        kinds = [kind for kind in ("fma", "dot") if kind in seconds and (kind == "fma" or precision == "bf16")]
        return max(self._counts[kind] / seconds[kind][number] for kind in kinds)

    def steady_rounds(self, seconds: Seconds) -> list[int]:
        """The rounds in which this core ran at its speed; at least three, where there are as many."""
        times = seconds["fma"]
        order = sorted(range(len(times)), key=times.__getitem__)
        steady = [number for number in order if times[number] * STEADY <= times[order[0]]]
        return sorted(steady if len(steady) >= 3 else order[:3])
