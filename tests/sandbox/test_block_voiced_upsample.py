"""The values of a speaker beside frames that are upsampled: in training, in steps, and for every item its own."""
import pytest
import torch

from core_scripts.errors import DataError
from core_scripts.generation.engine import GenerationOptions, generate
from core_scripts.geometry.span import Span
from sandbox.block_latent_upsample import LatentUpsample
from sandbox.block_voiced_upsample import VoicedUpsample
from sandbox.block_wavenet import WaveNet
from sandbox.config_autoencoder import UpsamplerConfig
from sandbox.config_wavenet import WaveNetConfig

LOCAL = UpsamplerConfig(in_channels=3, channels=4, hop=6, strides=(3, 2), kernels=(5, 4))
CONFIG = WaveNetConfig(layers=4, dilation_cycle=2, residual_channels=5, gate_channels=4, skip_channels=8,
                       post_channels=8, bits=4, cond_channels=4, global_channels=2, hop=6)


def make_frames(batch=2, count=24):
    """Frames with a voice beside them that is the same in all frames of an item and differs between items."""
    generator = torch.Generator().manual_seed(1)
    frames = torch.randn(batch, count, 3, generator=generator, dtype=torch.float64)
    voices = torch.randn(batch, 1, 2, generator=generator, dtype=torch.float64)
    return torch.cat([frames, voices.expand(-1, count, -1)], 2)


def make_net():
    torch.manual_seed(0)
    net = WaveNet(CONFIG, VoicedUpsample(LatentUpsample(LOCAL), 2)).double()
    with torch.no_grad():
        net.logits.weight.mul_(8)
    return net


def test_the_voice_stands_unchanged_behind_the_upsampled_frames():
    torch.manual_seed(0)
    local, frames = LatentUpsample(LOCAL).double(), make_frames()
    with torch.no_grad():
        given = VoicedUpsample(local, 2)(frames, -5, Span(0, 40))
        assert torch.equal(given[..., :4], local(frames[..., :3], -5, Span(0, 40)))
    assert torch.equal(given[..., 4:], frames[:, :1, 3:].expand(-1, 40, -1))


def test_generation_by_steps_equals_the_whole_field_anew_while_shorter_utterances_leave():
    net, frames = make_net(), make_frames(batch=3)
    first = 5 + net.first_frame  # generation's frames begin with the net's own context
    made = [generate(net, frames[:, first:], [40, 13, 61], ["a", "b", "c"], GenerationOptions(engine=engine))
            for engine in ("eager", "naive")]
    assert torch.equal(*made) and len(made[0].unique()) > 8


@torch.no_grad()
def test_another_voice_changes_its_own_item_only_and_one_more_item_changes_nothing():
    net, frames = make_net(), make_frames()
    codes = torch.randint(16, (2, net.receptive_field + 30), generator=torch.Generator().manual_seed(2))
    true = net.predict(codes, frames)
    other = frames.clone()
    other[0, :, 3:] += 1
    changed = (net.predict(codes, other) - true).abs().amax((1, 2))
    assert changed[0] > 1e-3 and changed[1] == 0
    torch.testing.assert_close(net.predict(codes[1:], frames[1:]), true[1:], rtol=1e-12, atol=1e-12)


def test_a_missing_frame_is_told_as_without_a_voice():
    with pytest.raises(DataError, match="need conditioning frames .* 0 too few on the left and 1 on the right"):
        VoicedUpsample(LatentUpsample(LOCAL).double(), 2)(make_frames(count=9), -2, Span(0, 37))
