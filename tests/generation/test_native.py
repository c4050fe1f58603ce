"""The native kernel against the model itself: the same outputs along the same codes, and the same codes."""
from dataclasses import replace

import pytest
import torch

from core_scripts.errors import ConfigError, DataError, NonFiniteLossError
from core_scripts.generation.kernel_build import KernelMissingError, load_kernel, runnable_variants
from core_scripts.generation.native import Condition, NativeWaveNet, count_threads, group_bounds
from core_scripts.generation.sampling import draw_codes, utterance_uniforms
from core_scripts.generation.wavenet_weights import read_weights
from core_scripts.geometry.span import Span
from sandbox.block_wavenet import WaveNet
from sandbox.config_wavenet import HEADS, UPSAMPLE_MODES, WAVENET_PRESETS, WaveNetConfig

try:
    load_kernel()
except KernelMissingError as reason:
    pytest.skip(str(reason), allow_module_level=True)

ODD = WaveNetConfig(layers=6, dilation_cycle=3, residual_channels=6, gate_channels=5, skip_channels=12,
                    post_channels=33, bits=6, cond_channels=3, global_channels=2, hop=7)
SMALL, STANDARD = WAVENET_PRESETS["small"], WAVENET_PRESETS["standard"]
LARGE = replace(SMALL, residual_channels=368, gate_channels=256, skip_channels=256)
RELATIVE_BOUND, BF16_BOUND = 1e-5, 1e-2


class Case:
    """A model, frames for some utterances, and both ways to go through them."""

    def __init__(self, config, batch, samples):
        torch.manual_seed(0)
        self.model = WaveNet(config)
        with torch.no_grad():
            self.model.logits.weight.mul_(4)  # probabilities as uneven as those of a trained model
        left, right = config.frame_context()
        frames = left - (-samples // config.hop) + right
        self.frames = torch.randn(batch, frames, config.condition_channels)
        self.weights = read_weights(self.model.export_weights())
        self.uniforms = utterance_uniforms(1, [str(item) for item in range(batch)], [samples] * batch)

    def native(self, precision="fp32", variant="auto", threads=1):
        net = NativeWaveNet(self.weights, precision, variant)
        return net.begin(self.prime().past_inputs(), self.model.silence, threads)

    def prime(self):
        silence = torch.full((len(self.frames), self.model.receptive_field), self.model.silence)
        return self.model.prime(silence[:, 1:], self.frames)

    def condition(self, start=0, stop=None):
        samples = Span(start, len(self.uniforms) if stop is None else stop)
        first = self.model.first_frame
        if self.weights.points is not None:
            return Condition.of_frames(self.weights, self.frames, first, samples)
        with torch.no_grad():
            return Condition(self.model.upsample(self.frames, first, samples), torch.arange(len(samples)))

    def draw(self, streams, temperature=1.0):
        return streams.advance(self.condition(), self.uniforms, [len(self.uniforms)] * len(self.frames), temperature)

    def outputs_of_eager(self, codes):
        """(N, B, Q) along these codes."""
        state, code, outputs = self.prime(), torch.full_like(codes[0], self.model.silence), []
        for drawn in codes:
            outputs.append(self.model.step(code, state))
            code = drawn
        return torch.stack(outputs)

    def draw_from(self, outputs, temperature=1.0):
        draw = self.model.inverse_cdf or draw_codes
        return draw(outputs.flatten(0, 1), self.uniforms.flatten(), temperature).view(self.uniforms.shape)


def relative_error(ours, theirs):
    return float((ours - theirs).double().norm() / theirs.double().norm())


def check_against_eager(case, **options):
    codes = case.draw(case.native(**options))
    outputs = case.outputs_of_eager(codes)
    assert relative_error(case.native(**options).follow(case.condition(), codes), outputs) < RELATIVE_BOUND
    assert int((case.draw_from(outputs) != codes).sum()) == 0


@pytest.mark.parametrize("batch", [1, 3])
def test_any_number_of_channels_gives_the_codes_of_eager(batch):
    check_against_eager(Case(ODD, batch, 60))


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_small_gives_the_codes_of_eager_past_a_full_ring(batch):
    check_against_eager(Case(SMALL, batch, 3000))


@pytest.mark.slow
@pytest.mark.parametrize(("config", "samples"), [(STANDARD, 1200), (LARGE, 150)])
def test_larger_networks_give_the_codes_of_eager(config, samples):
    check_against_eager(Case(config, 1, samples))


@pytest.mark.slow
@pytest.mark.parametrize("variant", runnable_variants())
@pytest.mark.parametrize("batch", [1, 7])
def test_every_build_gives_the_codes_of_eager_with_three_taps(variant, batch):
    check_against_eager(Case(replace(SMALL, layers=10, kernel_size=3), batch, 400), variant=variant)


def test_bf16_is_near_with_any_number_of_channels():
    case = Case(ODD, 3, 60)  # odd ones leave half a word of padding
    codes = case.draw(case.native())
    ours = case.native("bf16").follow(case.condition(), codes)
    assert 1e-4 < relative_error(ours, case.outputs_of_eager(codes)) < BF16_BOUND


@pytest.mark.slow
@pytest.mark.parametrize("variant", runnable_variants())
def test_bf16_is_near_in_every_build(variant):
    case = Case(SMALL, 3, 300)
    codes = case.draw(case.native())
    ours = case.native("bf16", variant).follow(case.condition(), codes)
    assert 1e-4 < relative_error(ours, case.outputs_of_eager(codes)) < BF16_BOUND


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("temperature", [0, 0.6, 1.0])
def test_every_head_draws_from_its_outputs_what_the_model_would_draw_from_them(head, temperature):
    case = Case(replace(ODD, head=head, kernel_size=3), 3, 200)
    codes = case.draw(case.native(), temperature)
    outputs = case.native().follow(case.condition(), codes)
    assert relative_error(outputs, case.outputs_of_eager(codes)) < RELATIVE_BOUND
    assert torch.equal(case.draw_from(outputs, temperature), codes)


def test_a_mixture_of_one_has_no_weights_to_draw_from():
    case = Case(replace(ODD, head="logistics", mixtures=1), 2, 60)
    codes = case.draw(case.native())
    assert torch.equal(case.draw_from(case.native().follow(case.condition(), codes)), codes)


@pytest.mark.parametrize("upsample", UPSAMPLE_MODES)
def test_every_way_of_upsampling_is_that_of_the_model(upsample):
    check_against_eager(Case(replace(ODD, upsample=upsample), 2, 60))


@pytest.mark.parametrize("upsample", ["repeat", "linear"])
@pytest.mark.parametrize("batch", [1, 2])
def test_pieces_of_any_length_make_the_whole(upsample, batch):
    case = Case(replace(ODD, layers=10, dilation_cycle=5, upsample=upsample), batch, 100)
    whole, streams, start = case.draw(case.native()), case.native(), 0
    for stop in (1, 2, 13, 14, 50, 91, 100):
        count = stop - start
        codes = streams.advance(case.condition(start, stop), case.uniforms[start:stop], [count] * batch)
        assert torch.equal(codes, whole[start:stop])
        start = stop


def test_utterances_leave_as_they_end_and_the_others_do_not_notice():
    case = Case(ODD, 5, 120)
    whole = case.draw(case.native())
    for threads in (1, 2):
        codes = case.native(threads=threads).advance(case.condition(), case.uniforms, [120, 120, 57, 56, 1])
        assert torch.equal(codes[:, :2], whole[:, :2])
        for item, count in ((2, 57), (3, 56), (4, 1)):
            assert torch.equal(codes[:count, item], whole[:count, item])
            assert (codes[count:, item] == case.model.silence).all()


def test_groups_are_even_and_keep_all_threads_busy():
    assert group_bounds(1, 4) == [(0, 1)]
    assert group_bounds(9, 1) == [(0, 4), (4, 9)]
    assert group_bounds(20, 2) == [(0, 5), (5, 10), (10, 15), (15, 20)]
    assert group_bounds(3, 2) == [(0, 1), (1, 3)]


def test_more_threads_than_cores_are_capped_and_that_is_said(capsys):
    cores = count_threads(0)
    assert count_threads(cores + 3) == cores
    assert f"{cores + 3} threads on {cores} core" in capsys.readouterr().err


def test_an_unknown_precision_is_refused():
    with pytest.raises(ConfigError, match="precision='fp16' is unknown"):
        NativeWaveNet(Case(ODD, 1, 1).weights, "fp16")


def test_damaged_and_missing_conditions_are_refused_together():
    vectors = torch.zeros(1, 0, 5)
    with pytest.raises(DataError, match="0 conditioning vectors for 0 samples"):
        Condition(vectors, torch.arange(0))
    vectors = torch.full((1, 2, 5), float("nan"))
    with pytest.raises(DataError, match="(?s)2 found.*NaN or infinite.*vectors 0 to 2, but 2 were given"):
        Condition(vectors, torch.arange(3))


def test_outputs_that_overflow_are_told_with_their_sample():
    case = Case(ODD, 3, 40)
    case.weights = replace(case.weights, output=torch.full_like(case.weights.output, 3e38))
    with pytest.raises(NonFiniteLossError, match="output at sample 0 is NaN or infinite"):
        case.draw(case.native())
