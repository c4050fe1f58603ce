"""Hooks that recipes declare on ModelBase: when they come, and that nothing has to define them."""
import torch
from torch import nn
from training_tools import BATCHES, Tiny

from core_scripts.nn_manager.model_base import ModelBase, adapt_model


class Hooked(Tiny):
    """Writes down its hooks; `before_training` shifts a weight, `schedule` decides on the dropout."""

    def __init__(self) -> None:
        super().__init__(0.0)
        self.words: list[str] = []

    def before_training(self, data):
        self.words.append(f"start on {data.get_seq_num()}")
        with torch.no_grad():
            self.back.bias.fill_(7.0)

    def schedule(self, step):
        self.words.append(f"schedule {step}")
        self.dropout = min(0.5, step / 100)


def test_a_new_run_is_prepared_once_and_every_step_scheduled(bench):
    model = bench.train("run", Hooked, epochs=1, polyak=0.5)
    assert model.words == ["start on 7", *(f"schedule {step}" for step in range(BATCHES))]


def test_what_a_model_prepares_is_where_its_average_begins(bench):
    bench.train("run", Hooked, epochs=1, minibatch_num_train=1, polyak=0.5, lr=1e-6)
    assert abs(bench.state("run/trained_model.pt")["back.bias"].item() - 7.0) < 1e-3


def test_a_run_that_goes_on_is_not_prepared_again_and_its_schedule_goes_on(bench):
    bench.train("run", Hooked, epochs=1)
    model = bench.train("run", Hooked, epochs=2, checkpoint="run/epoch_000.pt")
    assert model.words == [f"schedule {step}" for step in range(BATCHES, 2 * BATCHES)]


def test_models_without_hooks_are_adapted_to_hooks_that_do_nothing():
    class Upstream(nn.Module):
        def prepare_mean_std(self):
            pass

        normalize_input = normalize_target = denormalize_output = prepare_mean_std

    hooks = adapt_model(Upstream())
    assert hooks.before_training(None) is None and hooks.schedule(3) is None
    base = ModelBase(1, 1, None, None)
    assert base.predict_codes(None) is None and base.score(None, None, None) is None
    assert base.describe_geometry(None) == {}
