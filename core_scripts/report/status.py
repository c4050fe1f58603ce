"""status.json: where a run stands, for schedulers, scripts and people who look in from elsewhere."""
import json
import os
import socket
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from core_scripts import log
from core_scripts.checkpoint.store import list_checkpoints
from core_scripts.data_io.file_io import write_atomically
from core_scripts.errors import DataError
from core_scripts.nn_manager.nn_manager_tools import Losses
from core_scripts.nn_manager.observing import RunObserver
from core_scripts.nn_manager.training_run import TrainingRun

STATUS_NAME = "status.json"
_INTERVAL_SECONDS = 5.0


class StatusFile(RunObserver):
    """Keeps `path` up to date: at once when something happens, else every few seconds.

    state: "training", "finished", "stopped", or "failed: WHY"; step of steps, epoch of epochs (null with --minutes);
    loss: of the last minibatch; seconds: that the run has taken in all; eta_seconds: to the last epoch, early stopping
    not foreseen; last_checkpoint: a file beside it; updated: local time; process, host: whose it is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = -_INTERVAL_SECONDS
        self._loss: float | None = None
        self._checkpoint: str | None = None
        self._steps_per_epoch = self._first_step = 0
        self._begun = time.monotonic()

    def begin(self, run: TrainingRun, train_data: Any, val_data: Any) -> None:
        limit, batches = run.options.train_batches, len(train_data.get_loader())
        self._steps_per_epoch = -(-(min(limit, batches) if limit else batches) // run.options.accumulate)
        self._first_step, self._begun = run.step, time.monotonic()
        ending = f"{run.players[0].suffix}{run.save.ext}"
        found = list_checkpoints(run.save.directory, run.save.epoch_name, ending)
        self._checkpoint = found[0].name if found else None
        self._write(run, "training")

    def after_step(self, run: TrainingRun, losses: Losses) -> None:
        self._loss = losses.parts[0]
        if time.monotonic() - self._written >= _INTERVAL_SECONDS:
            self._write(run, "training")

    def after_epoch(self, run: TrainingRun) -> None:
        self._write(run, "training")

    def after_saving(self, run: TrainingRun, path: Path) -> None:
        self._checkpoint = path.name
        self._write(run, "training")

    def end(self, run: TrainingRun, outcome: str) -> None:
        self._write(run, outcome)

    def _write(self, run: TrainingRun, state: str) -> None:
        self._written = time.monotonic()
        timed = run.clock.is_limited
        steps = None if timed else max(run.options.epochs * self._steps_per_epoch, run.step)
        content = {
            "state": state, "epoch": run.position.epoch, "epochs": None if timed else run.options.epochs,
            "step": run.step, "steps": steps, "loss": self._loss, "seconds": round(run.clock.seconds, 1),
            "eta_seconds": self._eta(run, steps) if state == "training" else 0.0,
            "last_checkpoint": self._checkpoint,
            "updated": datetime.now().astimezone().isoformat(timespec="seconds"),
            "process": os.getpid(), "host": socket.gethostname(),
        }
        try:
            write_atomically(self._path, (json.dumps(content, indent=1) + "\n").encode("utf-8"))
        except DataError as fault:  # no reason to lose a training run
            log.warn(f"status is not written: {fault}")

    def _eta(self, run: TrainingRun, steps: int | None) -> float | None:
        """Seconds to the end; None before a step has told the speed."""
        if run.clock.is_limited:
            return round(max(run.clock.limit_seconds - run.clock.seconds, 0.0), 1)
        done = run.step - self._first_step
        return round((time.monotonic() - self._begun) / done * (steps - run.step), 1) if done else None
