"""One training step and the epochs around it: what changes, when, and what does not."""
import math
import random

import numpy as np
import pytest
import torch
from torch import nn
from training_tools import CPU, FRAMES, TRAINING, VALIDATION, Squares, Tiny, is_same, load_data, make_args, weights

from core_scripts.data_io.position import DataPosition
from core_scripts.errors import NonFiniteLossError
from core_scripts.nn_manager.grouping import Group, group_of, is_due
from core_scripts.nn_manager.model_base import adapt_model
from core_scripts.nn_manager.nn_manager import start_run, train_epochs, train_step, validate
from core_scripts.nn_manager.steps import validation_step
from core_scripts.nn_manager.stopping import StopRequest
from core_scripts.nn_manager.training_run import Player, TrainingRun
from core_scripts.op_manager.op_manager import OptimizerWrapper
from core_scripts.op_manager.op_process_monitor import Monitor

ALONE = Group(1, True)


@pytest.fixture
def make_run(bench):
    """A run at its beginning and the batches of its first epoch."""

    def make(model: nn.Module | None = None, batch_size: int = 2, **options) -> tuple[TrainingRun, list]:
        torch.manual_seed(5)
        model = Tiny(dropout=0.0) if model is None else model
        args = make_args(bench.runs, **options)
        data = load_data(bench.data, TRAINING, batch_size=batch_size)
        run = start_run(args, (Player(adapt_model(model), OptimizerWrapper(model, args)),), CPU, data)
        run.compute_loss = Squares().compute
        return run, list(data.get_loader())

    return make


def model_of(run: TrainingRun) -> nn.Module:
    return run.players[0].hooks.module


def test_weights_and_position_change_together(make_run):
    run, batches = make_run()
    before = weights(model_of(run))
    assert (run.step, run.position.samples, run.pending) == (0, 0, 0)
    train_step(run, batches[0], Group(2, False))
    assert is_same(weights(model_of(run)), before)
    assert (run.step, run.position.samples, run.pending) == (0, 0, 2)
    train_step(run, batches[1], Group(2, True))
    assert not is_same(weights(model_of(run)), before)
    assert (run.step, run.position.samples, run.pending) == (1, 4, 0)


@pytest.mark.parametrize("parts", [2, 3])
def test_accumulated_gradients_are_those_of_the_big_batch(make_run, parts):
    run, batches = make_run(optimizer="SGD", lr=1.0)
    for number in range(parts):
        train_step(run, batches[number], Group(parts, number + 1 == parts))
    big, (all_at_once, *_) = make_run(batch_size=2 * parts, optimizer="SGD", lr=1.0)
    train_step(big, all_at_once, ALONE)
    for key, value in weights(model_of(big)).items():
        torch.testing.assert_close(weights(model_of(run))[key], value)
    assert run.position == big.position


def test_the_incomplete_last_group_is_a_whole_step_of_its_own(bench):
    """3 batches in groups of 2: the third is used alone, with its full gradient."""
    options = {"optimizer": "SGD", "lr": 0.1, "epochs": 1, "minibatch_num_train": 3, "loader": {"shuffle": False}}
    often = {"size_accumulate_grad": 2, "save_model_every_n_minibatches": 1}
    grouped = bench.train("grouped", lambda: Tiny(0.0), **often, **options)
    state = bench.state("grouped/epoch_000_00000001.pt")
    assert (state["position"]["samples"], bench.state("grouped/epoch_000.pt")["step"]) == (4, 2)
    alone = bench.train("alone", lambda: Tiny(0.0), checkpoint=state, **options)
    assert is_same(weights(alone), weights(grouped))


def test_groups_cover_every_minibatch_once():
    for total in range(1, 12):
        for size in range(1, 6):
            groups = [group_of(number, total, size) for number in range(total)]
            assert sum(group.complete for group in groups) == math.ceil(total / size)
            assert sum(group.size for group in groups if group.complete) == total
            assert groups[-1].complete


def test_saving_within_an_epoch_is_due_once_per_interval():
    assert [is_due(number, 1, 3) for number in range(7)] == [False, False, True, False, False, True, False]
    assert [is_due(number, 4, 3) for number in (3, 7, 11)] == [True, True, True]
    assert not any(is_due(number, 1, 0) for number in range(5))


def test_the_gradient_is_clipped_to_its_norm(make_run):
    run, batches = make_run(optimizer="SGD", lr=1.0, grad_clip_norm=0.01)
    before = weights(model_of(run))
    train_step(run, batches[0], ALONE)
    moved = [weights(model_of(run))[key] - value for key, value in before.items()]
    assert torch.cat([part.flatten() for part in moved]).norm() == pytest.approx(0.01, rel=1e-3)


def test_dropout_of_a_step_depends_on_seed_and_step_alone(make_run):
    outcomes = []
    for disturb in (False, True):
        run, batches = make_run(Tiny(dropout=0.5))
        load_same_start(run)
        for number, batch in enumerate(batches):
            if disturb and number:
                torch.rand(number)
            outcomes.append(train_step(run, batch, ALONE).parts)
    assert outcomes[: len(batches)] == outcomes[len(batches) :]


def load_same_start(run: TrainingRun) -> None:
    with torch.no_grad():
        for number, value in enumerate(model_of(run).parameters()):
            if value.requires_grad:
                value.copy_(torch.linspace(-1, 1, value.numel()).reshape(value.shape) + number)


def test_models_that_draw_from_numpy_or_python_are_repeated_too(make_run):
    drawn = []

    class Drawing(Tiny):
        def forward(self, x):
            drawn.append((np.random.rand(), random.random()))
            return super().forward(x)

    for _ in range(2):
        run, batches = make_run(Drawing())
        np.random.rand(3)
        for batch in batches[:2]:
            train_step(run, batch, ALONE)
    assert drawn[:2] == drawn[2:]
    assert drawn[0] != drawn[1]


def broken_on(name: str, how: str):
    """A Tiny whose loss, or only whose gradient, is NaN where utterance `name` is in the batch."""

    class Broken(Tiny):
        takes_batch = True

        def forward(self, batch):
            output = super().forward(batch.inputs)
            if name not in batch.names:
                return output
            zero = (self.back.bias * 0).sum()
            return output * math.nan if how == "loss" else output + zero.sqrt()

    return Broken


@pytest.mark.parametrize("how", ["loss", "gradient"])
def test_what_is_not_finite_changes_no_weight_is_told_by_utterance_and_passed_over(make_run, how, capsys):
    run, batches = make_run(broken_on("d", how)(), grad_clip_norm=1.0)
    train_step(run, batches[0], ALONE)
    before, moments = weights(model_of(run)), str(run.players[0].optimizer.optimizer.state_dict())
    train_step(run, batches[1], ALONE)
    assert is_same(weights(model_of(run)), before)
    assert str(run.players[0].optimizer.optimizer.state_dict()) == moments
    assert (run.position.samples, run.step, run.bad_steps) == (4, 2, 1)
    told = capsys.readouterr().err
    assert how in told and "is nan on 2,c,0,12,0, 3,d,0,12,0: step 1 is left out; 3 in a row would end" in told
    train_step(run, batches[2], ALONE)
    assert run.bad_steps == 0 and not is_same(weights(model_of(run)), before)


@pytest.mark.parametrize("how", ["loss", "gradient"])
def test_one_bad_minibatch_spoils_its_whole_group_and_no_other(make_run, how):
    run, batches = make_run(broken_on("d", how)())
    before = weights(model_of(run))
    train_step(run, batches[1], Group(2, False))
    train_step(run, batches[0], Group(2, True))
    assert is_same(weights(model_of(run)), before) and run.position.samples == 4
    train_step(run, batches[2], ALONE)
    assert not is_same(weights(model_of(run)), before)


@pytest.mark.parametrize("how", ["loss", "gradient"])
def test_the_third_bad_step_in_a_row_ends_the_run_and_keeps_the_last_good_state(bench, how):
    def train(**options):
        with pytest.raises(NonFiniteLossError, match="number 3 in a row; nothing was updated with them") as end:
            bench.train("run", broken_on("a", how), loader={"batch_size": 7}, epochs=9, **options)
        assert end.value.exit_code == 3

    train()
    states = sorted(path.name for path in (bench.runs / "run").glob("epoch_*.pt"))
    assert states == ["epoch_000.pt", "epoch_001.pt"]
    assert all(value.isfinite().all() for value in bench.state("run/epoch_001.pt")["state_dict"].values())
    train(checkpoint="run/epoch_000.pt")  # taken up after the first bad step, it ends at the same one
    assert sorted(path.name for path in (bench.runs / "run").glob("epoch_*.pt")) == states


@pytest.mark.parametrize("how", ["loss", "gradient"])
def test_a_step_left_out_leaves_no_trace_in_running_statistics(make_run, how):
    class Normed(broken_on("d", how)):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(2)

        def forward(self, batch):
            spoilt = math.nan if "d" in batch.names else 1.0
            self.norm(batch.inputs.flatten(0, 1) * spoilt)
            return super().forward(batch)

    run, batches = make_run(Normed())
    train_step(run, batches[0], ALONE)
    before = [buffer.clone() for buffer in model_of(run).buffers()]
    train_step(run, batches[1], ALONE)
    assert run.bad_steps == 1
    assert all(torch.equal(value, buffer) for value, buffer in zip(before, model_of(run).buffers(), strict=True))


def test_a_run_whose_validation_is_never_finite_says_that_it_kept_no_model(bench, capsys):
    bench.train("run", broken_on("y", "loss"), epochs=1)
    assert "no epoch had a finite validation loss" in capsys.readouterr().err
    assert not (bench.runs / "run/trained_model.pt").exists()


def test_losses_of_steps_left_out_do_not_count(bench):
    bench.train("run", broken_on("g", "loss"), loader={"shuffle": False}, epochs=1)
    record = bench.state("run/epoch_000.pt")["train_log"]["epochs"][0]
    assert math.isfinite(record["sums"][0]) and record["weight"] == 6 * FRAMES


def test_nan_in_validation_is_never_the_best(bench):
    bench.train("run", broken_on("y", "loss"), epochs=2)
    state = bench.state("run/epoch_001.pt")
    assert all(math.isnan(record["sums"][0]) for record in state["val_log"]["epochs"].values())
    assert not (bench.runs / "run" / "trained_model.pt").exists()


class Frozen(Tiny):
    """Batch normalisation that counts, beside a part that the recipe keeps in evaluation mode."""

    def __init__(self):
        super().__init__(dropout=0.3)
        self.norm = nn.BatchNorm1d(5)
        self.fixed = nn.Dropout(0.9).eval()

    def forward(self, x):
        hidden = torch.tanh(self.front(x))
        return self.back(self.fixed(self.norm(hidden.transpose(1, 2)).transpose(1, 2)))


@pytest.mark.parametrize("in_eval_mode", [False, True])
def test_validation_changes_neither_modes_nor_statistics_nor_the_training_to_come(bench, in_eval_mode):
    options = {"eval_mode_for_validation": in_eval_mode, "epochs": 2}
    with_val = bench.train("with", Frozen, **options)
    assert with_val.training and with_val.norm.training and not with_val.fixed.training
    longer = bench.train("short", Frozen, minibatch_num_val=1, **options)
    without = bench.train("without", Frozen, validation=False, **options)
    assert is_same(weights(with_val), weights(without))
    assert is_same(weights(with_val), weights(longer))


def test_evaluating_after_every_step_changes_nothing_in_the_weights(bench, make_run):
    def train(step) -> TrainingRun:
        torch.manual_seed(7)
        run, _ = make_run(Frozen(), epochs=2, size_accumulate_grad=2)
        train_epochs(run, load_data(bench.data, TRAINING, shuffle=True), None, step, validation_step)
        return run

    def step_and_evaluate(run, batch, group):
        losses = train_step(run, batch, group)
        validate(run, val_data, validation_step, StopRequest(), monitor)
        return losses

    val_data, monitor = load_data(bench.data, VALIDATION), Monitor()
    never, always = train(train_step), train(step_and_evaluate)
    assert len(monitor.epochs) == 2
    assert is_same(weights(model_of(never)), weights(model_of(always)))
    assert (never.position, never.step) == (always.position, always.step)


def test_validation_sees_the_same_losses_whenever_it_is_done(bench):
    bench.train("run", epochs=3, lr=1e-30)
    log = bench.state("run/epoch_002.pt")["val_log"]["epochs"]
    bench.train("eval", epochs=3, lr=1e-30, eval_mode_for_validation=True)
    fixed = bench.state("eval/epoch_002.pt")["val_log"]["epochs"]
    assert len({record["sums"][0] for record in log.values()}) == 3  # dropout of its own in each epoch
    assert len({record["sums"][0] for record in fixed.values()}) == 1


def test_training_stops_when_no_epoch_was_better_for_long_enough(bench, capsys):
    bench.train("run", lambda: Tiny(0.0), epochs=30, lr=1e-30, no_best_epochs=3)
    assert "Training finished by early stopping" in capsys.readouterr().out
    assert sorted(path.name for path in (bench.runs / "run").glob("epoch_*")) == [f"epoch_00{n}.pt" for n in range(4)]
    assert bench.state("run/epoch_003.pt")["position"]["epoch"] == 4


def test_the_best_weights_are_kept_and_not_the_last(bench):
    bench.train("run", lambda: Tiny(0.0), epochs=2, lr=1.5, optimizer="SGD", grad_clip_norm=20.0)
    losses = [record["sums"][0] for record in bench.state("run/epoch_001.pt")["val_log"]["epochs"].values()]
    best = min(range(2), key=losses.__getitem__)
    assert is_same(bench.state("run/trained_model.pt"), bench.state(f"run/epoch_00{best}.pt")["state_dict"])


def test_nothing_is_saved_when_told_so(bench):
    bench.train("run", epochs=1, not_save_anything=True, save_model_every_n_minibatches=1)
    assert list((bench.runs / "run").iterdir()) == []
    bench.train("lite", epochs=1, not_save_each_epoch=True)
    assert sorted(path.name for path in (bench.runs / "lite").iterdir()) == [
        "metrics.csv", "trained_model.pt", "trained_model.pt.sha256"]


def test_a_limit_of_minibatches_counts_in_the_position_too(bench):
    bench.train("run", epochs=1, minibatch_num_train=2, save_model_every_n_minibatches=2)
    state = bench.state("run/epoch_000_00000002.pt")
    assert DataPosition.from_dict(state["position"]).samples == 4
    assert state["train_log"]["epochs"][0]["weight"] == 4 * FRAMES
