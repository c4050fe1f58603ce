"""Recipe 05: few levels, nothing or one variable that conditions them, and what they are told beside."""
import json
import shutil

import numpy as np
import pytest
import soundfile
from desk import ROOT, SMALL, Desk

RECIPE = ROOT / "project" / "05-toy-wavenet"
NET = ("net.kernel_size=2", "net.layers=4", "net.dilation_cycle=4", "net.residual_channels=8", "net.gate_channels=8",
       "net.skip_channels=8", "net.post_channels=8", "net.codes=16")  # which see 16 samples, less than a low tone
TONES = {"low": 0.05, "high": 0.35}  # cycles per sample


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    """Utterances of noisy tones of one of two pitches, and who has which, as a class and as a number."""
    folder = tmp_path_factory.mktemp("tones")
    (folder / "wav").mkdir()
    rng = np.random.default_rng(1)
    names = [f"{kind}{number}" for number in range(8) for kind in TONES]
    for name in names:
        wave = 0.5 * np.sin(2 * np.pi * (TONES[name[:-1]] * np.arange(1600) + rng.uniform()))
        soundfile.write(folder / "wav" / f"{name}.wav", wave + rng.normal(0, 0.1, 1600), 16000)
    for kind, own in (("train", names[:12]), ("val", names[12:14]), ("test", names[14:])):
        (folder / f"{kind}.lst").write_text("".join(f"{name}\n" for name in own))
    (folder / "kinds.tsv").write_text("".join(f"{name}\t{name[:-1]}\n" for name in names))
    (folder / "pitch.tsv").write_text("".join(f"{name}\t{TONES[name[:-1]]}\n" for name in names))
    return folder


@pytest.fixture
def desk(tmp_path, tones) -> Desk:
    ignored = shutil.ignore_patterns("exp", "__pycache__")
    return Desk(shutil.copytree(RECIPE, tmp_path / "project" / "05-toy-wavenet", ignore=ignored), tones)


def run(desk: Desk, verb: str, *words: str):
    settings = (*SMALL, "epochs=6", "minibatch_num_train=16", "lr=0.01", *NET)
    return desk.run(verb, *settings, f"data={desk.data}", *words, small=False)


def score(desk: Desk, *words: str) -> dict:
    assert run(desk, "train", *words).code == 0
    answer = run(desk, "evaluate", *words, "--json")
    assert answer.code == 0, answer.err
    return json.loads((desk.folder / "exp/base/result.json").read_text())


@pytest.mark.slow
def test_the_table_has_k_beside_every_accuracy_and_what_the_model_must_beat(desk):
    result = score(desk)
    assert result["levels"] == 16 and result["bits_swapped"] is None
    assert 0 < result["bits"] < result["bits_marginal"] < 4
    assert 0 < result["accuracy_persistence"] < 1 and result["bits_lpc16"] > 0
    answer = run(desk, "evaluate")
    for told in ("accuracy, K = 16", "persistence", "majority", "LPC-16", "bigram"):
        assert told in answer.out


@pytest.mark.slow
@pytest.mark.parametrize("words", [
    ("variable={data}/kinds.tsv",), ("variable={data}/pitch.tsv", "variable_kind=scalar"),
], ids=["class", "scalar"])  # fmt: skip
def test_another_value_of_the_variable_costs_bits(desk, words):
    result = score(desk, *words)
    gap = result["bits_swapped"] - result["bits"]
    assert gap > 0.3


@pytest.mark.slow
def test_a_chosen_value_decides_what_is_generated(desk):
    words = ("variable={data}/pitch.tsv", "variable_kind=scalar", "wav_samp_rate=16000", "epochs=20")
    assert run(desk, "train", *words).code == 0
    peaks = {}
    for kind, pitch in TONES.items():
        answer = run(desk, "infer", *words, f"variable_value={pitch}", "temperature=0.5", "--output-dir",
                     str(desk.folder / kind))
        assert answer.code == 0, answer.err
        wave = np.concatenate([soundfile.read(path)[0][400:] for path in (desk.folder / kind).glob("*.wav")])
        peaks[kind] = np.argmax(np.abs(np.fft.rfft(wave - wave.mean()))) / len(wave)
    assert peaks["low"] < 0.15 < 0.25 < peaks["high"]


@pytest.mark.slow
def test_a_chosen_value_changes_neither_training_nor_scores(desk):
    words = ("variable={data}/pitch.tsv", "variable_kind=scalar")
    plain = score(desk, *words)
    assert run(desk, "train", *words, "variable_value=0.3", "--exp", "chosen").code == 0
    answer = run(desk, "evaluate", *words, "variable_value=0.3", "--exp", "chosen")
    assert answer.code == 0, answer.err
    assert json.loads((desk.folder / "exp/chosen/result.json").read_text()) == plain


@pytest.mark.parametrize(("words", "told"), [
    (("net.codes=1",), "codes=1: with one code there is nothing to predict"),
    (("variable_kind=klass",), "variable_kind='klass' is unknown"),
    (("variable_value=1",), "for a variable of variable_kind=scalar"),
    (("net.cond_channels=8",), "there are no frames here"),
    (("net.codes=0", "net.head=gaussian"), "recipe 01 has the other heads"),
])  # fmt: skip
def test_settings_that_do_not_fit_are_told(desk, words, told):
    answer = run(desk, "config", *words)
    assert answer.code == 2 and told in answer.err


def test_utterances_without_a_value_are_told(desk, tmp_path):
    (tmp_path / "few.tsv").write_text("low0\t1\n")
    answer = run(desk, "train", f"variable={tmp_path / 'few.tsv'}", "variable_kind=scalar")
    assert answer.code == 2 and "stands in no line NAME<TAB>number" in answer.err


def test_folders_of_words_are_read_as_they_are(desk, tmp_path):
    for kind in TONES:
        (tmp_path / "commands" / kind).mkdir(parents=True)
        for path in (desk.data / "wav").glob(f"{kind}*.wav"):
            shutil.copy(path, tmp_path / "commands" / kind)
    for kind in ("train", "val", "test"):
        names = (desk.data / f"{kind}.lst").read_text().split()
        (tmp_path / "commands" / f"{kind}.lst").write_text("".join(f"{name[:-1]}/{name}\n" for name in names))
    answer = run(desk.on(tmp_path / "commands"), "train", "wav_folder=.", "epochs=1")
    assert answer.code == 0, answer.err
