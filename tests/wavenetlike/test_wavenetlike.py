"""The library's own ways: what it builds, predicts, reads, and refuses."""
import itertools
import tarfile

import numpy as np
import pytest
import soundfile
import torch

from core_scripts.corpus.ar2 import Ar2Process
from core_scripts.errors import ConfigError, DataError, UsageError
from core_scripts.geometry.span import Span
from core_scripts.wavenetlike import (
    Block,
    Dataset,
    Losses,
    WavenetConstants,
    WavenetToyConstants,
    ar2_process,
    build_wavenetlike,
    ops,
    predict,
    train,
    train_stack_ar,
)
from core_scripts.wavenetlike.building import RECIPE, resolve_recipe

SMALL = {"levels": 8, "layers": 3, "blocks": 2, "residual_channels": 6, "gate_channels": 6, "skip_channels": 6}


@pytest.mark.parametrize(("constants", "preset"), [(WavenetConstants, "full"), (WavenetToyConstants, "toy")])
def test_the_constants_are_the_presets_of_the_recipe(constants, preset):
    own, other = resolve_recipe(constants().settings()).config.net, resolve_recipe((f"net={preset}",)).config.net
    assert (own.levels, own.receptive_field) == (other.levels, other.receptive_field)
    assert all(getattr(own, name) == getattr(other, name) for name in vars(own) if name not in ("codes", "bits"))


def test_sizes_reach_the_model():
    model = build_wavenetlike(SMALL)
    assert model.receptive_field == 1 + 2 * 7 == 15
    assert model.module.levels == 8 and len(model.module.net.layers) == 6
    assert torch.equal(build_wavenetlike(SMALL).module.net.skip.weight, model.module.net.skip.weight)


@pytest.mark.parametrize(("params", "told"), [
    ({"leveles": 8}, "'leveles' is unknown.*levels"),
    ({"levels": 1, "blocks": 0}, "(?s)levels=1 must be a whole number of at least 2.*blocks=0"),
    (7, "give a mapping"),
])  # fmt: skip
def test_sizes_that_mean_nothing_are_refused(params, told):
    with pytest.raises(ConfigError, match=told):
        build_wavenetlike(params)


def test_prediction_goes_on_as_stepping_through_the_whole_past_does():
    model = build_wavenetlike(SMALL)
    inputs = np.sin(np.arange(40) / 3)
    found = predict(model, inputs, samples=4)
    net, past = model.module.net, torch.from_numpy(inputs).float()
    for sample in found:
        codes = net.head.quantise(past)[None, -15:]
        cond = torch.zeros(1, len(net.config.condition_span(Span(0, 1))), 0)
        code = net(codes, cond)[0, -1].argmax()
        assert float(net.head.dequantise(code[None])) == pytest.approx(sample)
        past = torch.cat([past, net.head.dequantise(code[None])])


def test_a_stack_predicts_the_mean_of_what_follows():
    stack = Block(n_layers=1, kernel_length=2, dilation_rate=1)
    train_stack_ar(stack, ar2_process(0.6, -0.3, 5.0, 9.0, c=1.0, sigma=1e-7), samples=80)
    first = 1.0 + 0.6 * 9.0 - 0.3 * 5.0
    np.testing.assert_allclose(predict(stack, [5.0, 9.0], 2), [first, 1.0 + 0.6 * first - 0.3 * 9.0], atol=1e-4)


def test_the_gaussian_loss_of_a_stack_is_the_entropy_rate():
    process = Ar2Process(samples=4000)
    loss = train_stack_ar(Block(1, 2, 1), process.series(), loss_type=Losses.gaussian)
    assert loss == pytest.approx(process.entropy_rate, abs=4 * 0.707 / 4000**0.5)


def test_a_deeper_stack_has_the_receptive_field_of_its_dilations():
    stack = Block(n_layers=3, kernel_length=3, dilation_rate=2)
    assert stack.receptive_field == 1 + 2 * (1 + 2 + 4) == len(stack.kernel)


@pytest.mark.parametrize("series", [np.ones(50), [1.0, 2.0, 3.0], [1.0, float("nan")] * 20])
def test_series_that_teach_nothing_are_refused(series):
    with pytest.raises(DataError, match="teaches nothing"):
        train_stack_ar(Block(1, 2, 1), series)


def test_unstable_processes_are_refused_with_the_condition():
    with pytest.raises(ConfigError, match="a \\+ b < 1 fails"):
        next(ar2_process(0.7, 0.5, 1.0, 1.0))


def test_data_sets_are_folders_files_or_numbers(tmp_path):
    for name in ("a", "sub/b"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(100), 8000)
    whole = Dataset(tmp_path)
    assert whole.names == ("a", "sub/b") and whole.rate_hz == 8000 and len(whole[1]) == 100
    assert Dataset([tmp_path / "sub/b.wav"]).names == ("b",)
    assert Dataset(tmp_path, cutoff=1).names == ("a",)
    numbers = Dataset([np.linspace(-1, 1, 50), [0.5]], rate_hz=4000)
    np.testing.assert_allclose(numbers[0], np.linspace(-1, 1, 50), atol=1e-6)
    assert len(numbers) == 2 and numbers.rate_hz == 4000


def test_data_sets_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(DataError, match="no folder"):
        Dataset(tmp_path / "nowhere")
    soundfile.write(tmp_path / "a.wav", np.zeros(100), 8000)
    soundfile.write(tmp_path / "b.flac", np.zeros((100, 2)), 16000)
    with pytest.raises(DataError, match="(?s)2 channels.*more than one rate.*more than one kind of file"):
        Dataset(tmp_path)
    with pytest.raises(DataError, match="finite numbers in \\[-1, 1\\]"):
        Dataset([np.array([0.0, 2.0])])
    with pytest.raises(DataError, match="no such recording"):
        Dataset([tmp_path / "c.wav"])


def test_sample_audio_comes_from_an_archive_if_one_is_given(tmp_path, capsys):
    (tmp_path / "yes").mkdir()
    for number in range(3):
        soundfile.write(tmp_path / "yes" / f"{number}.wav", np.zeros(200), 16000)
    with tarfile.open(tmp_path / "commands.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "yes", "./yes")
    dataset = ops.download_sample_audio(cutoff=2, archive=tmp_path / "commands.tar.gz")
    assert len(dataset) == 2 and "2 recordings of" in capsys.readouterr().out
    (tmp_path / "half.tar.gz").write_bytes((tmp_path / "commands.tar.gz").read_bytes()[:100])
    with pytest.raises(DataError, match="cannot be read as a tar file"):
        ops.download_sample_audio(cutoff=2, archive=tmp_path / "half.tar.gz")
    with pytest.raises(DataError, match="cutoff=0"):
        ops.download_sample_audio(cutoff=0)


def test_what_cannot_be_trained_is_told_what_can():
    with pytest.raises(UsageError, match="a Block is trained with train_stack_ar"):
        train(Block(1, 2, 1), [1.0, 2.0])


def test_no_module_of_the_library_uses_the_net():
    texts = [path.read_text() for path in (RECIPE.parents[1] / "core_scripts" / "wavenetlike").glob("*.py")]
    words = ("urllib", "requests", "http", "socket")
    assert not [word for word, text in itertools.product(words, texts) if word in text]
