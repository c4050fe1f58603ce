"""Codebooks under the managers: resumed runs end with the same bits, averages hold them, validation leaves them."""
import pytest
import torch
from torch import nn
from training_tools import is_same, same_state

from core_scripts.checkpoint.store import list_checkpoints, read_checkpoint
from core_scripts.nn_manager.model_base import ModelBase
from sandbox.block_bottleneck import Bottleneck
from sandbox.block_jitter import Jitter
from sandbox.config_bottleneck import BottleneckConfig

SHAPES = {
    "vq-ema": ("vq-ema", {}),
    "vq": ("vq", {"eval_mode_for_validation": True}),
    "average": ("vq-ema", {"polyak": 0.9, "size_accumulate_grad": 2}),
    "vae": ("vae", {}),
}


def make_model(kind):
    """A tiny autoencoder whose codes die and restart at nearly every step."""

    class Quantised(ModelBase):
        def __init__(self):
            super().__init__(2, 1, None, None)
            config = BottleneckConfig(kind=kind, in_channels=8, dim=4, codes=8, restart_below=0.6, decay=0.5)
            self.encoder, self.bottleneck, self.decoder = nn.Linear(2, 8), Bottleneck(config), nn.Linear(4, 1)
            self.jitter = Jitter(0.3)
            self.validated = []

        def other_setups(self):
            self.bottleneck.start(self.encoder(torch.linspace(-1, 1, 80).view(40, 2)), seed=1)

        def forward(self, x):
            z, out = self.bottleneck(self.encoder(x))
            if self.flag_validation and kind != "vae":
                self.validated.append(self.bottleneck.core.codebook.clone())
            return [self.decoder(self.jitter(z)), out.loss]

    return Quantised


class WithExtra:
    def compute(self, output, target):
        return nn.functional.mse_loss(output[0], target) + output[1]


@pytest.mark.parametrize("shape", list(SHAPES))
def test_a_run_resumed_from_any_step_ends_with_the_same_bits(bench, shape):
    kind, options = SHAPES[shape]
    options = {"epochs": 2, "loss": WithExtra(), "save_model_every_n_minibatches": 1, **options}
    model = bench.train("whole", make_model(kind), **options)
    if kind != "vae":
        assert int(model.bottleneck.core.restarts) > 5
    last = bench.state("whole/epoch_001.pt")
    for path in list_checkpoints(bench.runs / "whole", "epoch", ".pt")[:-1]:
        bench.train(path.stem, make_model(kind), checkpoint=read_checkpoint(path), seed=99, **options)
        ended = bench.runs / path.stem / "epoch_001.pt"
        if ended.exists():
            assert same_state(read_checkpoint(ended), last), path.name


def test_validation_in_training_mode_leaves_the_codebook_as_it_was(bench):
    with_validation = bench.train("with", make_model("vq-ema"), loss=WithExtra())
    without = bench.train("without", make_model("vq-ema"), loss=WithExtra(), validation=False)
    assert is_same(with_validation.state_dict(), without.state_dict())
    assert len(with_validation.validated) == 6  # two batches after each of three epochs
    first, second = with_validation.validated[:2]
    assert torch.equal(first, second)


def test_averaged_weights_hold_the_average_of_the_codebook(bench):
    bench.train("run", make_model("vq-ema"), loss=WithExtra(), polyak=0.5)
    state = bench.state("run/epoch_002.pt")
    own, average = (state[key]["bottleneck.core.codebook"] for key in ("state_dict", "averaged"))
    assert own.shape == average.shape and 0 < (own - average).abs().max() < 3
