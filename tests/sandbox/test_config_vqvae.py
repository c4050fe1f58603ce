"""Which frames and latents a crop needs, for every length; first weights that know what codes mean."""
import pytest
import torch

from core_scripts.features.config_mel import MelConfig
from core_scripts.features.config_mfcc import MfccConfig
from core_scripts.geometry.ops import ceil_div
from sandbox.block_units import Units
from sandbox.block_wavenet import WaveNet
from sandbox.config_autoencoder import EncoderConfig, FeaturesDecoderConfig
from sandbox.config_bottleneck import BottleneckConfig
from sandbox.config_vqvae import AutoencoderPaths, DecoderPath
from sandbox.config_wavenet import WaveNetConfig
from sandbox.wavenet_start import start_smoothly

ENCODER = EncoderConfig(kernels=(5, 4, 3), strides=(1, 2, 1), channels=8, residual=False, in_channels=5)
BOTTLENECK = BottleneckConfig(in_channels=8, dim=4, codes=8)


@pytest.fixture
def paths() -> AutoencoderPaths:
    to_mel = DecoderPath(chain=FeaturesDecoderConfig(frames=4).geometry, hop=MelConfig().hop)
    return AutoencoderPaths(front=MfccConfig().geometry, encoder=ENCODER.geometry, frame_hop=160, decoders=(to_mel,))


def test_every_length_has_frames_for_its_latents_and_their_neighbours(paths):
    units = Units(ENCODER, BOTTLENECK, paths)
    left, right = paths.frame_context()
    for samples in range(1, 1300, 37):
        frames = torch.zeros(1, left + ceil_div(samples, 160) + right, 5)
        latents = units.encoder(frames).shape[1]
        own = paths.count_own(samples)
        assert own == ceil_div(samples, 320) and latents == paths.count_whole(samples)
        assert latents >= len(paths.latents(own))
        assert int(units.own(torch.tensor([samples]), latents).sum()) == own


def test_codes_of_whole_items_have_the_code_of_silence_around_them(paths):
    units = Units(ENCODER, BOTTLENECK, paths)
    codes, silence = torch.tensor([[1, 2, 3], [4, 5, 6]]), torch.tensor(7)
    latents = units.decode(codes, torch.tensor([960, 500]), silence)
    vectors = units.bottleneck.decode(torch.tensor([[7, 7, 1, 2, 3, 7, 7], [7, 7, 4, 5, 7, 7, 7]]))
    assert torch.equal(latents, vectors)


def test_a_codebook_starts_from_whole_latents_only(paths):
    units = Units(ENCODER, BOTTLENECK, paths)
    left, right = paths.frame_context()
    frames = torch.randn(4, left + 20 + right, 5)
    lengths = torch.tensor([3200, 3200, 320, 320])
    padded = frames.clone()
    padded[2:, left + 2 + right :] = 1e4
    units.start([(padded, lengths)], seed=1)
    assert units.bottleneck.norm.running_var.max() < 100


def test_the_first_guess_of_a_smooth_start_is_how_often_codes_are():
    net = WaveNet(WaveNetConfig(layers=2, dilation_cycle=2, residual_channels=16, gate_channels=8, skip_channels=8,
                                post_channels=8, cond_channels=3, hop=4))
    codes = torch.randint(100, 110, (4, 44))
    start_smoothly(net, codes)
    loss = net.loss(codes, torch.zeros(4, 12, 3), torch.full((4,), 40))
    assert loss.item() == pytest.approx(3.3, abs=0.6)  # ln 10, and what 256 added counts take from 176
    rows = net.embed.weight
    near, far = (rows[100] - rows[101]).norm(), (rows[100] - rows[200]).norm()
    assert near < 0.2 * far


def test_a_smooth_start_leaves_heads_without_codes_alone():
    net = WaveNet(WaveNetConfig(layers=2, dilation_cycle=2, head="gaussian", cond_channels=3, hop=4))
    before = {key: value.clone() for key, value in net.state_dict().items()}
    start_smoothly(net, torch.zeros(3, dtype=torch.int64))
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
