import pytest

from core_scripts.errors import ConfigError
from core_scripts.features.config_mfcc import MfccConfig
from core_scripts.geometry.chain import Chain
from core_scripts.geometry.span import Span
from sandbox.config_autoencoder import EncoderConfig, FeaturesDecoderConfig, UpsamplerConfig, stride_faults
from sandbox.config_bottleneck import BottleneckConfig
from sandbox.config_wavenet import WaveNetConfig

SMALL = EncoderConfig(kernels=(5, 4, 3), strides=(1, 2, 1), channels=96)


def test_the_papers_encoder_sees_16_frames_and_with_deltas_4080_samples():
    encoder = EncoderConfig()
    assert (encoder.geometry.receptive_field(), encoder.stride) == (16, 2)
    assert Chain((MfccConfig().geometry, encoder.geometry)).receptive_field() == 4080
    assert Chain((MfccConfig(deltas=False).geometry, encoder.geometry)).receptive_field() == 2800


@pytest.mark.parametrize(("deltas", "samples"), [
    (True, {1: 8240, 100: 8240, 5000: 13040, 5120: 13360}), (False, {1: 6960, 100: 6960, 5000: 11760, 5120: 12080})])
def test_samples_that_the_papers_autoencoder_needs(deltas, samples):
    stack = WaveNetConfig(layers=20, dilation_cycle=10).stack_geometry()
    network = Chain((MfccConfig(deltas=deltas).geometry, EncoderConfig().geometry, UpsamplerConfig().geometry,
                     *stack.ops[1:]))
    assert {n_out: network.minimal_input(n_out) for n_out in samples} == samples


def test_latents_sit_in_the_middle_of_their_frames_and_samples():
    assert SMALL.geometry.needs(Span(7, 8)) == Span(2 * 7 - 5, 2 * 7 + 7) and SMALL.geometry.centre(7) == 14.5
    assert EncoderConfig().geometry.centre(0) == 0.5
    assert UpsamplerConfig().geometry.centre(159.5) == pytest.approx(0.0)


def test_strides_of_the_upsampler_come_from_its_hop():
    assert UpsamplerConfig().stages == ((25, 5), (16, 4), (16, 4), (16, 4))
    assert UpsamplerConfig(hop=160).stages == ((25, 5), (16, 4), (16, 4), (8, 2))
    assert UpsamplerConfig(hop=160, kernels=[25, 16, 16, 16]).stages[-1] == (16, 2)  # the paper's
    assert UpsamplerConfig(hop=6, strides=(3, 2)).stages == ((15, 3), (8, 2))


def test_strides_that_do_not_divide_are_told_with_what_would():
    assert stride_faults(320, 160, EncoderConfig()) == []
    (fault,) = stride_faults(480, 160, EncoderConfig())
    assert "every 320 samples" in fault and "one every 480; take strides with product 3, or a hop of 320" in fault
    (fault,) = stride_faults(400, 160, EncoderConfig())
    assert "400 is no multiple of 160 either; take a hop of 320" in fault


def test_all_faults_of_a_record_are_told_together():
    with pytest.raises(ConfigError, match=r"(?s)3 found.*channels=0 must.*kernels=\(3, 0\) must.*2 kernels and 1 str"):
        EncoderConfig(channels=0, kernels=[3, 0], strides=(1,))
    with pytest.raises(ConfigError, match=r"(?s)3 found.*mix=2 is even.*hop=320 is not the product of strides, "
                                          r"5 \* 5 = 25.*take hop=25 or strides=\[5, 4, 4, 4\].*3 < 5"):
        UpsamplerConfig(mix=2, strides=(5, 5), kernels=(3, 25))
    with pytest.raises(ConfigError, match=r"(?s)2 found.*code_dim=80 is more than dim=64.*decay=1.0 must be.*below 1"):
        BottleneckConfig(code_dim=80, decay=1.0)


@pytest.mark.parametrize(("record", "values", "message"), [
    (EncoderConfig, {"kernels": (3, 3), "strides": (1, 2)}, "kernel 3 with stride 2 cannot be centred"),
    (EncoderConfig, {"kernels": (), "strides": ()}, "0 kernels and 0 strides"),
    (UpsamplerConfig, {"kernels": (25, 16)}, "must have 4 entries, one per stride"),
    (UpsamplerConfig, {"kernels": (24, 16, 16, 16)}, "kernel 24 with stride 5 cannot be centred"),
    (FeaturesDecoderConfig, {"speakers": -1}, "speakers=-1 must be a whole number of at least 0"),
    (FeaturesDecoderConfig, {"kernels": (2,)}, "kernel 2 with stride 1 cannot be centred"),
    (BottleneckConfig, {"kind": "vqema"}, "kind='vqema' is unknown; did you mean vq-ema"),
    (BottleneckConfig, {"norm": "group"}, "norm='group' is unknown .there are batch, layer, none"),
    (BottleneckConfig, {"levels": [8, 1]}, r"levels=\[8, 1\] must be a list of whole numbers of at least 2"),
    (BottleneckConfig, {"codes": 1}, "codes=1 says nothing"),
    (BottleneckConfig, {"free_bits": -1.0}, "free_bits=-1.0 must be at least 0"),
    (BottleneckConfig, {"code_dim": 0}, "code_dim=0 must be a whole number"),
])
def test_a_value_that_cannot_work_is_named(record, values, message):
    with pytest.raises(ConfigError, match=message):
        record(**values)


def test_sizes_inside_the_bottleneck_follow_the_kind():
    assert BottleneckConfig().inner_dim == 64 and BottleneckConfig(code_dim=8).inner_dim == 8
    assert BottleneckConfig(kind="fsq", levels=(8, 5, 5)).inner_dim == 3
    assert BottleneckConfig(kind="vae", code_dim=8).inner_dim == 64
    assert [BottleneckConfig(kind=kind).codes_count for kind in ("ae", "vae", "vq", "vq-ema", "fsq")] == [
        0, 0, 256, 256, 64]


@pytest.mark.parametrize("norm", ["layer", "none"])
def test_a_normalisation_that_collapses_the_codebook_is_warned_of(norm):
    (warning,) = BottleneckConfig(norm=norm).warnings()
    assert f"norm={norm}" in warning and "take norm=batch" in warning
    assert not BottleneckConfig().warnings() and not BottleneckConfig(norm=norm, kind="vq").warnings()
    assert not BottleneckConfig(norm=norm, commitment=0.0).warnings()


def test_a_codebook_too_large_for_the_batch_is_warned_of_with_numbers():
    (warning,) = BottleneckConfig(codes=4096).warnings(tokens_per_step=288)
    assert "in the 100 steps that decay=0.99 remembers a code gets 7.0" in warning and "take codes=2880" in warning
    assert not BottleneckConfig(codes=64).warnings(tokens_per_step=288)


def test_settings_that_the_kind_does_not_have_are_named():
    assert BottleneckConfig(kind="fsq", codes=512, free_bits=2.0).warnings() == [
        "codes=512 has no effect with kind=fsq, only with vq and vq-ema",
        "free_bits=2.0 has no effect with kind=fsq, only with vae"]
    assert not BottleneckConfig(kind="vae", free_bits=2.0, samples=4).warnings()
