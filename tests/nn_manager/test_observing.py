"""Observers see a run from its beginning to its end, whatever the end is, and change nothing in it."""
import csv
import json
import os
import re
import signal

import pytest
import torch
from training_tools import BATCHES, Tiny, at_call, is_same, same_state, weights

from core_scripts.errors import ConfigError, NonFiniteLossError
from core_scripts.nn_manager.observing import RunObserver
from core_scripts.report.clip_proposal import ClipProposal, describe_norms
from core_scripts.report.status import StatusFile


class Diary(RunObserver):
    """Writes down what it is told."""

    def __init__(self):
        self.words, self.norms = [], []

    def begin(self, run, train_data, val_data):
        self.words.append(f"begin {run.step} {val_data is not None}")

    def after_step(self, run, losses):
        self.words.append(f"step {run.step}")
        self.norms.append(run.gradient_norm)

    def after_validation(self, run):
        self.words.append(f"validation {run.position.epoch}")
        return {"gap": 0.5 + run.position.epoch}

    def after_epoch(self, run):
        self.words.append(f"epoch {run.position.epoch}")

    def after_saving(self, run, path):
        self.words.append(f"saved {path.name}")

    def end(self, run, outcome):
        self.words.append(outcome)


class Spoiler(RunObserver):
    """Draws random numbers wherever it can."""

    def after_step(self, run, losses):
        torch.rand(100)

    def after_validation(self, run):
        torch.rand(3)
        return {}


def test_hooks_come_in_the_order_of_the_run(bench):
    diary = Diary()
    bench.train("run", epochs=1, observers=(diary,))
    steps = [f"step {number}" for number in range(1, BATCHES + 1)]
    assert diary.words == ["begin 0 True", *steps, "validation 0", "saved epoch_000.pt", "epoch 1", "finished"]
    assert all(norm > 0 for norm in diary.norms)


def test_observers_change_nothing_in_the_weights(bench):
    bench.train("alone", epochs=2)
    bench.train("watched", epochs=2, observers=(Diary(), Spoiler(), ClipProposal(), StatusFile(bench.runs / "s.json")))
    assert same_state(bench.state("alone/epoch_001.pt"), bench.state("watched/epoch_001.pt"))


def test_what_observers_find_out_is_in_metrics_and_survives_a_stop(bench):
    bench.train("run", epochs=1, observers=(Diary(),))
    bench.train("run", epochs=3, observers=(Diary(),), checkpoint="run/epoch_000.pt")
    with (bench.runs / "run/metrics.csv").open(newline="") as file:
        found = [(row["epoch"], row["gap"]) for row in csv.DictReader(file)]
    assert found == [("0", "0.5"), ("1", "1.5"), ("2", "2.5")]
    assert bench.state("run/epoch_002.pt")["facts"] == {0: {"gap": 0.5}, 1: {"gap": 1.5}, 2: {"gap": 2.5}}


def test_with_averaged_weights_observers_see_those_that_are_kept(bench):
    class Seeing(RunObserver):
        seen = None

        def after_validation(self, run):
            Seeing.seen = weights(run.players[0].hooks.module)
            return {}

    bench.train("run", epochs=1, polyak=0.9, observers=(Seeing(),))
    assert is_same(Seeing.seen, bench.state("run/trained_model.pt"))


def test_the_end_is_told_to_observers_whatever_it_is(bench):
    def spoil():
        raise NonFiniteLossError("loss is nan on a")

    diary = Diary()
    with pytest.raises(NonFiniteLossError):
        bench.train("run", at_call(3, spoil), observers=(diary,))
    assert diary.words[-1] == "failed: loss is nan on a"


def test_an_error_without_words_is_told_by_its_kind(bench):
    def exhaust():
        raise MemoryError

    diary = Diary()
    with pytest.raises(MemoryError):
        bench.train("run", at_call(3, exhaust), observers=(diary,))
    assert diary.words[-1] == "failed: MemoryError"


def test_an_observer_that_cannot_begin_ends_those_before_it_and_none_behind(bench):
    class Stubborn(RunObserver):
        def begin(self, run, train_data, val_data):
            raise ConfigError("no condition to audit")

    before, behind = Diary(), Diary()
    with pytest.raises(ConfigError, match="no condition to audit"):
        bench.train("run", observers=(StatusFile(bench.runs / "s.json"), before, Stubborn(), behind))
    assert before.words == ["begin 0 True", "failed: no condition to audit"] and behind.words == []
    assert json.loads((bench.runs / "s.json").read_text())["state"] == "failed: no condition to audit"


def test_the_status_file_tells_where_the_run_stands(bench):
    path = bench.runs / "status.json"
    kept = []

    class Reader(RunObserver):
        def after_step(self, run, losses):
            kept.append(json.loads(path.read_text()))

    status = StatusFile(path)
    bench.train("run", epochs=2, observers=(status, Reader()))
    assert kept[0]["state"] == "training" and kept[0]["steps"] == 2 * BATCHES and kept[0]["epochs"] == 2
    final = json.loads(path.read_text())
    assert final["state"] == "finished" and final["step"] == 2 * BATCHES and final["epoch"] == 2
    assert final["last_checkpoint"] == "epoch_001.pt" and final["eta_seconds"] == 0.0
    assert final["loss"] > 0 and final["seconds"] >= 0.0  # a fast machine needs less than its last digit


def test_a_run_at_its_end_that_is_started_again_still_knows_its_last_state(bench):
    path = bench.runs / "status.json"
    bench.train("run", epochs=2, observers=(StatusFile(path),))
    bench.train("run", epochs=2, observers=(StatusFile(path),), checkpoint="run/epoch_001.pt")
    status = json.loads(path.read_text())
    assert status["state"] == "finished" and status["last_checkpoint"] == "epoch_001.pt"
    bench.train("other", epochs=0, observers=(StatusFile(path),))
    assert json.loads(path.read_text())["last_checkpoint"] is None


def test_the_time_left_is_that_of_the_steps_left(bench, monkeypatch):
    monkeypatch.setattr("core_scripts.report.status._INTERVAL_SECONDS", -1.0)  # write after every step
    told = []

    class Reader(RunObserver):
        def after_step(self, run, losses):
            told.append(json.loads((bench.runs / "s.json").read_text())["eta_seconds"])

    bench.train("run", epochs=2, observers=(StatusFile(bench.runs / "s.json"), Reader()))
    assert len(told) == 2 * BATCHES and told[-1] == 0.0 and all(eta >= 0 for eta in told)


def test_a_status_file_that_cannot_be_written_stops_nothing(bench, capsys):
    (bench.runs / "file").write_text("")
    bench.train("run", epochs=1, observers=(StatusFile(bench.runs / "file" / "status.json"),))
    assert "warning: status is not written" in capsys.readouterr().err
    assert (bench.runs / "run/trained_model.pt").is_file()


def test_after_the_first_200_steps_a_bound_for_gradients_is_proposed(bench, capsys):
    bench.train("run", epochs=-(-200 // BATCHES) + 1, observers=(ClipProposal(),))
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("gradient norm")]
    assert len(lines) == 1
    assert re.search(r"median \S+, nine in ten below (\S+), largest \S+; --grad-clip-norm \1 would scale", lines[0])


def test_the_bound_in_force_is_told_with_the_share_it_touches():
    norms = [float(number) for number in range(1, 101)]
    assert "nine in ten below 91, largest 1e+02; --grad-clip-norm 91 would" in describe_norms(norms, -1.0)
    assert describe_norms(norms, 75.0).endswith("(75 scales down 25% of them)")


def test_a_model_of_upstreams_kind_can_be_watched_too(bench):
    class Foreign(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Tiny()
            for name in ("prepare_mean_std", "normalize_input", "normalize_target", "denormalize_output"):
                setattr(self, name, getattr(self.inner, name))

        def forward(self, x):
            return self.inner(x)

    diary = Diary()
    bench.train("run", Foreign, epochs=1, observers=(diary, ClipProposal()))
    assert diary.words[-1] == "finished"


@pytest.fixture
def ticking(monkeypatch):
    """A clock of the run that moves on by one second whenever somebody looks at it."""
    time = [0.0]

    def look():
        time[0] += 1.0
        return time[0]

    monkeypatch.setattr("core_scripts.op_manager.run_clock.time.monotonic", look)


def test_with_minutes_a_run_ends_on_time_with_a_small_rate_and_a_whole_end(bench, ticking, capsys):
    bench.train("run", epochs=1, minutes=3.0)
    told = capsys.readouterr().out
    assert "as many as fit into 3 minutes, no early stop" in told and "Training finished" in told
    newest = sorted((bench.runs / "run").glob("epoch_*.pt"))[-1]
    state = bench.state(f"run/{newest.name}")
    assert state["position"]["epoch"] > 3 and 0.9 * 180 < state["seconds"] <= 1.1 * 180
    assert 0.05 * 0.05 <= state["optimizer"]["param_groups"][0]["lr"] < 0.1 * 0.05
    assert len(state["val_log"]["epochs"]) == state["position"]["epoch"]

    bench.train("run", minutes=3.0, checkpoint=f"run/{newest.name}")
    assert sorted((bench.runs / "run").glob("epoch_*.pt"))[-1] == newest  # nothing was left to do


def test_minutes_and_a_schedule_by_epochs_are_not_mixed_in_silence(bench, capsys):
    bench.train("run", minutes=0.001, lr_decay_factor=0.5)
    assert "--minutes anneals the learning rate itself; lr_decay_factor" in capsys.readouterr().err


def test_an_epoch_that_was_begun_is_validated_and_kept_though_the_time_is_over(bench):
    def ask():
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(SystemExit):
        bench.train("run", at_call(2, ask), minutes=5.0)
    (state,) = (bench.runs / "run").glob("epoch_*.pt")
    bench.train("run", minutes=1e-6, checkpoint=f"run/{state.name}")
    assert (bench.runs / "run/trained_model.pt").is_file()
    assert bench.state("run/epoch_000.pt")["val_log"]["epochs"]
