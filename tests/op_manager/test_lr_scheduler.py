"""The course of the learning rate."""
import io
import math
from argparse import Namespace

import pytest
import torch

from core_scripts.errors import ConfigError
from core_scripts.op_manager.op_manager import OptimizerWrapper

FALLING = [1.0 / (epoch + 1) for epoch in range(8)]
FLAT = [1.0] * 8


def make_wrapper(kind: int, factor: float = 0.5, **options) -> OptimizerWrapper:
    base = {"lr": 1.0, "epochs": 8, "lr_patience": 2, "lr_steplr_size": 3}
    settings = Namespace(**{**base, "lr_scheduler_type": kind, "lr_decay_factor": factor, **options})
    wrapper = OptimizerWrapper(torch.nn.Linear(1, 1), settings)
    wrapper.optimizer.step()  # torch warns of a schedule that moves before its optimizer does
    return wrapper


def run_epochs(wrapper: OptimizerWrapper, losses: list[float]) -> list[float]:
    rates = []
    for loss in losses:
        wrapper.lr_scheduler.step(loss)
        rates.append(wrapper.lr_scheduler.rate)
    return rates


@pytest.mark.parametrize(("kind", "losses", "rates"), [
    (0, FALLING, [1.0] * 8),
    (0, FLAT, [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25]),
    (1, FLAT, [1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]),
    (2, FLAT, [0.5**epoch for epoch in range(1, 9)]),
    (3, FLAT, [0.5, 1.0] * 4),
    (4, FLAT, [0.5 * (1 + math.cos(math.pi * epoch / 8)) for epoch in range(1, 9)]),
])
def test_rates_follow_the_schedule(kind, losses, rates):
    assert run_epochs(make_wrapper(kind), losses) == pytest.approx(rates, abs=1e-12)


def test_nothing_moves_unless_a_factor_is_given():
    wrapper = make_wrapper(0, factor=-1.0)
    assert run_epochs(wrapper, FLAT) == [1.0] * 8
    assert wrapper.lr_scheduler.state_dict() == {}


def test_step_tells_a_new_rate_and_nothing_else():
    scheduler = make_wrapper(1, lr_steplr_size=2).lr_scheduler
    assert [scheduler.step(1.0) for _ in range(4)] == [None, 0.5, None, 0.25]


def test_a_loss_that_is_not_finite_counts_as_no_progress():
    assert run_epochs(make_wrapper(0), [1.0, math.nan, math.nan, math.nan])[-1] == 0.5


@pytest.mark.parametrize("kind", range(5))
@pytest.mark.parametrize("stop", [0, 3, 7])
def test_a_resumed_schedule_goes_on_as_if_never_stopped(kind, stop):
    whole = run_epochs(make_wrapper(kind), FLAT)
    first = make_wrapper(kind)
    run_epochs(first, FLAT[:stop])
    file = io.BytesIO()
    torch.save({"s": first.lr_scheduler.state_dict(), "o": first.optimizer.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    second = make_wrapper(kind)
    second.optimizer.load_state_dict(saved["o"])
    second.lr_scheduler.load_state_dict(saved["s"])
    assert run_epochs(second, FLAT[stop:]) == whole[stop:]


def test_settings_of_now_go_before_those_of_the_checkpoint():
    first = make_wrapper(0, lr_patience=100)
    run_epochs(first, [1.0])
    second = make_wrapper(0, lr_patience=0)
    second.lr_scheduler.load_state_dict(first.lr_scheduler.state_dict())
    assert run_epochs(second, [1.0]) == [0.5]


def test_a_state_as_upstream_saves_it_is_read():
    state = torch.optim.lr_scheduler.ReduceLROnPlateau(torch.optim.SGD([torch.zeros(1)])).state_dict()
    scheduler = make_wrapper(0).lr_scheduler
    scheduler.load_state_dict({**state, "num_bad_epochs": 2, "best": 0.5})
    assert scheduler.step(1.0) == 0.5


def test_the_state_of_another_schedule_is_left_out_and_said_so(capsys):
    second = make_wrapper(2)
    second.lr_scheduler.load_state_dict(make_wrapper(1).lr_scheduler.state_dict())
    assert "the checkpoint has schedule 1, this run 2" in capsys.readouterr().err
    assert run_epochs(second, [1.0]) == [0.5]


@pytest.mark.parametrize(("kind", "allowed"), [(0, False), (1, True), (2, True), (3, False), (4, False)])
def test_early_stop_is_off_for_schedules_that_must_run_their_course(kind, allowed):
    assert make_wrapper(kind).lr_scheduler.allows_early_stop is allowed
    assert make_wrapper(kind, factor=-1.0).lr_scheduler.allows_early_stop is True


def test_a_type_without_a_factor_warns(capsys):
    make_wrapper(1, factor=-1.0)
    assert "--lr-scheduler-type 1 has no effect without --lr-decay-factor" in capsys.readouterr().err


@pytest.mark.parametrize(("kind", "options", "text"), [
    (5, {}, "--lr-scheduler-type 5: there are 0 plateau"), (-1, {}, "--lr-scheduler-type -1"),
    (0, {"lr_decay_factor": 1.0}, "needs a factor below 1"), (1, {"lr_steplr_size": 0}, "--lr-steplr-size 0"),
    (3, {"lr_patience": 0}, "--lr-patience 0: must be at least 1"),
])
def test_settings_out_of_range_are_refused(kind, options, text):
    with pytest.raises(ConfigError, match=text):
        make_wrapper(kind, **options)
