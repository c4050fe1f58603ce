import math

import pytest
import torch
from generation_tools import CONFIG, LENGTHS, NAMES, make_frames, make_model

from core_scripts.errors import ConfigError, DataError, NonFiniteLossError
from core_scripts.generation.engine import GenerationOptions, describe_speed, generate
from core_scripts.generation.options import ENGINES
from core_scripts.generation.sampling import code_probabilities, utterance_uniforms
from sandbox.config_wavenet import UPSAMPLE_MODES


@pytest.mark.parametrize("upsample", UPSAMPLE_MODES)
@pytest.mark.parametrize("temperature", [0, 0.7, 1.0])
def test_eager_batch_equals_naive_batch_equals_each_utterance_alone(upsample, temperature):
    model = make_model(upsample=upsample)
    frames = make_frames(model.config, LENGTHS)
    naive = generate(model, frames, LENGTHS, NAMES, GenerationOptions("naive", temperature))
    eager = generate(model, frames, torch.tensor(LENGTHS), NAMES, GenerationOptions("eager", temperature))
    assert naive.shape == (4, 47) and torch.equal(naive, eager)
    left, right = model.config.frame_context()
    for item, length in enumerate(LENGTHS):
        count = left + math.ceil(length / CONFIG.hop) + right
        options = GenerationOptions("eager", temperature)
        alone = generate(model, frames[item : item + 1, :count], [length], [NAMES[item]], options)
        assert torch.equal(alone[0], eager[item, :length])
        assert (eager[item, length:] == model.silence).all()


def test_generated_codes_are_what_the_parallel_pass_would_draw_from_them():
    model = make_model(kernel_size=3)
    frames = make_frames(model.config, [50])
    codes = generate(model, frames, [50], ["x"], GenerationOptions(seed=3))
    past = codes.new_full((1, model.receptive_field), model.silence)
    with torch.no_grad():
        cumulative = code_probabilities(model.predict(torch.cat([past, codes], 1), frames), 1.0).cumsum(2)
    uniforms = utterance_uniforms(3, ["x"], [50]).T
    assert torch.equal((cumulative <= uniforms[:, :, None]).sum(2), codes)


@pytest.mark.parametrize("engine", [engine for engine in ENGINES if engine != "naive"])
@pytest.mark.parametrize("upsample", UPSAMPLE_MODES)
def test_single_precision_engines_agree_where_draws_are_well_separated(upsample, engine):
    model = make_model(torch.float32, kernel_size=3, upsample=upsample)
    frames = make_frames(model.config, LENGTHS, torch.float32)
    for temperature in (0, 1.0):
        first = generate(model, frames, LENGTHS, NAMES, GenerationOptions("naive", temperature))
        assert torch.equal(first, generate(model, frames, LENGTHS, NAMES, GenerationOptions(engine, temperature)))


def test_seed_and_name_change_the_samples_and_nothing_else_does():
    model = make_model()
    frames = make_frames(model.config, [40])
    first = generate(model, frames, [40], ["x"], GenerationOptions(seed=1))
    torch.manual_seed(99)
    assert torch.equal(first, generate(model, frames, [40], ["x"], GenerationOptions(seed=1)))
    assert not torch.equal(first, generate(model, frames, [40], ["x"], GenerationOptions(seed=2)))
    assert not torch.equal(first, generate(model, frames, [40], ["y"], GenerationOptions(seed=1)))


def test_auto_is_one_of_the_engines_and_leaves_arguments_and_threads_alone():
    model = make_model(torch.float32)
    frames, threads = make_frames(model.config, LENGTHS, torch.float32), torch.get_num_threads()
    before = frames.clone()
    codes = generate(model, frames, LENGTHS, NAMES, GenerationOptions())
    assert any(torch.equal(codes, generate(model, frames, LENGTHS, NAMES, GenerationOptions(name))) for name in ENGINES)
    assert torch.equal(frames, before) and torch.get_num_threads() == threads
    assert codes.dtype == torch.int64 and not codes.is_inference()


def test_the_speed_is_told_at_the_end(capsys):
    model = make_model()
    generate(model, make_frames(model.config, LENGTHS), LENGTHS, NAMES, GenerationOptions(rate_hz=100))
    assert "generated 4 utterances, 1.0 s of audio in 0." in capsys.readouterr().err


def test_speed_is_seconds_per_second_of_audio_and_its_inverse():
    line = "generated 3 utterances, 7.2 s of audio in 21.0 s: RTF 2.92 (0.34 x real time)"
    assert describe_speed(3, 115_200, 21.0, 16000) == line
    line = "generated 1 utterance, 5,000 samples in 2.0 s: 2,500 samples per second"
    assert describe_speed(1, 5000, 2.0, None) == line


def test_a_mistyped_engine_is_guessed():
    with pytest.raises(ConfigError, match="engine='egaer' is unknown; did you mean eager.*auto, native, .*naive"):
        GenerationOptions("egaer")


@pytest.mark.parametrize("temperature", [-0.1, math.nan, math.inf])
def test_a_temperature_below_zero_or_no_number_is_refused(temperature):
    with pytest.raises(ConfigError, match=f"temperature={temperature} must be 0"):
        GenerationOptions(temperature=temperature)


def test_faults_of_the_options_are_told_together():
    with pytest.raises(ConfigError, match="(?s)3 found.*engine.*temperature.*rate_hz=0"):
        GenerationOptions("fast", -1.0, 1, 0)


@pytest.mark.parametrize(("lengths", "names", "told"), [
    ([5, 5], ["a"], "2 items of frames, 2 lengths and 1 names"),
    ([5, 0], ["a", "b"], "item 1 is to have 0 samples"),
])
def test_batches_that_do_not_fit_together_are_refused(lengths, names, told):
    model = make_model()
    with pytest.raises(DataError, match=told):
        generate(model, make_frames(model.config, [5, 5]), lengths, names, GenerationOptions())


@pytest.mark.parametrize("upsample", UPSAMPLE_MODES)
def test_too_few_frames_are_refused_before_the_first_sample(upsample):
    model = make_model(upsample=upsample)
    frames = make_frames(model.config, [1998])
    with pytest.raises(DataError, match=r"samples \[\d+, 1998\) need .*: 0 too few on the left and 1 on the right"):
        generate(model, frames[:, :-1], [1998], ["a"], GenerationOptions("eager"))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_model_of_nan_is_refused_instead_of_written_as_audio(engine):
    model = make_model(torch.float32)
    with torch.no_grad():
        model.post.bias[0] = math.nan
    with pytest.raises(NonFiniteLossError, match="NaN"):
        generate(model, make_frames(model.config, [12], torch.float32), [12], ["a"], GenerationOptions(engine))
