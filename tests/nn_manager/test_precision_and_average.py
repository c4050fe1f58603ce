"""--amp, --polyak, and the line about waiting for data."""
import re

import pytest
import torch
from training_tools import Tiny, is_same, weights

from core_scripts.errors import ConfigError
from core_scripts.nn_manager.averaging import WeightAverage
from core_scripts.nn_manager.nn_manager_tools import TimedItems


class Noting(Tiny):
    """Remembers the types of what it computes."""

    def __init__(self):
        super().__init__(0.0)
        self.inner = set()

    def forward(self, x):
        self.inner.add(self.front(x).dtype)
        return super().forward(x)


class NotingSquares:
    """Mean squared error that remembers the type of the output it sees."""

    def __init__(self):
        self.seen = set()

    def compute(self, output, target):
        self.seen.add(output.dtype)
        return torch.nn.functional.mse_loss(output, target)


@pytest.mark.parametrize(("amp", "inner"), [("none", torch.float32), ("bf16", torch.bfloat16)])
def test_autocast_trains_with_products_in_bfloat16_and_losses_in_float32(bench, amp, inner):
    loss = NotingSquares()
    model = bench.train("run", Noting, loss=loss, amp=amp, epochs=8)
    assert (model.inner, loss.seen) == ({inner}, {torch.float32})
    assert all(value.dtype == torch.float32 and value.isfinite().all() for value in model.parameters())
    records = bench.state("run/epoch_007.pt")["train_log"]["epochs"]
    first, last = (records[epoch]["sums"][0] / records[epoch]["weight"] for epoch in (0, 7))
    assert last < 0.7 * first


def test_a_run_in_bfloat16_says_so(bench, capsys):
    bench.train("run", epochs=1, amp="bf16")
    assert "bfloat16 (--amp bf16); weights and losses in float32" in capsys.readouterr().out


@pytest.mark.parametrize("workers", [0, 1])
def test_each_epoch_says_how_long_its_steps_waited_for_data(bench, capsys, workers):
    bench.train("run", epochs=2, verbose=1, loader={"num_workers": workers})
    told = capsys.readouterr().err
    assert len(re.findall(r"train epoch [01]: waited \d+\.\d s of \d+\.\d s for data \(\d+%\)", told)) == 2


def test_waiting_is_the_time_of_the_source_and_not_of_the_consumer(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])

    def source():
        for item in range(3):
            now[0] += 2.0
            yield item

    items = TimedItems(source())
    for _ in items:
        now[0] += 8.0
    assert items.waited == 6.0
    assert items.describe_waiting() == "waited 6.0 s of 30.0 s for data (20%); more --num-workers may help"


def test_the_average_moves_by_its_decay_and_faster_at_first():
    module = torch.nn.Linear(1, 1, bias=False)
    module.weight.data.fill_(0.0)
    average = WeightAverage(module, 0.9)
    module.weight.data.fill_(1.0)
    average.update(0)
    assert average.weights["weight"].item() == pytest.approx(0.9)
    average = WeightAverage(module, 0.9)
    module.weight.data.fill_(2.0)
    average.update(1000)
    assert average.weights["weight"].item() == pytest.approx(1.1)


def test_a_step_of_the_average_asks_for_no_state_dict_and_follows_buffers_that_are_replaced():
    class Counting(Tiny):
        asked = 0

        def __init__(self):
            super().__init__()
            self.register_buffer("mean", torch.zeros(2))
            self.register_buffer("steps", torch.tensor(0))

        def get_extra_state(self):
            Counting.asked += 1
            return super().get_extra_state()

    module = Counting()
    average = WeightAverage(module, 0.5)
    begun = Counting.asked
    module.mean, module.steps = torch.ones(2), torch.tensor(7)
    average.update(1000)
    assert begun == Counting.asked
    assert average.weights["mean"].tolist() == [0.5, 0.5] and average.weights["steps"].item() == 7
    assert average.weights.keys() == module.state_dict().keys()


def test_averaged_weights_are_validated_and_kept_and_the_raw_ones_trained_on(bench, capsys):
    plain = bench.train("plain", epochs=3)
    model = bench.train("averaged", epochs=3, polyak=0.9)
    assert is_same(weights(model), weights(plain))
    state = bench.state("averaged/epoch_002.pt")
    assert is_same(state["state_dict"], weights(plain))
    assert not is_same(state["averaged"], state["state_dict"])
    best = [epoch for epoch in range(3) if is_same(bench.state(f"averaged/epoch_{epoch:03d}.pt")["averaged"],
                                                   bench.state("averaged/trained_model.pt"))]
    assert len(best) == 1
    told = capsys.readouterr()
    raw = re.findall(r"valid epoch 2: loss (\S+) of averaged weights, (\S+) of raw ones", told.err)
    plain_record = bench.state("plain/epoch_002.pt")["val_log"]["epochs"][2]
    assert float(raw[0][1]) == pytest.approx(plain_record["sums"][0] / plain_record["weight"], abs=1e-4)
    assert raw[0][0] != raw[0][1]


def test_an_average_that_would_never_move_is_refused(bench):
    with pytest.raises(ConfigError, match="--polyak 1 would never move; take a number below 1"):
        bench.train("run", polyak=1.0)


def test_a_run_goes_on_with_an_average_that_begins_later(bench):
    bench.train("run", epochs=1)
    bench.train("later", epochs=2, polyak=0.5, checkpoint="run/epoch_000.pt")
    assert bench.state("later/epoch_001.pt")["averaged"].keys() == bench.state("run/epoch_000.pt")["state_dict"].keys()
