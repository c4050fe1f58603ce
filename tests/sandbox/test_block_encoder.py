"""Encoder, upsampler and features decoder: crops equal whole files, and every path is wired."""
from dataclasses import replace

import pytest
import torch

from core_scripts.errors import DataError
from core_scripts.features.config_mfcc import MfccConfig
from core_scripts.geometry.chain import Chain
from core_scripts.geometry.span import Span
from sandbox.block_encoder import Encoder
from sandbox.block_features_decoder import FeaturesDecoder
from sandbox.block_latent_upsample import LatentUpsample
from sandbox.config_autoencoder import EncoderConfig, FeaturesDecoderConfig, UpsamplerConfig

PAPER = EncoderConfig(channels=24)
SMALL = EncoderConfig(kernels=(5, 4, 3), strides=(1, 2, 1), channels=24, residual=False)
UPSAMPLER = UpsamplerConfig(in_channels=24, channels=8)


@pytest.mark.parametrize("config", [PAPER, SMALL], ids=["paper", "small"])
def test_a_crop_equals_the_whole_file_through_mfcc_deltas_encoder_and_upsampler(config):
    mfcc = MfccConfig(bands=40)
    front, encoder, upsample = mfcc.build(), Encoder(config), LatentUpsample(UPSAMPLER)
    chain = Chain((mfcc.geometry, config.geometry, UPSAMPLER.geometry))
    held = chain.needs(Span(0, 16000))
    wave = 0.3 * torch.randn(1, len(held))

    def run(out):
        levels = chain.spans(out)
        first = levels[len(mfcc.geometry.ops) + len(config.geometry.ops)].start
        with torch.no_grad():
            return upsample(encoder(front(wave[:, levels[0].within(held)])), first, out)[0]

    whole = run(Span(0, 16000))
    for part in (Span(0, 1), Span(777, 3210), Span(4800, 9600), Span(15999, 16000)):
        torch.testing.assert_close(run(part), whole[part.start : part.stop], rtol=0, atol=1e-5)


@pytest.mark.parametrize("config", [PAPER, SMALL], ids=["paper", "small"])
def test_a_latent_depends_on_exactly_the_frames_of_its_geometry(config):
    encoder = Encoder(config).double()
    needed = config.geometry.needs(Span(3, 4))
    frames = torch.randn(1, 40, 39, dtype=torch.float64, requires_grad=True)
    first = config.geometry.needs(Span(0, 1)).start
    latents = encoder(frames)
    assert latents.shape == (1, (40 - config.geometry.receptive_field()) // 2 + 1, 24)
    (gradient,) = torch.autograd.grad(latents[0, 3].square().sum(), frames)
    touched = gradient[0].abs().sum(1).nonzero().flatten() + first
    assert touched.tolist() == list(range(needed.start, needed.stop))


def test_the_papers_encoder_has_its_number_of_parameters_and_residual_layers():
    config = EncoderConfig()
    assert [config.adds_input(layer) for layer in range(9)] == [False, True, False] + [True] * 6
    assert sum(weight.numel() for weight in Encoder(config).parameters()) == 10_123_776


def test_a_residual_layer_with_no_weights_passes_its_input_on():
    encoder = Encoder(EncoderConfig(in_channels=4, channels=4, kernels=(1, 5), strides=(1, 1)))
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.zero_()
        encoder.layers[0].weight.copy_(torch.eye(4)[:, :, None])
    frames = torch.rand(2, 9, 4)
    torch.testing.assert_close(encoder(frames), frames[:, 2:-2])


def test_the_upsampler_starts_as_interpolation_and_every_latent_channel_has_gradient():
    upsample = LatentUpsample(UPSAMPLER)
    latents = torch.randn(2, 16, 24, requires_grad=True)
    conditioning = upsample(latents, -5, Span(0, 960))
    assert conditioning.shape == (2, 960, 8)
    (gradient,) = torch.autograd.grad(conditioning.square().sum(), latents)
    assert (gradient.abs().sum((0, 1)) > 0).all()
    with torch.no_grad():
        upsample.mix.weight.zero_()
        upsample.mix.weight[:, :8, 1] = torch.eye(8)
        upsample.mix.bias.zero_()
        steady = upsample(torch.ones(1, 16, 24), -5, Span(0, 960))
    torch.testing.assert_close(steady, torch.ones(1, 960, 8))


def test_an_equalised_upsampler_starts_as_rotated_interpolation_and_one_step_moves_it_far_less():
    plain, equalised = (LatentUpsample(replace(UPSAMPLER, channels=24, equalised=choice)) for choice in (False, True))
    latents, moved = torch.randn(2, 16, 24), []
    with torch.no_grad():
        rotated = latents @ equalised.mix.weight[:, :, 1].T
        torch.testing.assert_close(rotated.norm(dim=2), latents.norm(dim=2))
        torch.testing.assert_close(equalised(latents, -5, Span(0, 960)), plain.rise(rotated, -5, Span(0, 960)))
    for upsample in (plain, equalised):
        before = upsample(latents, -5, Span(0, 960))
        optimizer = torch.optim.Adam(upsample.parameters(), 3e-3)
        before.square().sum().backward()
        optimizer.step()
        with torch.no_grad():
            moved.append(float((upsample(latents, -5, Span(0, 960)) - before).norm() / before.norm()))
    assert moved[1] < 0.2 * moved[0], moved
    assert sum(one.numel() for one in plain.parameters()) == sum(one.numel() for one in equalised.parameters())


@pytest.mark.parametrize("is_equalised", [False, True])
def test_the_three_ways_to_read_the_upsampler_agree(is_equalised):
    upsample, latents = LatentUpsample(replace(UPSAMPLER, equalised=is_equalised)), torch.randn(2, 16, 24)
    project = torch.nn.Linear(8, 6)

    def by_layer(samples):
        return project(samples).unflatten(-1, (2, 3)).transpose(-2, -3)

    with torch.no_grad():
        want = project(upsample(latents, -5, Span(300, 700)))
        crop = upsample.crop(latents, -5, Span(300, 700)).last(50, project)
        follower = upsample.follow(latents, -5, by_layer)
        torch.testing.assert_close(crop, want[:, -50:].transpose(0, 1))
        for position in (300, 301, 639, 640, 699):
            torch.testing.assert_close(torch.cat(list(follower.at(position)), 1), want[:, position - 300])


def test_other_latents_other_order_and_another_phase_change_what_the_upsampler_gives():
    upsample, latents = LatentUpsample(UPSAMPLER), torch.randn(2, 16, 24)
    with torch.no_grad():
        true = upsample(latents, -5, Span(0, 960))
        for changed in (latents.flip(0), latents.flip(2), latents.flip(1)):
            assert (upsample(changed, -5, Span(0, 960)) - true).abs().mean() > 0.05
        assert (upsample(latents, -5, Span(1, 961)) - true).abs().max() > 1e-3


def test_features_of_a_crop_equal_those_of_the_whole_and_follow_the_speaker():
    config = FeaturesDecoderConfig(speakers=3)
    decoder, latents, speakers = FeaturesDecoder(config), torch.randn(2, 20, 32), torch.tensor([0, 2])
    with torch.no_grad():
        whole = decoder(latents, speakers)
        part = decoder(latents[:, 5:12], speakers)
        assert whole.shape == (2, 32, 40)
        torch.testing.assert_close(part, whole[:, 10:16], rtol=0, atol=1e-5)
        assert (decoder(latents, torch.tensor([1, 2]))[0] - whole[0]).abs().mean() > 1e-2
    needed = config.geometry.needs(Span(10, 16))
    assert (needed.start, needed.stop) == (3, 10)


def test_too_short_a_crop_is_told_how_long_it_must_be():
    with pytest.raises(DataError, match="15 frames is shorter than the 16 that one latent needs; .* at least 1 more"):
        Encoder(PAPER)(torch.zeros(1, 15, 39))
    with pytest.raises(DataError, match="4 latents are fewer than the 5 that one frame needs"):
        FeaturesDecoder(FeaturesDecoderConfig())(torch.zeros(1, 4, 32))


def test_speakers_that_are_missing_or_not_wanted_are_told():
    with pytest.raises(DataError, match="knows 3 speakers but was told none; give both or neither"):
        FeaturesDecoder(FeaturesDecoderConfig(speakers=3))(torch.zeros(1, 9, 32))
    with pytest.raises(DataError, match="knows 0 speakers but was built without one"):
        FeaturesDecoder(FeaturesDecoderConfig())(torch.zeros(1, 9, 32), torch.tensor([0]))
