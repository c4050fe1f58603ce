"""The time that a run has taken, over all processes that worked on it, and --minutes: training that ends on time."""
import math
import time

_CONSTANT_SHARE = 0.5  # of the time, before the rate falls
_LAST_RATE = 0.05  # of the first one
_VALIDATION_COST = 0.4  # of a minibatch against one of training, until it has been measured


class RunClock:
    """Seconds of training, validation and saving. minutes: so many in all, 0: no limit.

    The end of an epoch takes time too; what it took last time, or is going to take by a guess, is kept in reserve.
    """

    def __init__(self, minutes: float = 0.0) -> None:
        self.limit_seconds = 60.0 * minutes
        self._before = 0.0
        self._begun = time.monotonic()
        self._steps = 0
        self._val_batches = 0
        self._ending: float | None = None

    @property
    def is_limited(self) -> bool:
        return self.limit_seconds > 0

    @property
    def seconds(self) -> float:
        """So far, in all processes."""
        return self._before + time.monotonic() - self._begun

    def start(self, before: float, val_batches: int) -> None:
        """From now on, after `before` seconds of earlier processes; an epoch ends with so many validation batches."""
        self._before, self._begun, self._val_batches = before, time.monotonic(), val_batches

    def note_step(self) -> None:
        """A minibatch of training begins."""
        self._steps += 1

    def note_ending(self, seconds: float) -> None:
        """Validating and saving at the end of an epoch took so long."""
        self._ending = seconds

    @property
    def is_over(self) -> bool:
        """Whether an epoch must end now for the run to end on time."""
        return self.is_limited and self.seconds + self._reserve() >= self.limit_seconds

    def rate_share(self) -> float:
        """Of the first learning rate: 1 in the first half, then along a cosine to a twentieth at the end."""
        available = max(self.limit_seconds - self._reserve(), 1e-9)
        way = (self.seconds / available - _CONSTANT_SHARE) / (1 - _CONSTANT_SHARE)
        return _LAST_RATE + (1 - _LAST_RATE) * 0.5 * (1 + math.cos(math.pi * min(max(way, 0.0), 1.0)))

    def _reserve(self) -> float:
        if self._ending is not None:
            return self._ending
        per_batch = (time.monotonic() - self._begun) / max(self._steps, 1)
        return _VALIDATION_COST * per_batch * self._val_batches
