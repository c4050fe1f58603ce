"""The course of the learning rate over the epochs."""
import math
from typing import Any

from torch.optim import Optimizer, lr_scheduler

from core_scripts import log
from core_scripts.config_parse.run_options import (
    COSINE,
    EXPONENTIAL,
    PLATEAU,
    RESTARTS,
    SCHEDULES,
    STEP,
    OptimizerOptions,
)

# These depend on the loss themselves, or must run their course, so that stopping early would cut them short.
_RUN_TO_THE_END = (PLATEAU, RESTARTS, COSINE)
# How far a schedule is; its settings come from the options of now, not from a checkpoint.
_PROGRESS = ("last_epoch", "_step_count", "_last_lr", "base_lrs", "best", "num_bad_epochs", "cooldown_counter", "T_cur")


class LRScheduler:
    """Off unless lr_decay_factor > 0; then one of `SCHEDULES` by scheduler_type, stepped once per epoch.

    With --minutes it is off: the clock sets the rate (RunClock), and there is no early stop.
    """

    def __init__(self, optimizer: Optimizer, options: OptimizerOptions) -> None:
        self._optimizer = optimizer
        self._type = options.scheduler_type
        self.is_timed = options.minutes > 0
        self.is_on = options.lr_decay_factor > 0 and not self.is_timed
        if self.is_timed and options.lr_decay_factor > 0:
            log.warn("--minutes anneals the learning rate itself; lr_decay_factor and lr_scheduler_type have no effect")
        elif not self.is_on and self._type != PLATEAU:
            log.warn(f"--lr-scheduler-type {self._type} has no effect without --lr-decay-factor above 0")
        self._scheduler = _make_scheduler(optimizer, options) if self.is_on else None

    @property
    def rate(self) -> float:
        """The learning rate in force."""
        return float(self._optimizer.param_groups[0]["lr"])

    @property
    def allows_early_stop(self) -> bool:
        """Whether an early stop leaves the schedule its sense."""
        return not self.is_timed and (not self.is_on or self._type not in _RUN_TO_THE_END)

    def describe(self) -> str:
        if self.is_timed:
            return "rate annealed by the clock in the second half of the time"
        return f"schedule {self._type} ({SCHEDULES[self._type]})" if self.is_on else "constant rate"

    def step(self, loss: float) -> float | None:
        """End of an epoch with this loss (of validation, or of training where there is none).

        Returns the new learning rate if it changed.
        """
        before = self.rate
        if self._scheduler is not None:
            self._scheduler.step(float(loss)) if self._type == PLATEAU else self._scheduler.step()
        return self.rate if self.rate != before else None

    def state_dict(self) -> dict[str, Any]:
        """How far the schedule is, in plain types."""
        if self._scheduler is None:
            return {}
        state = self._scheduler.state_dict()
        progress = {key: _plain(state[key]) for key in _PROGRESS if key in state}
        return {"type": self._type, "progress": progress}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there. A state of another kind of schedule is left out, and said so; upstream's own is read."""
        if self._scheduler is None or not state:
            return
        kind = state.get("type", self._type)
        if kind != self._type:
            log.warn(f"the checkpoint has schedule {kind}, this run {self._type}, which starts from its beginning")
            return
        progress = state.get("progress", state)
        own = self._scheduler.state_dict()
        self._scheduler.load_state_dict({**own, **{key: progress[key] for key in _PROGRESS if key in progress}})


def _make_scheduler(optimizer: Optimizer, options: OptimizerOptions) -> Any:
    kind, factor = options.scheduler_type, options.lr_decay_factor
    epochs = max(options.epochs, 1)
    if kind == PLATEAU:
        return lr_scheduler.ReduceLROnPlateau(optimizer, factor=factor, patience=options.lr_patience)
    if kind == STEP:
        return lr_scheduler.StepLR(optimizer, step_size=options.step_size, gamma=factor)
    if kind == EXPONENTIAL:
        return lr_scheduler.ExponentialLR(optimizer, gamma=factor)
    if kind == RESTARTS:
        return lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=options.lr_patience)
    return lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.5 * (1 + math.cos(math.pi * min(epoch / epochs, 1.0))))


def _plain(value: Any) -> Any:
    return [float(item) for item in value] if isinstance(value, list) else value
