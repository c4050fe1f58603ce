"""In which forms models are called, which hooks they may have, and in which forms losses may come."""
import numpy as np
import pytest
import torch
from torch import nn
from training_tools import BATCHES, TRAINING, Squares, Tiny, is_same, load_data, weights

from core_scripts.config_parse.run_options import CallOptions
from core_scripts.errors import ConfigError
from core_scripts.nn_manager.model_base import ModelBase, adapt_loss, adapt_model
from core_scripts.nn_manager.nn_manager_tools import add_losses, call_model


class Calls(nn.Module):
    """Upstream's kind: no base class of ours; notes with what it is called."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.seen = []

    def prepare_mean_std(self, *_):
        return None

    def normalize_input(self, x):
        return x

    def normalize_target(self, y):
        return y / 2

    def denormalize_output(self, y):
        return y * 2

    def forward(self, *arguments):
        self.seen.append([type(argument).__name__ for argument in arguments])
        return arguments[0][..., :1] * self.scale


@pytest.mark.parametrize(("options", "kinds"), [
    ({}, ["Tensor"]),
    ({"model_forward_with_target": True}, ["Tensor", "Tensor"]),
    ({"model_forward_with_file_name": True}, ["Tensor", "tuple"]),
    ({"model_forward_with_target": True, "model_forward_with_file_name": True}, ["Tensor", "Tensor", "tuple"]),
])
def test_upstream_models_are_called_in_the_four_forms(bench, options, kinds):
    model = bench.train("run", Calls, epochs=1, **options)
    assert model.seen == [kinds] * (BATCHES + 2)


def test_a_model_may_take_the_batch_itself(bench):
    class Whole(Tiny):
        takes_batch = True

    batch = next(iter(load_data(bench.data, TRAINING).get_loader()))
    got = call_model(lambda *arguments: arguments, batch, adapt_model(Whole()), CallOptions(with_target=True))
    assert len(got) == 1 and got[0] is batch


def test_the_target_is_normalised_for_loss_compute_and_not_for_the_models_own_loss(bench):
    targets = []

    def note(output, target):
        targets.append(float(target.abs().max()))
        return (output**2).mean()

    class Own(Calls):
        def loss(self, output, target):
            return note(output, target)

    bench.train("run", Calls, loss=note, epochs=1, loader={"shuffle": False})
    bench.train("own", Own, loss=Squares(), epochs=1, loader={"shuffle": False})
    half = len(targets) // 2
    assert [value * 2 for value in targets[:half]] == targets[half:]


def test_several_losses_are_added_and_only_flagged_ones_choose_the_best(bench):
    class Two:
        """The first falls and is flagged or not; the second stays."""

        def __init__(self, *flags):
            self.flags = list(flags)

        def compute(self, output, target):
            return [[((output - target) ** 2).mean(), (output * 0).sum() + 3.0], self.flags]

    for flags, best in (((True, False), [True, True]), ((False, True), [True, False])):
        bench.train("run", lambda: Tiny(0.0), loss=Two(*flags), epochs=2, lr=0.01)
        state = bench.state("run/epoch_001.pt")
        assert [record["sums"][1] / record["weight"] for record in state["val_log"]["epochs"].values()] == [3.0, 3.0]
        assert [line.endswith("yes") for line in state["info"].split("\n")] == best


@pytest.mark.parametrize("result", [1.5, [torch.ones(1)], [[torch.ones(1)], [True, False]], None, [[], [], []]])
def test_a_loss_of_another_form_is_told(result):
    with pytest.raises(ConfigError, match=r"a loss must be a tensor or \[\[loss, \.\.\.\], \[flag, \.\.\.\]\]"):
        add_losses(result)


def test_a_loss_without_compute_is_told():
    with pytest.raises(ConfigError, match=r"int has no compute\(output, target\) and cannot be called either"):
        adapt_loss(3)


def test_a_model_without_the_mandatory_methods_is_told_all_of_them():
    with pytest.raises(ConfigError, match="Linear lacks prepare_mean_std, normalize_input, .*; derive it"):
        adapt_model(nn.Linear(1, 1))


def test_statistics_of_other_dims_are_refused():
    with pytest.raises(ConfigError, match=r"statistics have \(3,\) values, the config has 2 dimensions"):
        ModelBase(2, 1, None, None, [np.zeros(3), np.ones(3), np.zeros(1), np.ones(1)])


class Hooked(Tiny):
    """Fills its front in other_setups; the pre-trained part goes over that."""

    def __init__(self):
        super().__init__()
        self.happened = []

    def other_setups(self):
        self.happened.append("other_setups")
        nn.init.constant_(self.front.weight, 7.0)

    def forward(self, x):
        self.happened.append((self.g_epoch_idx, self.flag_validation, self.training, self.front.weight[0, 0].item()))
        return super().forward(x)


def test_hooks_are_called_in_their_order_and_told_the_epoch(bench):
    torch.save(nn.Linear(2, 5).state_dict(), bench.runs / "front.pt")
    part = float(torch.load(bench.runs / "front.pt")["weight"][0, 0])

    class Partly(Hooked):
        g_pretrained_model_path = (str(bench.runs / "front.pt"),)
        g_pretrained_model_prefix = ("front",)

    options = {"epochs": 2, "minibatch_num_train": 1, "minibatch_num_val": 1}
    model = bench.train("run", Partly, **options)
    first, *passes = model.happened
    assert first == "other_setups"
    assert passes[0] == (0, False, True, part)
    assert [entry[:3] for entry in passes] == [(0, False, True), (0, True, True), (1, False, True), (1, True, True)]
    assert not model.flag_validation


def test_neither_set_up_nor_pretrained_parts_come_over_what_was_trained_since(bench):
    torch.save(nn.Linear(2, 5).state_dict(), bench.runs / "front.pt")

    class Partly(Hooked):
        g_pretrained_model_path = (str(bench.runs / "front.pt"),)
        g_pretrained_model_prefix = ("front",)

    whole = bench.train("whole", Partly)
    again = bench.train("again", Partly, checkpoint="whole/epoch_000.pt")
    assert is_same(weights(again), weights(whole))
    assert again.happened[0] == "other_setups"
