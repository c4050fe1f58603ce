"""Stored weights and optimizer statistics go into a model that they fit, and leave any other one as it is."""
from collections import OrderedDict

import pytest
import torch

from core_scripts.checkpoint.fitting import load_matching_weights, load_optimizer, load_weights
from core_scripts.checkpoint.store import write_checkpoint
from core_scripts.checkpoint.train_state import (
    is_full,
    read_weights,
    require_same_step,
    state_from_checkpoint,
    weights_of,
)
from core_scripts.errors import CheckpointError


def make_model(hidden: int = 4) -> torch.nn.Sequential:
    return torch.nn.Sequential(torch.nn.Linear(2, hidden), torch.nn.Linear(hidden, 1))


def weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in model.state_dict().items()}


def same(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def trained_optimizer(model: torch.nn.Module) -> torch.optim.Optimizer:
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(3, 2)).sum().backward()
    optimizer.step()
    return optimizer


def test_weights_that_fit_are_loaded_exactly():
    source, target = make_model(), make_model()
    load_weights(target, weights(source), "a.pt")
    assert same(weights(target), weights(source))


def test_every_difference_is_listed_and_the_model_unchanged():
    model = make_model()
    before = weights(model)
    foreign = weights(make_model())
    foreign["tail.weight"] = foreign.pop("1.weight")
    foreign["0.weight"] = torch.zeros(5, 2)
    with pytest.raises(CheckpointError, match=r"(?s)a\.pt does not fit this model \(3 differences\).*1\.weight: in the "
                       r"model only.*tail\.weight: in the checkpoint only.*0\.weight: \(5, 2\) in the checkpoint, "
                       r"\(4, 2\) in the model.*--allow-mismatched-pretrained-model"):
        load_weights(model, foreign, "a.pt")
    assert same(weights(model), before)


class Odd(torch.nn.Module):
    """A scalar, counters, and a mask that is infinite on purpose."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(1.0))
        self.register_buffer("count", torch.tensor([0]))
        self.register_buffer("mask", torch.full((2,), -torch.inf))


@pytest.mark.parametrize(("key", "value", "told"), [
    ("scale", torch.ones(1), r"scale: \(1,\) in the checkpoint, \(\) in the model"),
    ("scale", torch.tensor(1), r"scale: torch\.int64 in the checkpoint, torch\.float32 in the model"),
    ("count", torch.tensor([True]), r"count: torch\.bool in the checkpoint, torch\.int64 in the model"),
    ("count", torch.tensor([1j]), r"count: torch\.complex64 in the checkpoint"),
    ("mask", "a text", "mask: a str in the checkpoint"),
])
def test_values_that_torch_itself_would_convert_in_silence_are_refused(key, value, told):
    model = Odd()
    stored = weights(model) | {"scale": torch.tensor(5.0), key: value}
    with pytest.raises(CheckpointError, match=rf"(?s)a\.pt does not fit this model \(1 differences\).*{told}"):
        load_weights(model, stored, "a.pt")
    assert model.scale.item() == 1.0
    load_matching_weights(model, {key: value}, "a.pt")
    assert same(weights(model), weights(Odd()))


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_parameters_that_are_not_finite_are_named_and_masks_may_be_infinite(value):
    model = Odd()
    with pytest.raises(CheckpointError, match=r"a\.pt holds NaN or infinite values in scale; .* an earlier epoch"):
        load_weights(model, weights(model) | {"scale": torch.tensor(value)}, "a.pt")
    load_weights(model, weights(model) | {"scale": torch.tensor(2.0, dtype=torch.bfloat16)}, "a.pt")
    assert model.scale.item() == 2.0 and model.scale.dtype == torch.float32


def test_a_long_list_of_differences_is_cut():
    with pytest.raises(CheckpointError, match=r"(?s)\(34 differences\).*and 22 more"):
        load_weights(make_model(), {f"w{number}": torch.zeros(1) for number in range(30)}, "a.pt")


def test_only_what_fits_is_taken_when_asked_and_the_rest_is_named(capsys):
    model, source = make_model(4), weights(make_model(6))
    before = weights(model)
    load_matching_weights(model, source, "a.pt")
    after = weights(model)
    assert torch.equal(after["1.bias"], source["1.bias"])
    assert torch.equal(after["0.weight"], before["0.weight"])
    told = capsys.readouterr()
    assert "1 of 4 weights loaded, 3 of its left out" in told.out
    assert "left out 0.weight (6, 2)" in told.err


def test_optimizer_statistics_of_the_same_model_are_loaded():
    source = make_model()
    stored = trained_optimizer(source).state_dict()
    optimizer = torch.optim.Adam(make_model().parameters())
    load_optimizer(optimizer, stored, "a.pt")
    assert torch.equal(optimizer.state_dict()["state"][0]["exp_avg"], stored["state"][0]["exp_avg"])


@pytest.mark.parametrize(("model", "told"), [
    (make_model(6), r"exp_avg of parameter 0: \(4, 2\), the parameter is \(6, 2\)"),
    (torch.nn.Linear(2, 4), r"4 parameters in the file, 2 in the model"),
])
def test_optimizer_statistics_of_another_model_are_refused_and_nothing_is_taken(model, told):
    stored = trained_optimizer(make_model()).state_dict()
    optimizer = torch.optim.Adam(model.parameters())
    with pytest.raises(CheckpointError, match=rf"a\.pt do not fit: {told}.*--ignore-optimizer-statistics"):
        load_optimizer(optimizer, stored, "a.pt")
    assert optimizer.state_dict()["state"] == {}


def test_a_plain_dict_with_weights_is_a_full_state_and_an_ordered_dict_is_weights():
    bare = OrderedDict(w=torch.ones(1))
    assert is_full({"state_dict": bare, "optimizer": {}})
    assert not is_full(bare)
    assert not is_full(OrderedDict(state_dict=torch.ones(1)))
    assert weights_of({"state_dict": bare}) == weights_of(bare) == dict(bare)


def test_the_prefix_of_data_parallel_models_is_removed_only_where_all_carry_it(tmp_path):
    parallel = OrderedDict({"module.a": torch.zeros(1), "module.b": torch.ones(1)})
    write_checkpoint(tmp_path / "w.pt", parallel)
    assert list(read_weights(tmp_path / "w.pt")) == ["a", "b"]
    mixed = OrderedDict({"module.a": torch.zeros(1), "modulation.b": torch.ones(1)})
    assert list(weights_of(mixed)) == list(mixed)
    assert weights_of(OrderedDict()) == {}


def test_a_state_of_a_newer_format_asks_for_an_upgrade():
    with pytest.raises(CheckpointError, match="has format 99, this version reads up to 2; upgrade"):
        state_from_checkpoint({"state_dict": {}, "optimizer": {}, "format": 99})


def test_a_state_without_optimizer_is_told_to_be_no_full_checkpoint():
    with pytest.raises(CheckpointError, match="not a full checkpoint: optimizer absent; use it with --init-from"):
        state_from_checkpoint({"state_dict": {}})


def test_states_of_two_models_must_be_of_one_moment():
    one, other, bare = ({"state_dict": {}, "step": 3}, {"state_dict": {}, "step": 4}, OrderedDict(w=torch.ones(1)))
    for together in ((one, one), (one, None), (None, None), (one, bare), (one, {"state_dict": {}})):
        require_same_step(together)
    with pytest.raises(CheckpointError, match="are of steps 3 and 4, not of one moment; take two of the same number"):
        require_same_step((one, other))


def test_upstream_states_with_keys_of_their_own_are_read():
    state = state_from_checkpoint({"state_dict": {}, "optimizer": {}, "info": "", "shuffled": [1]})
    assert state.step == 0 and state.position == {}


@pytest.mark.parametrize(("stored", "own"), [(torch.optim.Adam, torch.optim.SGD), (torch.optim.SGD, torch.optim.AdamW),
                                             (torch.optim.AdamW, torch.optim.Adam)])
def test_statistics_of_another_optimizer_are_refused(stored, own):
    model = torch.nn.Linear(2, 2)
    optimizer = own(model.parameters(), lr=0.1)
    told = f"they are of {stored.__name__}, this run uses {own.__name__}; --ignore-optimizer-statistics"
    with pytest.raises(CheckpointError, match=told):
        load_optimizer(optimizer, stored(model.parameters(), lr=0.1).state_dict(), "the checkpoint")
