"""When a running training saves, what a save that failed means for it, and which older states are removed."""
import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from core_scripts import log
from core_scripts.checkpoint.store import list_checkpoints, write_weights
from core_scripts.errors import SaveError
from core_scripts.files import remove_files

_MOST_FAILURES = 3  # in a row; a disk that is full for so long will not be empty soon
_APART_SECONDS = 60.0  # between failures that count: saves may come at every step, and nobody frees space within three


@dataclass
class Saver:
    """The saves of one run. A failed one is told and made good at the next; three in a row, or the last, end it.

    Failures within a minute of one that counted are of the same trouble: they are neither counted nor told.
    """

    every_seconds: float = 0.0  # besides those after each epoch; 0: none
    failures: int = 0  # in a row, of those that count
    counted_at: float = 0.0  # when the last of them was (time.perf_counter)
    error: SaveError | None = None  # of the latest save
    saved_at: float = field(default_factory=time.perf_counter)
    owed: dict[Path, dict[str, torch.Tensor]] = field(default_factory=dict)  # best weights that are not written yet

    def is_time(self, now: float) -> bool:
        """Whether so many seconds have gone by at `now` (time.perf_counter) since the save before."""
        return 0 < self.every_seconds <= now - self.saved_at

    def save(self, write_states: Callable[[], None], best: dict[Path, dict[str, torch.Tensor]] | None = None) -> None:
        """Write the best weights, where these are they, then the states, so that no state is ahead of the best weights.

        Weights that cannot be written are kept in memory, because the next state no longer holds them.
        Raises: SaveError at the third failure in a row that counts.
        """
        self.owed |= best or {}
        try:
            for path in list(self.owed):
                write_weights(path, self.owed[path])
                del self.owed[path]
            write_states()
            self.failures, self.error = 0, None
        except SaveError as error:
            self.error = error
            counts = self.failures == 0 or time.perf_counter() - self.counted_at >= _APART_SECONDS
            if counts:
                self.failures, self.counted_at = self.failures + 1, time.perf_counter()
            if self.failures >= _MOST_FAILURES:
                raise
            error.__cause__ = error.__traceback__ = None  # they hold the bytes that could not be written
            self.owed = copy.deepcopy(self.owed)
            if counts:
                log.warn(f"NOT SAVED ({self.failures} of {_MOST_FAILURES} failures before training stops): {error}. "
                         "The files before are intact; training goes on and tries again at the next save")
        finally:
            self.saved_at = time.perf_counter()

    def require_saved(self) -> None:
        """Raises: SaveError if the latest save failed, where no other one follows."""
        if self.error is not None:
            raise self.error


def remove_older(newest: Path, pattern: tuple[str, str], keep: int, best_epoch: int) -> None:
    """Keep `keep` states up to `newest` (two at least, one to fall back to) and that of the best epoch; 0: keep all.

    pattern: stem and ending of their names. The oldest is removed first, so that a crash leaves no gap; what an
    earlier run left beyond `newest` is not ours to remove.
    """
    if keep <= 0:
        return
    found = list_checkpoints(newest.parent, *pattern)
    best = newest.with_name(f"{pattern[0]}_{best_epoch:03d}{pattern[1]}")
    older = found[found.index(newest) + max(keep, 2) :]
    remove_files(path for path in reversed(older) if path != best)
