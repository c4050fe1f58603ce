"""Losses and seconds per epoch, the best epoch, early stopping, and the table that is printed."""
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from core_scripts.errors import ConfigError
from core_scripts.op_manager.op_manager import OptimizerWrapper

TABLE_WIDTH = 62


@dataclass
class EpochRecord:
    """Running sums of one pass: each loss times its weight (valid samples), the weights, and the time."""

    sums: list[float] = field(default_factory=list)
    flags: list[bool] = field(default_factory=list)  # which losses count for the best epoch
    weight: float = 0.0
    seconds: float = 0.0

    def losses(self) -> tuple[float, ...]:
        """Means per sample; nan where nothing was seen."""
        return tuple(total / self.weight if self.weight else math.nan for total in self.sums)


class Monitor:
    """The record of all passes over one data set. Its size grows with epochs only, and `--epochs` may change."""

    def __init__(self) -> None:
        self._records: dict[int, EpochRecord] = {}

    def start_epoch(self, epoch: int, *, fresh: bool = True) -> None:
        """Begin the record of `epoch`; with `fresh` False go on with what a checkpoint within it holds."""
        self._records = {known: record for known, record in self._records.items() if known <= epoch}
        if fresh or epoch not in self._records:
            self._records[epoch] = EpochRecord()

    def add(self, losses: Sequence[float], flags: Sequence[bool], weight: float, seconds: float) -> None:
        """One minibatch: mean losses, which of them count, how many samples they are means of, and its time.

        Raises: ConfigError if the number of losses is not that of the minibatch before.
        """
        record = self._records[self.last_epoch]
        if record.sums and len(losses) != len(record.sums):
            raise ConfigError(f"the model returned {len(losses)} losses after {len(record.sums)} in this epoch so far")
        weight = max(weight, 1)  # texts have no length
        sums = record.sums or [0.0] * len(losses)
        record.sums = [total + float(loss) * weight for total, loss in zip(sums, losses, strict=True)]
        record.flags = [bool(flag) for flag in flags]
        record.weight += weight
        record.seconds += seconds

    @property
    def epochs(self) -> list[int]:
        """Those with a record, in order."""
        return sorted(self._records)

    @property
    def last_epoch(self) -> int:
        """The newest epoch with a record; -1 before the first."""
        return max(self._records, default=-1)

    @property
    def best_epoch(self) -> int:
        """The first epoch of lowest flagged loss; losses that are not finite are never best. -1: none."""
        finite = {epoch: loss for epoch in sorted(self._records) if math.isfinite(loss := self.flagged_loss(epoch))}
        return min(finite, key=finite.get, default=-1)

    def losses(self, epoch: int) -> tuple[float, ...]:
        """Mean losses of an epoch."""
        return self._records[epoch].losses()

    def seconds(self, epoch: int) -> float:
        return self._records[epoch].seconds

    def flagged_loss(self, epoch: int) -> float:
        """Sum of the mean losses that count; nan if there is none."""
        record = self._records[epoch]
        counted = [loss for loss, flag in zip(record.losses(), record.flags, strict=True) if flag]
        return sum(counted) if counted else math.nan

    def is_best(self, epoch: int) -> bool:
        """Whether `epoch` is lower than all before it."""
        return self.best_epoch == epoch

    def should_stop(self, optimizer: OptimizerWrapper) -> bool:
        """Whether the best epoch is `no_best_epochs` back (0: never), and the learning rate's schedule permits it."""
        patience = optimizer.get_no_best_epoch_num()
        waited = self.last_epoch - self.best_epoch
        return patience > 0 and waited >= patience and optimizer.lr_scheduler.allows_early_stop

    def state_dict(self) -> dict[str, Any]:
        """Plain types only."""
        return {"epochs": {epoch: asdict(record) for epoch, record in self._records.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The record of a checkpoint; upstream's, a matrix per segment, is not taken over."""
        self._records = {int(epoch): EpochRecord(**record) for epoch, record in state.get("epochs", {}).items()}


def table_header() -> str:
    """Rule, column names, rule."""
    rule = "-" * TABLE_WIDTH
    return f"{rule}\n  Epoch |  Duration(s) |   Train loss |     Dev loss |  Best\n{rule}"


def format_row(train: Monitor, val: Monitor | None, epoch: int, best: bool, rate: float | None = None) -> str:
    """One line of the table; `rate` is the new learning rate, if it changed."""
    seconds = train.seconds(epoch) + (val.seconds(epoch) if val is not None else 0.0)
    dev = _format_losses(val.losses(epoch)) if val is not None else f"{'-':>12s} | "
    change = f" LR -> {rate:.2e} " if rate is not None else ""
    losses = _format_losses(train.losses(epoch)) + dev
    return f"{epoch:>7d} | {seconds:>12.1f} | {losses}{'yes' if best else 'no':>5s}{change}"


def _format_losses(losses: Sequence[float]) -> str:
    if len(losses) == 1:
        return f"{losses[0]:12.4f} | "
    return " ".join(f"{loss:6.2f}" if loss > 1 else f"{loss:1.4f}" for loss in losses) + " | "
