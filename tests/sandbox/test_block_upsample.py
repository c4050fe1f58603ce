from dataclasses import replace

import numpy as np
import pytest
import torch

from core_scripts.errors import DataError
from core_scripts.geometry.span import Span
from sandbox.block_upsample import build_upsample
from sandbox.config_wavenet import UPSAMPLE_MODES, WaveNetConfig

CONFIG = WaveNetConfig(hop=6, cond_channels=3, upsample_factors=(3, 2))


def make_upsample(mode, hop=6, seed=0):
    torch.manual_seed(seed)
    module = build_upsample(replace(CONFIG, upsample=mode, hop=hop, upsample_factors=())).double()
    for weight in module.parameters():
        torch.nn.init.normal_(weight)
    return module


def make_frames(count=12, first=-4):
    return torch.randn(2, count, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64), first


def test_repetition_is_numpy_repeat():
    frames, first = make_frames()
    got = make_upsample("repeat")(frames, first, Span(0, 18))
    assert np.array_equal(got.numpy(), np.repeat(frames.numpy()[:, 4:7], 6, axis=1))


@pytest.mark.parametrize("hop", [1, 5, 6])
def test_linear_is_numpy_interp_between_the_middles_of_the_hops(hop):
    frames, first = make_frames(count=24, first=-8)
    got = make_upsample("linear", hop)(frames, first, Span(-7, 15))
    middles = (np.arange(24) + first + 0.5) * hop
    for channel in range(3):
        want = np.interp(np.arange(-7, 15) + 0.5, middles, frames[0, :, channel].numpy())
        assert np.allclose(got[0, :, channel], want, atol=1e-12)


def test_transposed_starts_as_linear_interpolation_of_linear_interpolation():
    frames, first = make_frames()
    fresh = build_upsample(replace(CONFIG, upsample="transposed")).double()
    got = fresh(frames, first, Span(0, 12))
    halfway = make_upsample("linear", 3)(frames, first, Span(-1, 8))
    want = make_upsample("linear", 2)(halfway, -1, Span(0, 12))
    assert torch.allclose(got, want, atol=1e-12)


@pytest.mark.parametrize("mode", UPSAMPLE_MODES)
@pytest.mark.parametrize("hop", [5, 6])
def test_a_part_equals_the_same_positions_of_the_whole(mode, hop):
    frames, first = make_frames()
    module = make_upsample(mode, hop)
    whole = module(frames, first, Span(-4, 20))
    for start, stop in [(-4, -3), (0, 6), (5, 13), (19, 20)]:
        part = module(frames, first, Span(start, stop))
        assert torch.allclose(part, whole[:, start + 4 : stop + 4], atol=1e-12)


@pytest.mark.parametrize("mode", UPSAMPLE_MODES)
@pytest.mark.parametrize("hop", [5, 6])
def test_each_sample_depends_on_exactly_the_frames_of_its_geometry(mode, hop):
    frames, first = make_frames()
    frames.requires_grad_()
    module = make_upsample(mode, hop)
    for position in range(-hop, hop):
        (gradient,) = torch.autograd.grad(module(frames, first, Span(position, position + 1)).sum(), frames)
        touched = gradient[0].abs().sum(1).nonzero().flatten() + first
        needed = module.geometry.needs(Span(position, position + 1))
        assert touched.tolist() == list(range(needed.start, needed.stop))


@pytest.mark.parametrize("mode", UPSAMPLE_MODES)
def test_following_projected_frames_equals_projecting_upsampled_ones(mode):
    frames, first = make_frames()
    module = make_upsample(mode)
    linear = torch.nn.Linear(3, 8).double()

    def project(vectors):
        return linear(vectors).unflatten(-1, (4, 2)).transpose(-2, -3)

    follower = module.follow(frames, first, project)
    want = linear(module(frames, first, Span(0, 20)))
    for position in [0, 1, 5, 6, 7, 19, 3]:
        got = torch.cat(list(follower.at(position)), 1)
        assert torch.allclose(got, want[:, position], atol=1e-12)
    follower.keep(1)
    assert torch.allclose(torch.cat(list(follower.at(3)), 1), want[:1, 3], atol=1e-12)


@pytest.mark.parametrize("mode", UPSAMPLE_MODES)
def test_missing_frames_are_counted_on_both_sides(mode):
    frames, first = make_frames()
    with pytest.raises(DataError, match=r"frames \[-4, 8\) were given: [3-6] too few on the left and [2-5] on"):
        make_upsample(mode)(frames, first, Span(-42, 60))
