"""How far an epoch is: a moving bar on a terminal, else a plain line now and then."""
import sys
import time
from types import TracebackType

from core_scripts import log

LINE_INTERVAL_SECONDS = 30.0


class Progress:
    """`with Progress("train", epoch, total, verbose) as progress:` then `progress.show(done, losses)`."""

    def __init__(self, label: str, epoch: int, total: int, verbose: int) -> None:
        self._label = f"{label} epoch {epoch}"
        self._total = total
        self._quiet = verbose <= 0
        self._begun = self._last = time.monotonic()
        self._bar = None if self._quiet or not sys.stderr.isatty() else _make_bar(self._label, total)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, done: int, losses: tuple[float, ...]) -> None:
        text = " ".join(f"{loss:.4f}" for loss in losses)
        if self._bar is not None:
            self._bar.set_postfix_str(f"loss {text}", refresh=False)
            self._bar.update(done - self._bar.n)
            return
        now = time.monotonic()
        if self._quiet or now - self._last < LINE_INTERVAL_SECONDS:
            return
        self._last = now
        remaining = (now - self._begun) / done * (self._total - done)
        log.note(f"{self._label}: {done}/{self._total}  loss {text}  {remaining:.0f} s left")


def _make_bar(label: str, total: int):
    """tqdm's bar, or None where tqdm is not installed: plain lines serve as well."""
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm(total=total, desc=label, leave=False, unit="batch", file=sys.stderr)
