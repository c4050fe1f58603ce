"""How far a long job is: a moving bar on a terminal, and a plain line a minute everywhere else."""
import sys
import time
from types import TracebackType

from core_scripts import log

LINE_INTERVAL_SECONDS = 60.0


class Progress:
    """`with Progress("train epoch 3", 150, "batch") as progress:`, then `progress.show(done, "loss 2.31")`.

    `quiet` shows nothing.
    """

    def __init__(self, label: str, total: int, unit: str, *, quiet: bool = False) -> None:
        self._label, self._total, self._quiet = label, total, quiet
        self._begun = self._last = time.monotonic()
        self._first: int | None = None  # what was done before this job began, when it goes on with an earlier one
        self._bar = None if quiet or not sys.stderr.isatty() else _make_bar(label, total, unit)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, done: int, text: str = "") -> None:
        """So much of the total is done."""
        if self._first is None:
            self._first = done - 1
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)
            self._bar.update(done - self._bar.n)
        now = time.monotonic()
        if self._quiet or now - self._last < LINE_INTERVAL_SECONDS:
            return
        self._last = now
        left = (now - self._begun) / (done - self._first) * (self._total - done)
        parts = (f"{self._label}: {done:,}/{self._total:,}", text, f"{left:.0f} s left")
        tell = log.note if self._bar is None else log.record  # a line on the terminal would tear the bar
        tell("  ".join(part for part in parts if part))


def _make_bar(label: str, total: int, unit: str):
    """tqdm's bar, or None where tqdm is not installed: plain lines serve as well."""
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm(total=total, desc=label, leave=False, unit=unit, unit_scale=total > 10_000, file=sys.stderr)
