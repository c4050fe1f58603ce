"""The optimizer as the options want it."""
from argparse import Namespace

import pytest
import torch

from core_scripts.errors import ConfigError
from core_scripts.op_manager.op_manager import OptimizerWrapper


def make_wrapper(**options) -> OptimizerWrapper:
    return OptimizerWrapper(torch.nn.Linear(2, 1), Namespace(**options))


@pytest.mark.parametrize("name", ["Adam", "AdamW", "SGD"])
def test_each_optimizer_lowers_the_loss(name):
    torch.manual_seed(1)
    model = torch.nn.Linear(2, 1)
    wrapper = OptimizerWrapper(model, Namespace(optimizer=name, lr=0.05))
    losses = []
    for _ in range(20):
        wrapper.optimizer.zero_grad()
        loss = (model(torch.eye(2)) - 1).square().mean()
        loss.backward()
        wrapper.optimizer.step()
        losses.append(loss.item())
    assert type(wrapper.optimizer).__name__ == name
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("name", ["Adam", "AdamW", "SGD"])
@pytest.mark.parametrize(("penalty", "decay"), [(-1.0, 0.0), (0.0, 0.0), (0.1, 0.1)])
def test_weight_decay_is_the_penalty_and_else_none(name, penalty, decay):
    group = make_wrapper(optimizer=name, l2_penalty=penalty).optimizer.param_groups[0]
    assert group["weight_decay"] == decay


def test_frozen_parameters_are_counted_but_not_moved():
    model = torch.nn.Linear(2, 1)
    model.mean = torch.nn.Parameter(torch.ones(3), requires_grad=False)
    wrapper = OptimizerWrapper(model, Namespace(optimizer="AdamW", l2_penalty=0.5, lr=1.0))
    model(torch.ones(1, 2)).sum().backward()
    wrapper.optimizer.step()
    assert len(wrapper.optimizer.state_dict()["param_groups"][0]["params"]) == 3
    assert torch.equal(model.mean.detach(), torch.ones(3))


def test_attributes_and_methods_of_the_contract():
    wrapper = make_wrapper(lr=0.5, epochs=7, no_best_epochs=3, grad_clip_norm=1.0)
    assert (wrapper.lr, wrapper.epochs, wrapper.no_best_epochs, wrapper.grad_clip_norm) == (0.5, 7, 3, 1.0)
    assert (wrapper.get_epoch_num(), wrapper.get_no_best_epoch_num()) == (7, 3)
    assert wrapper.get_lr_info() == " LR -> 5.00e-01 "


def test_info_tells_the_settings(capsys):
    make_wrapper(optimizer="SGD", lr=0.5, grad_clip_norm=1.0, lr_decay_factor=0.5, lr_scheduler_type=1).print_info()
    assert capsys.readouterr().out.splitlines() == [
        "Optimizer SGD: learning rate 0.5, weight decay 0, gradient norm <= 1; schedule 1 (step)",
        "Epochs: 50, fewer after 5 without a new best one",
    ]


def test_unknown_optimizer_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match=r"--optimizer adamw: there are Adam, AdamW, SGD; did you mean AdamW"):
        make_wrapper(optimizer="adamw")


def test_a_rate_of_zero_is_refused():
    with pytest.raises(ConfigError, match="--lr 0: the learning rate must be above 0"):
        make_wrapper(lr=0.0)


def test_a_model_without_parameters_is_refused():
    with pytest.raises(ConfigError, match="no parameters"):
        OptimizerWrapper(torch.nn.ReLU(), Namespace())
