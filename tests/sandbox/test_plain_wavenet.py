"""A WaveNet without frames, of any number of levels, with biases where most repositories have them."""
import warnings

import pytest
import torch

from core_scripts.errors import ConfigError
from core_scripts.generation.engine import GenerationOptions, generate
from core_scripts.geometry.span import Span
from sandbox.block_wavenet import WaveNet
from sandbox.config_wavenet import WaveNetConfig

NOTES = {"layers": 30, "dilation_cycle": 10, "cond_channels": 0, "input_bias": True, "plain_biases": True}
TOY = WaveNetConfig(residual_channels=50, gate_channels=6, skip_channels=50, post_channels=50, codes=10, **NOTES)
FULL = WaveNetConfig(residual_channels=32, gate_channels=32, skip_channels=512, post_channels=512, **NOTES)
TINY = WaveNetConfig(layers=6, dilation_cycle=3, residual_channels=8, gate_channels=6, skip_channels=10,
                     post_channels=10, codes=10, cond_channels=0, input_bias=True, plain_biases=True)


@pytest.fixture
def tiny():
    torch.manual_seed(1)
    net = WaveNet(TINY).double()
    for value in net.parameters():
        torch.nn.init.normal_(value, std=0.3)
    return net


@pytest.mark.parametrize(("config", "parameters"), [(TOY, 60_610), (FULL, 1_063_648)], ids=["toy", "full"])
def test_the_notes_sizes_have_their_parameters_and_receptive_field(config, parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net = WaveNet(config)
    assert sum(value.numel() for value in net.parameters()) == parameters
    assert net.receptive_field == config.receptive_field == 3070


def test_the_receptive_field_of_the_toy_is_that_of_its_gradients():
    torch.manual_seed(1)
    net = WaveNet(TOY).double()
    vectors = torch.randn(1, 3100, 50, dtype=torch.float64, requires_grad=True)
    net.embed.forward = lambda codes: vectors.transpose(0, 1)
    codes = torch.zeros(1, 3100, dtype=torch.int64)
    cond = torch.zeros(1, len(TOY.condition_span(Span(0, 31))), 0, dtype=torch.float64)
    net(codes, cond)[0, -1].square().sum().backward()  # of the last of 31 predictions
    assert torch.nonzero(vectors.grad[0].abs().sum(1))[:, 0].tolist() == list(range(30, 3100))


def test_every_weight_but_the_idle_ones_of_the_last_layer_gets_a_gradient(tiny):
    codes = torch.randint(0, 10, (2, tiny.receptive_field + 30))
    tiny.loss(codes, torch.zeros(2, 2, 0, dtype=torch.float64), torch.tensor([30, 20])).backward()
    assert [name for name, value in tiny.named_parameters() if value.grad is None] == ["layers.5.idle"]
    moved = [name for name, value in tiny.named_parameters() if value.grad is not None and value.numel()]
    assert all(tiny.get_parameter(name).grad.abs().max() > 0 for name in moved)


def test_generation_step_by_step_equals_that_of_the_whole_field_without_any_frame(tiny):
    frames = torch.zeros(2, 4, 0, dtype=torch.float64)
    codes = [generate(tiny, frames, [150, 90], ["a", "b"], GenerationOptions(engine)) for engine in ("naive", "eager")]
    assert torch.equal(*codes) and int(codes[0].max()) < 10 and len(codes[0].unique()) > 5


def test_a_value_of_the_whole_utterance_conditions_without_frames():
    net = WaveNet(WaveNetConfig(layers=3, dilation_cycle=3, residual_channels=4, gate_channels=4, skip_channels=4,
                                post_channels=4, codes=5, cond_channels=0, global_channels=2))
    codes = torch.randint(0, 5, (1, 20))
    logits = [net.predict(codes, torch.full((1, 2, 2), value)) for value in (0.0, 1.0)]
    assert (logits[0] - logits[1]).abs().max() > 1e-3


@pytest.mark.parametrize(("values", "told"), [
    ({"codes": 1}, "codes=1: with one code there is nothing to predict; take 2 or more"),
    ({"codes": -2}, "codes=-2 must be a whole number of at least 0"),
    ({"codes": 10, "head": "gaussian"}, "codes=10 is for the categorical head"),
    ({"cond_channels": -1}, "cond_channels=-1 must be a whole number of at least 0"),
])  # fmt: skip
def test_levels_that_are_none_are_refused(values, told):
    with pytest.raises(ConfigError) as found:
        WaveNetConfig(**values)
    assert told in str(found.value)


def test_levels_need_not_be_a_power_of_two():
    assert WaveNetConfig(codes=10).levels == 10 and WaveNetConfig(codes=2).levels == 2
    assert WaveNetConfig().levels == 256 and WaveNetConfig(bits=10).levels == 1024
