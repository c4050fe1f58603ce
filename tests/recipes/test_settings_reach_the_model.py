"""Whichever way a setting is given, and whichever network, frames or files it names: it trains and generates."""
import shutil
from pathlib import Path

import pytest
import soundfile
import torch
from desk import NAMES, NET, SAMPLES, SMALL, Desk, copy_recipe, write_corpus

from core_scripts.checkpoint.store import read_checkpoint
from core_scripts.features.config_mel import MelConfig

TINY_NET = {key.removeprefix("net."): int(value) for key, value in (word.split("=") for word in NET)}


def weights(desk: Desk, exp: str = "base") -> dict:
    return read_checkpoint(desk.folder / "exp" / exp / "trained_model.pt")


def is_same(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_a_setting_may_come_from_every_side_and_means_the_same(desk):
    assert desk.run("lr=0.01", "batch_size=2", "exp=words").code == 0
    (desk.folder / "mine.yaml").write_text("lr: 1e-2\nbatch_size: 2\n")
    assert desk.run("--config-file", str(desk.folder / "mine.yaml"), "--exp", "file").code == 0
    assert desk.run("--lr", "0.01", "--batch-size", "2", "--exp", "flags").code == 0
    text = (desk.folder / "config.py").read_text()
    edited = text.replace("lr = 0.001", "lr = 0.01").replace("batch_size = 4", "batch_size = 2", 1)
    (desk.folder / "config_mine.py").write_text(edited)
    assert desk.run("--module-config", "config_mine", "--exp", "module").code == 0
    (desk.folder / "config.py").write_text(edited)
    assert desk.run("--exp", "edited").code == 0
    first = weights(desk, "words")
    assert all(is_same(weights(desk, exp), first) for exp in ("file", "flags", "module", "edited"))
    shutil.copy(desk.folder / "config_mine.py", desk.folder / "config.py")
    assert desk.run("--exp", "other", "lr=0.02").code == 0
    assert not is_same(weights(desk, "other"), first)


def test_the_record_itself_may_be_edited_in_config(desk):
    text = (desk.folder / "config.py").read_text()
    sizes = ", ".join(f"{key}={value}" for key, value in TINY_NET.items())
    text = text.replace('net = WAVENET_PRESETS["small"]', f"net = WaveNetConfig({sizes}, bits=9)")
    text = text.replace("import WAVENET_PRESETS", "import WAVENET_PRESETS, WaveNetConfig")
    (desk.folder / "config.py").write_text(text)
    assert desk.run(*SMALL, f"data={desk.data}", small=False).code == 0
    by_words = desk.run("--exp", "words", "net.bits=9")
    assert by_words.code == 0 and is_same(weights(desk), weights(desk, "words"))


def test_presets_differ_in_size_and_their_parts_may_be_changed(desk):
    for words, lines in ((("net=standard",), ("layers: 30", "skip_channels: 256")),
                         (("net=small",), ("layers: 20", "skip_channels: 128")),
                         (("net.bits=10", "net=standard"), ("layers: 30", "bits: 10"))):
        answer = desk.run("config", *words, small=False)
        assert answer.code == 0
        assert all(line in answer.out for line in lines)


def test_what_config_prints_is_a_config_file_of_the_same_run(desk):
    (desk.folder / "printed.yaml").write_text(desk.run("config", "lr=0.01").out)
    assert desk.run("lr=0.01").code == 0
    answer = desk.run("--config-file", str(desk.folder / "printed.yaml"), "--exp", "printed", small=False)
    assert answer.code == 0, answer.err
    assert is_same(weights(desk), weights(desk, "printed"))


@pytest.mark.parametrize(("mode", "bits"), [
    ("repeat", 8), ("linear", 9), ("transposed", 10), ("transposed", 8), ("linear", 10), ("repeat", 9),
])
def test_every_way_of_upsampling_and_every_depth_trains_and_generates(desk, mode, bits):
    net = (f"net.upsample={mode}", f"net.bits={bits}")
    answer = desk.run(*net, "minibatch_num_train=1")
    assert answer.code == 0, answer.err
    answer = desk.run("infer", *net)
    assert answer.code == 0, answer.err
    assert soundfile.info(desk.folder / "exp/base/output/dd.wav").frames == SAMPLES


def test_greedy_generation_needs_no_seed(desk):
    assert desk.run().code == 0
    outputs = []
    for seed in ("1", "2"):
        assert desk.run("infer", "--temperature", "0", "--generation-seed", seed).code == 0
        outputs.append((desk.folder / "exp/base/output/dd.wav").read_bytes())
    assert outputs[0] == outputs[1]


def read_losses(desk: Desk, exp: str) -> list[float]:
    """Of training and of validation, the only epoch."""
    row = (desk.folder / "exp" / exp / "metrics.csv").read_text().splitlines()[1]
    return [float(value) for value in row.split(",")[1:3]]


def store_frames(folder: Path) -> None:
    """mel/NAME.mel: the frames of each waveform, silence around it, as raw float32."""
    mel = MelConfig()
    extractor, edge = mel.build(), (mel.window - mel.hop) // 2
    (folder / "mel").mkdir()
    for name in NAMES:
        wave = soundfile.read(folder / "wav" / f"{name}.wav", dtype="float32")[0]
        frames = extractor(torch.nn.functional.pad(torch.from_numpy(wave), (edge, edge)))
        frames.numpy().astype("<f4").tofile(folder / "mel" / f"{name}.mel")


STORED = ("input_front_ends=None", "input_exts=[.mel]", 'input_dirs=[["{data}/mel"]]',
          'test_input_dirs=[["{data}/mel"]]')


def test_stored_frames_train_and_generate_like_those_made_while_reading(tmp_path):
    data = write_corpus(tmp_path / "data")
    store_frames(data)
    desk = Desk(copy_recipe(tmp_path / "project" / "01"), data)
    with (desk.folder / "config.py").open("a") as file:
        file.write('\ninput_fills = ["mel"]\n')
    assert desk.run("--exp", "made").code == 0
    assert desk.run(*STORED, "--exp", "stored").code == 0
    made, stored = (read_losses(desk, exp) for exp in ("made", "stored"))
    assert stored == pytest.approx(made, rel=1e-4)
    shutil.rmtree(data / "wav")  # a vocoder hears nothing but frames
    answer = desk.run("infer", *STORED, "--exp", "stored", "test_output_dirs=[[]]")
    assert answer.code == 0, answer.err
    assert soundfile.info(desk.folder / "exp/stored/output/dd.wav").frames == SAMPLES


def test_waveforms_of_every_kind_train_alike(desk, tmp_path):
    data = Path(shutil.copytree(desk.data, tmp_path / "kinds"))
    assert desk.on(data).run("--exp", "pcm16").code == 0
    for subtype in ("PCM_24", "PCM_32", "FLOAT"):
        for path in (desk.data / "wav").iterdir():
            wave, rate_hz = soundfile.read(path)
            soundfile.write(data / "wav" / path.name, wave, rate_hz, subtype=subtype)
        assert desk.on(data).run("--exp", subtype).code == 0
        assert is_same(weights(desk, subtype), weights(desk, "pcm16"))


def test_a_run_interrupted_between_commands_goes_on_where_it_was(desk):
    assert desk.run("epochs=2", "--exp", "whole").code == 0
    assert desk.run("epochs=1").code == 0
    answer = desk.run("epochs=2")
    assert answer.code == 0 and "Continuing from" in answer.out
    assert is_same(weights(desk), weights(desk, "whole"))
    assert len((desk.folder / "exp/base/metrics.csv").read_text().splitlines()) == 3


@pytest.mark.parametrize("words", [("epochs=0",), ("--not-save-anything",), ("--save-model-dir", "models")])
def test_runs_that_save_little_or_elsewhere_end_well(desk, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = desk.run(*words)
    assert answer.code == 0, answer.err
    saved = [line for line in answer.out.splitlines() if line.startswith("Model is saved to")]
    assert bool(saved) == ("--save-model-dir" in words)
    if saved:
        assert {"trained_model.pt", "metrics.csv", "curve.png"} <= {path.name for path in Path("models").iterdir()}


@pytest.mark.parametrize("head", ["logistics", "gaussian"])
def test_heads_of_16_bits_train_and_generate_files(desk, head):
    words = (f"net.head={head}", "net.mixtures=2", "--exp", head)
    assert desk.run("train", *words).code == 0
    assert desk.run("infer", *words).code == 0
    assert soundfile.info(desk.folder / "exp" / head / "output" / f"{NAMES[3]}.wav").frames == SAMPLES
