import math
from dataclasses import replace

import pytest
import torch

from core_scripts.errors import ConfigError, DataError
from core_scripts.geometry.span import Span
from sandbox.block_wavenet import WaveNet
from sandbox.config_wavenet import UPSAMPLE_MODES, WAVENET_PRESETS, WaveNetConfig

TINY = WaveNetConfig(layers=6, dilation_cycle=3, residual_channels=5, gate_channels=4, skip_channels=12,
                     post_channels=16, bits=5, cond_channels=3, hop=6)


def make_model(config, dtype=torch.float64, seed=0):
    """A model whose every weight matters: nothing is zero, logits spread over about one nat."""
    torch.manual_seed(seed)
    model = WaveNet(config).to(dtype)
    with torch.no_grad():
        for weight in model.upsample.parameters():
            weight.normal_().mul_(0.5)
        model.logits.weight.mul_(8)
    return model


def make_batch(config, samples, batch=2, seed=1, dtype=torch.float64):
    """Codes (B, R + samples) and frames for that many predictions."""
    generator = torch.Generator().manual_seed(seed)
    left, right = config.frame_context()
    count = left + math.ceil(samples / config.hop) + right
    codes = torch.randint(config.levels, (batch, config.receptive_field + samples), generator=generator)
    return codes, torch.randn(batch, count, config.cond_channels, generator=generator, dtype=torch.float64).to(dtype)


def step_through(model, codes, frames):
    """Logits (B, T, levels) of forced steps, one code after the other."""
    state = model.prime(codes[:, : model.receptive_field - 1], frames)
    steps = range(model.receptive_field - 1, codes.shape[1] - 1)
    return torch.stack([model.step(codes[:, index], state) for index in steps], 1)


@pytest.mark.parametrize("kernel_size", [2, 3])
@pytest.mark.parametrize(("layers", "cycle"), [(14, 7), (10, 10), (30, 10)])
def test_receptive_field_by_gradient_is_that_of_the_geometry_and_ends_before_the_target(layers, cycle, kernel_size):
    config = replace(TINY, layers=layers, dilation_cycle=cycle, kernel_size=kernel_size, hop=80)
    model = make_model(config)
    seen = []
    model.embed.register_forward_hook(lambda module, inputs, output: seen.append(output))
    codes, frames = make_batch(config, 9, batch=1)
    logits = model.predict(codes, frames)
    for target in (0, 8):
        (gradient,) = torch.autograd.grad(logits[0, target].sum(), seen[0], retain_graph=True)
        touched = gradient[:, 0].abs().sum(1).nonzero().flatten()
        needed = config.stack_geometry().needs(Span(target, target + 1)).shift(config.receptive_field)
        assert (touched[0], touched[-1]) == (needed.start, needed.stop - 1)
        assert touched[-1] == target + config.receptive_field - 1  # codes[R + target] itself is the target


def test_a_changed_code_leaves_its_own_and_all_earlier_logits_exactly_as_they_were():
    model = make_model(TINY)
    codes, frames = make_batch(TINY, 40)
    before = model.predict(codes, frames)
    for target in (0, 17, 39):
        changed = codes.clone()
        changed[:, model.receptive_field + target :] = (changed[:, model.receptive_field + target :] + 1) % TINY.levels
        after = model.predict(changed, frames)
        assert torch.equal(after[:, : target + 1], before[:, : target + 1])
        assert target == 39 or not torch.equal(after[:, target + 1], before[:, target + 1])


@pytest.mark.parametrize("upsample", UPSAMPLE_MODES)
@pytest.mark.parametrize("hop", [5, 6])
def test_each_prediction_depends_on_exactly_the_frames_of_the_geometry(upsample, hop):
    config = replace(TINY, upsample=upsample, hop=hop)
    codes, frames = make_batch(config, 3 * hop, batch=1)
    frames.requires_grad_()
    logits = make_model(config).predict(codes, frames)
    left, _ = config.frame_context()
    for target in range(3 * hop):
        (gradient,) = torch.autograd.grad(logits[0, target].sum(), frames, retain_graph=True)
        touched = gradient[0].abs().sum(1).nonzero().flatten() - left
        needed = config.condition_geometry().needs(Span(target, target + 1))
        assert (touched[0], touched[-1]) == (needed.start, needed.stop - 1)
    (gradient,) = torch.autograd.grad(logits.sum(), frames)
    assert gradient.abs().sum((0, 2)).all()  # the context is not larger than needed


@pytest.mark.parametrize("upsample", UPSAMPLE_MODES)
@pytest.mark.parametrize("kernel_size", [2, 3])
@pytest.mark.parametrize("hop", [5, 6])
def test_forced_steps_equal_the_parallel_pass_beyond_full_rings(upsample, kernel_size, hop):
    config = replace(TINY, upsample=upsample, kernel_size=kernel_size, hop=hop)
    model = make_model(config)
    codes, frames = make_batch(config, 50)
    parallel = model.predict(codes, frames).softmax(2)
    assert torch.allclose(step_through(model, codes, frames).softmax(2), parallel, atol=1e-12, rtol=0)
    codes[:, : model.receptive_field] = model.silence
    parallel = model.predict(codes, frames).softmax(2)
    assert torch.allclose(step_through(model, codes, frames).softmax(2), parallel, atol=1e-12, rtol=0)


@pytest.mark.parametrize("upsample", UPSAMPLE_MODES)
def test_forced_steps_equal_the_parallel_pass_in_single_precision(upsample):
    config = replace(TINY, upsample=upsample, layers=10, dilation_cycle=5, residual_channels=16, bits=8, hop=80)
    model = make_model(config, torch.float32)
    codes, frames = make_batch(config, 200, dtype=torch.float32)
    parallel = model.predict(codes, frames).softmax(2)
    stepped = step_through(model, codes, frames).softmax(2)
    assert torch.allclose(stepped, parallel, atol=1e-5, rtol=0)
    assert torch.allclose(parallel.sum(2), torch.ones(2, 200), atol=1e-5)


@pytest.mark.parametrize("changes", [{"layers": 1, "dilation_cycle": 1}, {"hop": 1}, {"bits": 1}])
def test_the_smallest_models_step_as_they_run_in_parallel(changes):
    config = replace(TINY, **changes)
    model = make_model(config)
    codes, frames = make_batch(config, 20)
    assert torch.allclose(step_through(model, codes, frames), model.predict(codes, frames), atol=1e-12)


@pytest.mark.parametrize("upsample", UPSAMPLE_MODES)
def test_crop_logits_equal_those_positions_of_the_whole_file(upsample):
    config = replace(TINY, upsample=upsample)
    model = make_model(config)
    codes, frames = make_batch(config, 60)
    whole = model.predict(codes, frames)
    left, right = config.frame_context()
    for start, stop in [(0, 60), (0, 7), (12, 30), (54, 60)]:
        first, last = start // config.hop, math.ceil(stop / config.hop)
        crop = model.predict(codes[:, start : model.receptive_field + stop], frames[:, first : last + left + right])
        assert torch.allclose(crop, whole[:, start:stop], atol=1e-12)


def test_loss_of_a_padded_batch_is_that_of_its_items_alone():
    model = make_model(TINY, torch.float32)
    lengths = torch.tensor([40, 17, 1])
    codes, frames = make_batch(TINY, 40, batch=3, dtype=torch.float32)
    alone = 0.0
    left, right = TINY.frame_context()
    for item, length in enumerate(lengths.tolist()):
        count = left + math.ceil(length / TINY.hop) + right
        short = codes[item : item + 1, : model.receptive_field + length]
        alone += length * model.loss(short, frames[item : item + 1, :count], lengths[item : item + 1]).item()
        codes[item, model.receptive_field + length :] = 0
        frames[item, count:] = 0
    assert model.loss(codes, frames, lengths).item() == pytest.approx(alone / 58, abs=1e-6)


def test_items_of_a_batch_do_not_see_each_other():
    model = make_model(TINY)
    codes, frames = make_batch(TINY, 20, batch=3)
    order = [2, 0, 1]
    assert torch.allclose(model.predict(codes[order], frames[order]), model.predict(codes, frames)[order], atol=1e-12)


@pytest.mark.parametrize("upsample", UPSAMPLE_MODES)
def test_permuted_channels_items_or_times_of_the_conditioning_change_the_prediction(upsample):
    config = replace(TINY, upsample=upsample)
    model = make_model(config)
    codes, frames = make_batch(config, 20)
    codes[1] = codes[0]
    whole = model.predict(codes, frames)
    for permuted in (frames[:, :, [1, 2, 0]], frames.flip(0), frames.flip(1), frames.roll(1, 1)):
        assert (model.predict(codes, permuted) - whole).abs().amax(2).min() > 1e-6


@pytest.mark.parametrize("bits", [8, 9, 10])
def test_training_starts_near_equal_probabilities(bits):
    for seed in range(2):
        torch.manual_seed(seed)
        config = replace(WAVENET_PRESETS["small"], bits=bits)
        codes, frames = make_batch(config, 400, seed=seed, dtype=torch.float32)
        codes = (codes / config.levels - 0.5).pow(3).add(0.5).mul(config.levels).long()  # crowded around the middle
        loss = WaveNet(config).loss(codes, frames, torch.tensor([400, 400])).item()
        assert abs(loss - math.log(config.levels)) < 0.3


def count_parameters(config):
    return sum(weight.numel() for weight in WaveNet(config).parameters())


@pytest.mark.parametrize("config", [WAVENET_PRESETS["small"], TINY, replace(TINY, kernel_size=3, bits=9)])
def test_parameter_count_is_the_closed_form(config):
    layers, width, gates = config.layers, config.residual_channels, config.gate_channels
    skips, post, levels = config.skip_channels, config.post_channels, config.levels
    per_layer = (config.kernel_size * width + config.cond_channels + 1) * 2 * gates + gates * skips + gates * width
    ends = levels * width + skips + (skips + 1) * post + (post + 1) * levels
    assert count_parameters(config) == ends + layers * per_layer - gates * width  # the last layer has no residual


def test_parameter_count_agrees_with_the_decoder_of_chorowski_2019():
    config = WaveNetConfig(residual_channels=368, gate_channels=256, skip_channels=256, cond_channels=138, hop=320)
    first, layers, last, post = 256 * 368 + 368, 19 * 607_744, 513_536, 2 * 65_792
    # Theirs: a bias for one-hot codes, which an embedding has no use for; ours: one for the sum of the skips.
    assert count_parameters(config) == first + layers + last + post - 368 + 256
    assert count_parameters(replace(config, input_bias=True, skip_bias=False)) == first + layers + last + post


def test_with_the_published_biases_steps_equal_the_parallel_pass_and_each_bias_has_a_gradient():
    config = replace(TINY, input_bias=True, skip_bias=False)
    model = make_model(config)
    torch.nn.init.normal_(model.embed.bias)
    codes, frames = make_batch(config, 13)
    logits = model.predict(codes, frames)
    torch.testing.assert_close(step_through(model, codes, frames), logits, rtol=1e-12, atol=1e-12)
    logits.square().sum().backward()
    assert model.embed.bias.grad.abs().min() > 0 and not model.skip.bias.any()
    assert not {"skip.bias"} & {*model.state_dict(), *dict(model.named_parameters())}
    assert torch.equal(model.embed(torch.arange(32)), model.embed.weight)


def test_transposed_stages_have_three_taps_per_output():
    config = replace(TINY, upsample="transposed", upsample_factors=(3, 2))
    assert count_parameters(config) - count_parameters(TINY) == 3 * 3 * (9 + 6) + 2 * 3


def test_too_few_samples_name_the_receptive_field():
    model = make_model(TINY)
    codes, frames = make_batch(TINY, 1)
    with pytest.raises(DataError, match="15 samples leave nothing to predict, because the receptive field is 15"):
        model.predict(codes[:, :15], frames)


@pytest.mark.parametrize("upsample", UPSAMPLE_MODES)
@pytest.mark.parametrize(("cut", "told"), [(slice(1, None), "0 .* and 1 on the"), (slice(3), "0 .* and [2-5] on the")])
def test_missing_frames_are_told_with_numbers(upsample, cut, told):
    config = replace(TINY, upsample=upsample)
    codes, frames = make_batch(config, 12)
    with pytest.raises(DataError, match=f"need conditioning frames .*{told} right; take frame_context"):
        make_model(config).loss(codes, frames[:, cut], torch.tensor([12, 12]))


def test_stepping_past_the_frames_is_refused():
    model = make_model(replace(TINY, upsample="transposed"))
    codes, frames = make_batch(model.config, 12)
    state = model.prime(codes[:, : model.receptive_field - 1], frames)
    for _ in range(12):
        model.step(codes[:, 0], state)
    with pytest.raises(DataError, match=r"samples \[12, 18\) need conditioning frames"):
        model.step(codes[:, 0], state)


def test_conditioning_of_another_length_is_refused():
    model = make_model(TINY)
    codes, frames = make_batch(TINY, 10)
    cond = model.upsample_for(Span(0, 10), frames)
    with pytest.raises(DataError, match="10 predictions need conditioning at 23 positions, not 22"):
        model(codes[:, :-1], cond[:, 1:])


@pytest.mark.parametrize("upsample", UPSAMPLE_MODES)
def test_values_of_the_whole_utterance_reach_every_layer_in_training_and_in_steps_alike(upsample):
    config = replace(TINY, upsample=upsample, global_channels=2)
    model = make_model(config)
    codes, frames = make_batch(replace(config, cond_channels=config.condition_channels), 13)
    frames[..., config.cond_channels :] = frames[:, :1, config.cond_channels :]  # the same at every frame
    torch.testing.assert_close(step_through(model, codes, frames), model.predict(codes, frames), rtol=1e-12, atol=1e-12)
    other = frames.clone()
    other[0, :, config.cond_channels :] += 1
    changed = (model.predict(codes, other) - model.predict(codes, frames)).abs().amax((1, 2))
    assert changed[0] > 1e-3 and changed[1] == 0


def test_global_channels_may_be_none_but_not_fewer():
    assert TINY.condition_channels == TINY.cond_channels
    with pytest.raises(ConfigError, match="global_channels=-1 must be a whole number of at least 0"):
        replace(TINY, global_channels=-1)
