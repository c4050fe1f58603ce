"""The snippets of the design notes (seeds/002), as they stand; only the minute of training is made shorter."""
import sys
from pathlib import Path

import numpy as np
import pytest

import wavenetlike
from core_scripts.wavenetlike import training

WORKFLOW = """
import wavenetlike

dataset = Dataset(source)
analyze(dataset)
model = build_wavenetlike(params)
analyze(model)

train(model, dataset)
predict(model, inputs)
"""
AR2 = """
# current form
stack = Block(n_layers=1, kernel_length=2, dilation_rate=1)
a, b = -0.4, 0.5
x0, x1 = 50, 60
n_samples = 100
data = []
gen = ar2_process(a, b, x0, x1)
for i in range(n_samples):
    data.append(gen.__next__())
train_stack_ar(stack, data, loss_type=Losses.mse)
"""
TOY = """
# current form
model = build_wavenet_toy()
dataset = ops.download_sample_audio(cutoff=5)
train.train(model, dataset)
"""
FULL = TOY.replace("build_wavenet_toy", "build_wavenet")
PARAMS = {"levels": 16, "layers": 5, "blocks": 1, "residual_channels": 8, "gate_channels": 8, "skip_channels": 8}


@pytest.fixture
def run(monkeypatch):
    """Run a snippet where `from wavenetlike import *` was said; returns its names."""
    monkeypatch.setattr(training, "MINUTES", 0.02)

    def execute(snippet: str, **given) -> dict:
        names = {name: vars(wavenetlike)[name] for name in wavenetlike.__all__} | given
        exec(compile(snippet, "snippet", "exec"), names)
        return names

    return execute


@pytest.mark.slow
def test_the_workflow_from_data_to_prediction(run, capsys):
    rng = np.random.default_rng(1)
    source = [0.5 * np.sin(np.arange(8000) * 0.05) + rng.normal(0, 0.02, 8000) for _ in range(4)]
    before = set(sys.modules), list(sys.path)
    run(WORKFLOW, source=source, params=PARAMS, inputs=source[0][:500])
    told = capsys.readouterr().out
    for part in ("correlations", "lpc16", "receptive field samples: 32", "(gamma)", "Training finished"):
        assert part in told
    assert not {"config", "model"} & (set(sys.modules) - before[0]) and sys.path == before[1]


def test_ar2_is_learnt_by_a_single_layer_to_five_digits(run):
    stack = run(AR2)["stack"]
    np.testing.assert_allclose(stack.kernel, [0.5, -0.4], atol=1e-5)
    assert abs(stack.bias) < 1e-5
    weights = stack.layers[0].weight.detach().numpy()[0, 0]
    np.testing.assert_allclose(weights, [0.5, -0.4], atol=1e-5)  # the parameters are the weights themselves


@pytest.mark.slow
@pytest.mark.parametrize(("snippet", "parameters"), [(TOY, 60_610), (FULL, 1_063_648)], ids=["toy", "full"])
def test_toy_and_full_wavenet_train_on_sample_audio_that_needs_no_net(run, snippet, parameters, capsys):
    names = run(snippet)
    told = capsys.readouterr().out
    assert "sample audio: 5 recordings of" in told and f"{parameters:,} trainable parameters" in told
    assert "Training finished" in told and len(names["dataset"]) == 5


def test_the_name_resolves_to_the_package_of_the_core():
    assert wavenetlike is sys.modules["core_scripts.wavenetlike"]
    assert Path(wavenetlike.__file__).parent.name == "wavenetlike"
    assert wavenetlike.train.train is wavenetlike.train
