"""What a core can do at most, from yardsticks.cpp: measured in every round, so that it is the core of that round."""
import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from benchmarks.measuring import Seconds
from core_scripts.generation.kernel_build import COMPILERS, VARIANTS, runnable_variants

SOURCE = Path(__file__).with_suffix(".cpp")
ROUNDS = 8_000_000  # of multiply-adds: tens of milliseconds, as a measurement of an engine
READ_BYTES = 1_000_000_000  # in all, however long the piece of memory is
STEADY = 0.95  # of the best speed seen; slower rounds were disturbed
_ALIGNMENT = 64


def build_yardsticks() -> ctypes.CDLL:
    """The library for the most that this CPU can do, loaded from a folder that is gone by then.

    Raises: OSError, CalledProcessError if there is no compiler.
    """
    compiler = os.environ.get("CXX") or next(filter(None, map(shutil.which, COMPILERS)), COMPILERS[0])
    flags = VARIANTS[runnable_variants()[0]].flags
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder, "yardsticks.so")
        subprocess.run([compiler, "-O3", "-fPIC", "-shared", *flags, str(SOURCE), "-o", str(built)], check=True)
        return ctypes.CDLL(str(built))


class Yardsticks:
    """Loops of multiply-adds in float32 and, where the CPU has them, of pairs in bfloat16, and of reading memory."""

    def __init__(self) -> None:
        library = self._library = build_yardsticks()
        for count in (library.fma_count, library.dot_count, library.vector_bytes):
            count.restype = ctypes.c_int64
        for function in (library.fma_count, library.dot_count, library.fma_loop, library.dot_loop):
            function.argtypes = [ctypes.c_int64]
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
