"""Curves of a run that was started again."""
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from core_scripts.report import tensorboard_log
from core_scripts.report.tensorboard_log import TensorBoardLog

pytest.importorskip("tensorboard")


def run_at(step: int) -> SimpleNamespace:
    """As much of a run as the log reads."""
    optimizer = SimpleNamespace(lr_scheduler=SimpleNamespace(rate=0.1))
    return SimpleNamespace(step=step, gradient_norm=1.0, players=[SimpleNamespace(optimizer=optimizer)])


def log_steps(folder: Path, before: int, last: int, loss: float) -> None:
    """A process that goes on from step `before` and is killed after step `last`."""
    log = TensorBoardLog(folder, None)
    log.begin(run_at(before), None, None)
    for step in range(before + 1, last + 1):
        log.after_step(run_at(step), SimpleNamespace(parts=(loss,)))
    log._writer.flush()


def test_steps_that_are_done_again_are_shown_once_as_they_came_out_last(tmp_path, monkeypatch):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setattr(tensorboard_log, "_STEPS", 1)
    monkeypatch.setattr("time.time", iter(range(1, 10_000)).__next__)  # files of one second would be read in any order
    log_steps(tmp_path, 0, 7, 3.0)
    log_steps(tmp_path, 4, 9, 2.0)  # the state is of step 4
    found = EventAccumulator(str(tmp_path)).Reload().Scalars("train/loss")
    assert [event.step for event in found] == list(range(1, 10))
    assert [event.value for event in found] == [3.0] * 4 + [2.0] * 5


def test_a_log_that_never_began_ends_without_a_word(tmp_path):
    TensorBoardLog(tmp_path, None).end(run_at(0), "failed: no condition to audit")
    assert not list(tmp_path.iterdir())


def test_without_tensorboard_the_command_that_installs_it_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(Exception, match=r"pip install tensorboard==2\.21\.0"):
        TensorBoardLog(tmp_path, None)
