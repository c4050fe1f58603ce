"""What watches a training run without being part of it: status files, logs, audits. Nothing here changes a weight."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core_scripts.nn_manager.nn_manager_tools import Losses
    from core_scripts.nn_manager.training_run import TrainingRun


class RunObserver:
    """Every hook with a neutral default. They read the run; what they have to say goes to files and to the log."""

    def begin(self, run: TrainingRun, train_data: Any, val_data: Any) -> None:
        """Before the first step of this process; val_data None: there is none."""

    def after_step(self, run: TrainingRun, losses: Losses) -> None:
        """After each optimizer step, with the losses of its last minibatch. Must cost next to nothing."""

    def after_validation(self, run: TrainingRun) -> dict[str, float]:
        """While the model is as it was validated; numbers of this epoch for metrics.csv, by column."""
        return {}

    def after_epoch(self, run: TrainingRun) -> None:
        """When the row of the finished epoch stands in the table; the position is that of the next one."""

    def after_saving(self, run: TrainingRun, path: Path) -> None:
        """A full state was written."""

    def end(self, run: TrainingRun, outcome: str) -> None:
        """outcome: "finished", "stopped", or "failed: WHY"; also where `begin` itself is what failed."""


class Observers:
    """Several as one."""

    def __init__(self, members: Sequence[RunObserver] = ()) -> None:
        self._members = tuple(members)

    @contextmanager
    def watch(self, run: TrainingRun, train_data: Any, val_data: Any) -> Iterator[None]:
        """From `begin` to `end`, however the run ends."""
        outcome = "finished"
        begun = []
        try:
            for member in self._members:
                begun.append(member)
                member.begin(run, train_data, val_data)
            yield
        except SystemExit:
            outcome = "stopped"
            raise
        except BaseException as error:
            outcome = f"failed: {str(error) or type(error).__name__}"
            raise
        finally:
            for member in begun:
                member.end(run, outcome)

    def after_step(self, run: TrainingRun, losses: Losses) -> None:
        for member in self._members:
            member.after_step(run, losses)

    def after_validation(self, run: TrainingRun) -> dict[str, float]:
        return {name: value for member in self._members for name, value in member.after_validation(run).items()}

    def after_epoch(self, run: TrainingRun) -> None:
        for member in self._members:
            member.after_epoch(run)

    def after_saving(self, run: TrainingRun, path: Path) -> None:
        for member in self._members:
            member.after_saving(run, path)
