import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from core_scripts.errors import ConfigError, DataError
from core_scripts.features import pcm16
from core_scripts.generation.engine import GenerationOptions, generate
from sandbox.block_heads import build_head, compand
from sandbox.block_wavenet import WaveNet
from sandbox.config_wavenet import WaveNetConfig

TINY = WaveNetConfig(layers=6, dilation_cycle=3, residual_channels=5, gate_channels=4, skip_channels=12,
                     post_channels=16, cond_channels=3, hop=6, mixtures=3)
SIXTEEN_BITS = ("logistics", "gaussian")
EVERY = torch.arange(pcm16.LEVELS)
# Means and log scales as they may come: usual, outside the axis, far too narrow, far too wide.
PLACES = [(0.1, 0.0), (-0.9, -3.0), (3.0, -2.0), (-50.0, 1.0), (0.37, -30.0), (0.0, 40.0)]


def head_of(kind: str, mixtures: int = 1):
    return build_head(replace(TINY, head=kind, mixtures=mixtures))


def masses(head, outputs: torch.Tensor) -> torch.Tensor:
    """P of every level under outputs (n,)."""
    return torch.exp(-head.nats(outputs.expand(1, pcm16.LEVELS, -1), EVERY[None]))[0]


@pytest.mark.parametrize("kind", SIXTEEN_BITS)
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_the_masses_of_all_65536_levels_sum_to_one(kind, place):
    found = masses(head_of(kind), torch.tensor(place, dtype=torch.float64))
    assert float(found.sum()) == pytest.approx(1.0, abs=1e-9) and bool((found >= 0).all())


def test_the_masses_of_a_mixture_sum_to_one():
    outputs = torch.randn(4, 15, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2
    for row in outputs:
        assert float(masses(head_of("logistics", 5), row).sum()) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize(("kind", "family"), [("logistics", stats.logistic), ("gaussian", stats.norm)])
def test_masses_are_differences_of_the_cumulative_distribution_on_the_companded_axis(kind, family):
    found = masses(head_of(kind), torch.tensor([0.2, 0.5], dtype=torch.float64)).numpy()
    edges = compand((torch.arange(1, 65536, dtype=torch.float64) - 32768.5) / 32768).numpy()
    cumulative = np.concatenate([[0.0], family.cdf(edges, loc=0.2, scale=math.exp(0.5 - 2.0)), [1.0]])
    np.testing.assert_allclose(found, np.diff(cumulative), rtol=1e-6, atol=1e-14)


@pytest.mark.parametrize("kind", SIXTEEN_BITS)
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_gradients_are_finite_at_any_level_however_improbable(kind, place):
    codes = torch.tensor([[0, 1, 20_000, 32_768, 65_534, 65_535]])
    outputs = torch.tensor(place).expand(1, 6, 2).clone().requires_grad_()
    nats = head_of(kind).nats(outputs, codes)
    nats.sum().backward()
    assert bool(nats.isfinite().all()) and bool(outputs.grad.isfinite().all())


@pytest.mark.parametrize(("kind", "mixtures"), [("logistics", 1), ("gaussian", 1), ("logistics", 4)])
def test_draws_follow_the_masses(kind, mixtures):
    head, draws = head_of(kind, mixtures), 100_000
    outputs = torch.randn(head.outputs, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    uniforms = torch.from_numpy(np.random.default_rng(0).random(draws))
    codes = head.inverse_cdf(outputs.expand(draws, -1), uniforms, 1.0)
    cumulative = masses(head, outputs).cumsum(0)
    lasts = torch.searchsorted(cumulative, torch.linspace(0.01, 0.99, 99, dtype=torch.float64)).unique()
    lasts = lasts[cumulative[lasts] < 0.999]  # of each cell, about 1 % wide, the last level
    found = torch.bincount(torch.searchsorted(lasts, codes), minlength=len(lasts) + 1)
    wanted = torch.cat([cumulative.new_zeros(1), cumulative[lasts], cumulative.new_ones(1)]).diff() * draws
    assert len(lasts) > 20 and stats.chisquare(found, wanted).pvalue > 0.001


@pytest.mark.parametrize("kind", SIXTEEN_BITS)
def test_one_component_is_the_inverse_of_its_cumulative_distribution(kind):
    head, outputs = head_of(kind), torch.tensor([0.1, -1.0], dtype=torch.float64)
    uniforms = torch.linspace(0.001, 0.999, 500, dtype=torch.float64)
    codes = head.inverse_cdf(outputs.expand(500, 2), uniforms, 1.0)
    assert torch.equal(codes, torch.searchsorted(masses(head, outputs).cumsum(0), uniforms, right=True))


def test_temperature_narrows_the_draws_and_zero_takes_the_weightiest_mean():
    head = head_of("logistics", 2)
    outputs = torch.tensor([[0.0, 1.0, -0.5, 0.25, 0.0, 0.0]]).expand(1000, 6)
    uniforms = torch.from_numpy(np.random.default_rng(1).random(1000))
    spreads = [float(head.dequantise(head.inverse_cdf(outputs, uniforms, heat)).std()) for heat in (1.0, 0.5, 0.1)]
    assert spreads == sorted(spreads, reverse=True)
    surest = head.inverse_cdf(outputs, uniforms, 0)
    assert float((compand(head.dequantise(surest)) - 0.25).abs().max()) < 1e-3


@pytest.mark.parametrize("kind", SIXTEEN_BITS)
def test_16_bit_samples_come_back_exactly_and_cost_no_offset(kind):
    head = head_of(kind)
    wave = torch.arange(-32768, 32768) / 32768
    assert torch.equal(head.quantise(wave), EVERY) and torch.equal(head.dequantise(EVERY), wave)
    assert head.quantise(torch.tensor([-2.0, 0.0, 1.0])).tolist() == [0, 32768, 65535]
    assert float(head.code_widths().sum()) == 2.0


@pytest.mark.parametrize("kind", SIXTEEN_BITS)
@pytest.mark.parametrize("temperature", [0, 0.7, 1.0])
def test_engines_agree_and_a_batch_is_each_utterance_alone(kind, temperature):
    torch.manual_seed(0)
    model = WaveNet(replace(TINY, head=kind)).double()
    frames = torch.randn(2, 5 + sum(model.config.frame_context()), 3, dtype=torch.float64)
    naive = generate(model, frames, [30, 17], ["a", "b"], GenerationOptions("naive", temperature))
    eager = generate(model, frames, [30, 17], ["a", "b"], GenerationOptions("eager", temperature))
    alone = generate(model, frames[1:], [17], ["b"], GenerationOptions("eager", temperature))
    assert torch.equal(naive, eager) and torch.equal(alone[0], eager[1, :17])
    assert bool((eager[1, 17:] == 32768).all()) and len(eager[0].unique()) > (temperature > 0)


@pytest.mark.parametrize("kind", SIXTEEN_BITS)
def test_training_lowers_the_loss_of_a_quiet_sine(kind):
    torch.manual_seed(0)
    model = WaveNet(replace(TINY, head=kind))
    wave = 0.01 * torch.sin(torch.arange(400 + model.receptive_field) * 0.2)[None]
    codes = model.head.quantise(wave)
    frames = torch.zeros(1, math.ceil(400 / 6) + sum(model.config.frame_context()), 3)
    optimizer, found = torch.optim.Adam(model.parameters(), lr=1e-2), []
    for _ in range(80):
        optimizer.zero_grad()
        loss = model.loss(codes, frames, torch.tensor([400]))
        loss.backward()
        optimizer.step()
        found.append(loss.item() / math.log(2))
    assert found[0] < 16 and found[-1] < found[0] - 0.5


def test_an_unknown_head_and_integer_waveforms_are_told():
    with pytest.raises(ConfigError, match=r"head='logistic' is unknown; did you mean logistics"):
        WaveNetConfig(head="logistic")
    with pytest.raises(ConfigError, match="mixtures=0 must be"):
        WaveNetConfig(mixtures=0)
    with pytest.raises(DataError, match="divide samples by 32768"):
        pcm16.encode(torch.zeros(3, dtype=torch.int16))
    with pytest.raises(DataError, match="integer codes"):
        pcm16.decode(torch.zeros(3))
