"""Losses per epoch, the best one, early stopping, the table."""
import io
import math
from argparse import Namespace

import pytest
import torch

from core_scripts.errors import ConfigError
from core_scripts.op_manager.op_manager import OptimizerWrapper
from core_scripts.op_manager.op_process_monitor import Monitor, format_row, table_header

NAN, INF = math.nan, math.inf


def watch(losses: list[float], flags: tuple[bool, ...] = (True,)) -> Monitor:
    monitor = Monitor()
    for epoch, loss in enumerate(losses):
        monitor.start_epoch(epoch)
        monitor.add([loss] * len(flags), flags, 10, 1.5)
    return monitor


def make_optimizer(no_best_epochs: int, **options) -> OptimizerWrapper:
    return OptimizerWrapper(torch.nn.Linear(1, 1), Namespace(no_best_epochs=no_best_epochs, **options))


def reload(monitor: Monitor) -> Monitor:
    file = io.BytesIO()
    torch.save(monitor.state_dict(), file)
    file.seek(0)
    again = Monitor()
    again.load_state_dict(torch.load(file, weights_only=True))
    return again


def test_the_epoch_loss_is_the_mean_per_sample_not_per_minibatch():
    monitor = Monitor()
    monitor.start_epoch(0)
    monitor.add([1.0], [True], 300, 0.5)
    monitor.add([5.0], [True], 100, 0.25)
    assert monitor.losses(0) == (2.0,)
    assert monitor.seconds(0) == 0.75


def test_items_without_a_length_still_count():
    monitor = Monitor()
    monitor.start_epoch(0)
    monitor.add([3.0], [True], 0, 0.0)
    assert monitor.losses(0) == (3.0,)


def test_only_flagged_losses_choose_the_best():
    monitor = Monitor()
    for epoch, losses in enumerate([(1.0, 9.0), (2.0, 1.0)]):
        monitor.start_epoch(epoch)
        monitor.add(losses, (True, False), 1, 0.0)
    assert monitor.flagged_loss(0) == 1.0
    assert monitor.best_epoch == 0


@pytest.mark.parametrize(("losses", "best"), [
    ([], -1), ([2.0], 0), ([2.0, 1.0, 3.0], 1), ([1.0, 1.0], 0), ([NAN, 5.0, 6.0], 1), ([NAN, NAN], -1),
    ([3.0, NAN, 2.0], 2), ([INF, 4.0], 1), ([-INF, 4.0], 1),
])
def test_best_is_strictly_lower_and_finite(losses, best):
    monitor = watch(losses)
    assert monitor.best_epoch == best
    assert [monitor.is_best(epoch) for epoch in range(len(losses))] == [epoch == best for epoch in range(len(losses))]


@pytest.mark.parametrize(("losses", "patience", "stops"), [
    ([1.0, 2.0, 2.0], 3, False), ([1.0, 2.0, 2.0, 2.0], 3, True), ([1.0, 2.0, 2.0, 0.5], 3, False),
    ([NAN, NAN], 3, False), ([NAN, NAN, NAN], 3, True), ([1.0, 2.0], 0, False), ([1.0] * 9, -1, False),
])
def test_training_stops_when_the_best_epoch_is_patience_epochs_back(losses, patience, stops):
    assert watch(losses).should_stop(make_optimizer(patience)) is stops


def test_the_schedule_may_forbid_to_stop():
    monitor = watch([1.0] * 9)
    assert monitor.should_stop(make_optimizer(2, lr_decay_factor=0.5, lr_scheduler_type=1))
    assert not monitor.should_stop(make_optimizer(2, lr_decay_factor=0.5, lr_scheduler_type=0))


def test_the_record_survives_a_file_at_any_place_of_an_epoch():
    whole = Monitor()
    part = Monitor()
    losses = [0.1, 0.7, 0.30001, 1e-9]
    for epoch in range(2):
        whole.start_epoch(epoch)
        part.start_epoch(epoch)
        for number, loss in enumerate(losses):
            whole.add([loss], [True], 7 + number, 0.1)
            part.add([loss], [True], 7 + number, 0.1)
            part = reload(part)
            part.start_epoch(epoch, fresh=False)
    assert part.state_dict() == whole.state_dict()


def test_a_fresh_start_of_an_epoch_forgets_its_first_part_and_what_came_later():
    monitor = watch([1.0, 2.0, 3.0])
    monitor.start_epoch(1)
    monitor.add([7.0], [True], 1, 0.0)
    assert (monitor.losses(0), monitor.losses(1), monitor.last_epoch) == ((1.0,), (7.0,), 1)


def test_epochs_not_gone_on_with_start_even_without_a_record():
    monitor = Monitor()
    monitor.start_epoch(4, fresh=False)
    monitor.add([7.0], [True], 1, 0.0)
    assert monitor.losses(4) == (7.0,)


def test_the_state_grows_with_epochs_not_with_data():
    monitor = Monitor()
    monitor.start_epoch(0)
    sizes = []
    for _ in range(100):
        monitor.add([1.0], [True], 1, 0.0)
        sizes.append(len(str(monitor.state_dict()["epochs"][0].keys())))
    assert len(set(sizes)) == 1 and len(monitor.state_dict()["epochs"]) == 1


def test_a_record_of_upstream_is_not_taken_over():
    monitor = Monitor()
    monitor.load_state_dict({"loss_mat": [[1.0]], "cur_epoch": 0})
    assert monitor.last_epoch == -1


def test_rows_look_as_in_the_contract():
    train, val = watch([0.12345]), watch([2.0])
    assert format_row(train, val, 0, True) == "      0 |          3.0 |       0.1235 |       2.0000 |   yes"
    assert format_row(train, val, 0, False, 5e-5) == (
        "      0 |          3.0 |       0.1235 |       2.0000 |    no LR -> 5.00e-05 ")
    assert format_row(train, None, 0, True) == "      0 |          1.5 |       0.1235 |            - |   yes"
    assert table_header().splitlines()[0] == "-" * 62
    assert table_header().splitlines()[1] == "  Epoch |  Duration(s) |   Train loss |     Dev loss |  Best"


def test_rows_of_several_losses_are_short():
    train = watch([0.5, 12.0], (True, True))
    assert format_row(train, train, 1, True) == "      1 |          3.0 |  12.00  12.00 |  12.00  12.00 |   yes"
    assert "0.5000 0.5000 | " in format_row(train, None, 0, True)


def test_a_change_in_the_number_of_losses_is_refused():
    monitor = watch([1.0])
    with pytest.raises(ConfigError, match="returned 2 losses after 1 in this epoch"):
        monitor.add([1.0, 2.0], [True, True], 1, 0.0)
