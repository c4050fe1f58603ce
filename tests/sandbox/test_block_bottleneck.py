from dataclasses import replace

import pytest
import torch

from core_scripts.errors import ConfigError, DataError
from sandbox.block_bottleneck import Bottleneck
from sandbox.config_bottleneck import KINDS, BottleneckConfig

CONFIG = BottleneckConfig(in_channels=10, dim=6, codes=8, levels=(5, 4, 3))


def make(kind="vq-ema", **values):
    torch.manual_seed(1)
    return Bottleneck(replace(CONFIG, kind=kind, **values))


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_have_one_interface(kind):
    bottleneck, z = make(kind), torch.randn(3, 20, 10, requires_grad=True)
    values, out = bottleneck(z)
    assert values.shape == (3, 20, 6) and out.loss.shape == () and out.latents.shape[:2] == (3, 20)
    (values.square().sum() + out.loss).backward()
    assert (z.grad.abs().sum((0, 1)) > 0).all()  # every channel of the encoder is heard
    assert (out.codes is not None) == bottleneck.config.is_discrete
    if out.codes is not None:
        assert out.codes.shape == (3, 20) and 0 <= out.codes.min() <= out.codes.max() < bottleneck.config.codes_count


@pytest.mark.parametrize(("kind", "values"), [
    ("vq", {}), ("vq-ema", {}), ("vq-ema", {"code_dim": 2}), ("vq", {"code_dim": 3}), ("fsq", {}),
    ("fsq", {"levels": (8, 5, 5, 5, 2, 2)})])
def test_codes_decode_to_what_the_decoder_had(kind, values):
    bottleneck = make(kind, **values).eval()
    with torch.no_grad():
        quantised, out = bottleneck(torch.randn(3, 20, 10))
        torch.testing.assert_close(bottleneck.decode(out.codes), quantised)
        torch.testing.assert_close(bottleneck.core.vectors(out.codes), out.quantised)


@pytest.mark.parametrize("kind", ["vq", "vq-ema"])
def test_the_chosen_code_is_the_nearest(kind):
    bottleneck = make(kind).eval()
    _, out = bottleneck(torch.randn(2, 30, 10))
    distances = torch.cdist(out.latents.flatten(0, 1), bottleneck.core.codebook)
    assert torch.equal(out.codes.flatten(), distances.argmin(1))


@pytest.mark.parametrize("kind", KINDS)
def test_evaluation_and_passes_without_gradient_change_no_state(kind):
    bottleneck, z = make(kind), torch.randn(3, 40, 10)
    before = {name: value.clone() for name, value in bottleneck.state_dict().items()}
    with torch.no_grad():
        bottleneck.core(bottleneck.project(z), torch.zeros(0, bottleneck.config.inner_dim), 1.0)
        bottleneck.eval()(z)
    bottleneck(z)
    assert all(torch.equal(value, before[name]) for name, value in bottleneck.state_dict().items())


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_state_and_seed_give_the_same_step_bit_by_bit(kind):
    def run(bottleneck, z):
        torch.manual_seed(5)
        values, out = bottleneck(z)
        return [values, out.loss, *bottleneck.state_dict().values()]

    first, second, z = make(kind, restart_below=0.9), make(kind, restart_below=0.9), torch.randn(3, 40, 10)
    for _ in range(3):
        first(z)
    second.load_state_dict(first.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(run(first, z), run(second, z), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_state_keeps_its_shapes_from_the_first_step_to_the_last(kind):
    bottleneck = make(kind)
    shapes = {name: value.shape for name, value in bottleneck.state_dict().items()}
    bottleneck.start(torch.randn(5, 30, 10), seed=1)
    bottleneck(torch.randn(3, 40, 10))
    assert {name: value.shape for name, value in bottleneck.state_dict().items()} == shapes


def test_extra_crops_feed_statistics_codebook_and_commitment_but_not_the_decoder():
    z, extra = torch.randn(2, 20, 10), 3 + torch.randn(4, 15, 10)
    alone, helped, joined = make(), make(), make()
    alone_values, alone_out = alone(z)
    values, out = helped(z, extra)
    joined_values, joined_out = joined(torch.cat([z.flatten(0, 1), extra.flatten(0, 1)])[None])
    assert values.shape == alone_values.shape and not torch.equal(alone.norm.running_mean, helped.norm.running_mean)
    torch.testing.assert_close(values.flatten(0, 1), joined_values[0, :40])
    torch.testing.assert_close(out.loss, joined_out.loss)
    for name, value in helped.state_dict().items():
        torch.testing.assert_close(value, joined.state_dict()[name])


def test_half_precision_outside_leaves_the_quantiser_exact():
    bottleneck, z = make().eval(), torch.randn(2, 30, 10)
    plain, out = bottleneck(z)
    with torch.autocast("cpu", torch.bfloat16):
        inside, same = bottleneck(z)
    assert torch.equal(out.codes, same.codes) and torch.equal(plain, inside)


def test_a_start_puts_statistics_and_codebook_on_the_latents_once():
    bottleneck, z = make(), 5 + 3 * torch.randn(6, 50, 10)
    bottleneck.start(z, seed=3)
    _, out = bottleneck.eval()(z)
    assert out.latents.mean((0, 1)).abs().max() < 1e-5 and (out.latents.flatten(0, 1).std(0) - 1).abs().max() < 1e-3
    assert len(out.codes.unique()) == 8
    before = bottleneck.core.codebook.clone()
    bottleneck.start(torch.randn(6, 50, 10), seed=4)
    assert torch.equal(bottleneck.core.codebook, before) and bool(bottleneck.started)
    resumed = make()
    resumed.load_state_dict(bottleneck.state_dict())
    resumed.start(torch.randn(6, 50, 10), seed=4)
    assert torch.equal(resumed.core.codebook, before)


def test_the_width_of_the_codes_may_be_below_that_of_the_latents():
    narrow = make(code_dim=2)
    assert narrow.core.codebook.shape == (8, 2) and narrow(torch.randn(2, 9, 10))[0].shape == (2, 9, 6)
    assert sum(p.numel() for p in narrow.parameters()) == (10 + 1) * 2 + (2 + 1) * 6


def test_normalisation_is_over_the_batch_unless_told_otherwise():
    names = {norm: type(make(norm=norm).norm).__name__ for norm in ("batch", "layer", "none")}
    assert names == {"batch": "BatchNorm1d", "layer": "LayerNorm", "none": "Identity"}
    assert not list(make().norm.parameters()) and type(make("vae").norm).__name__ == "Identity"


@pytest.mark.parametrize("kind", ["ae", "vae"])
def test_continuous_kinds_have_nothing_to_decode(kind):
    with pytest.raises(ConfigError, match=f"kind {kind} has no codes to decode; train one of kind vq-ema"):
        make(kind).decode(torch.zeros(1, 1, dtype=torch.int64))


@pytest.mark.parametrize(("kind", "codes", "count"), [("vq-ema", [0, 8], 8), ("vq", [-1, 3], 8), ("fsq", [0, 60], 60)])
def test_codes_outside_of_the_codebook_are_refused(kind, codes, count):
    with pytest.raises(DataError, match=rf"codes reach from {codes[0]} to {codes[1]}, the codebook has {count}, so"):
        make(kind).decode(torch.tensor([codes]))


def test_too_few_latents_to_start_from_are_told():
    with pytest.raises(DataError, match="k-means over 7 latents cannot find 8 codes; give latents of more utterances"):
        make().start(torch.randn(7, 10), seed=1)
