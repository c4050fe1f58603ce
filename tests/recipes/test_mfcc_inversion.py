"""Recipe 03 on the synthetic corpus: a tiny run of all, speech learnt by heart, other voices, and 02 before it."""
import json
import math
import re

import numpy as np
import pytest
import soundfile
import torch
from desk import ROOT, Answer, Desk, copy_recipe
from recipe_stage import TEST_SAMPLES, set_recipe
from vqvae_stage import QUICK, build, copy_vqvae, link_corpus, run

from core_scripts import flow
from core_scripts.checkpoint.store import read_checkpoint

pytestmark = pytest.mark.slow
RECIPE = ROOT / "project" / "03-mfcc-inversion"
BOUND_AFTER_STEPS = 4.4  # nats per sample over steps 91 to 120; 5.55 is knowing nothing
VOICES = ("speakers={data}/speakers.tsv", "net.global_channels=4")
WHOLE = ("truncate_seq=None", "minimum_len=None", "batch_size=1")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return link_corpus(tmp_path_factory.mktemp("inversion") / "data")


@pytest.fixture(scope="module")
def demo(tmp_path_factory, corpus) -> tuple[Desk, Answer]:
    """`python main.py demo` with tiny.yaml: trained, generated, scored; for reading only."""
    desk = Desk(copy_recipe(tmp_path_factory.mktemp("demo") / "03-mfcc-inversion", RECIPE), corpus)
    answer = run(desk, "demo")
    assert answer.code == 0, answer.err
    return desk, answer


def test_steps_lower_the_loss_and_files_have_the_length_and_rate_of_the_natural_ones(demo):
    desk, _ = demo
    rows = [line.split(",") for line in (desk.folder / "exp/demo/metrics.csv").read_text().splitlines()[1:]]
    losses = [float(row[1]) for row in rows]
    assert losses[0] < math.log(256) and losses[-1] < min(losses[0], BOUND_AFTER_STEPS)
    found = {path.stem: soundfile.info(path) for path in (desk.folder / "exp/demo/output").glob("*.wav")}
    assert {name: info.frames for name, info in found.items()} == TEST_SAMPLES
    assert {(info.samplerate, info.subtype) for info in found.values()} == {(16000, "PCM_16")}


def test_the_score_tells_what_the_frames_are_worth(demo):
    desk, _ = demo
    score = json.loads((desk.folder / "exp/demo/result.json").read_text())
    assert score["samples"] == sum(TEST_SAMPLES.values())
    assert max(score["model"], score["bigram"]) < score["marginal"] and score["swapped"] > score["model"]


@pytest.mark.parametrize("crop", [800, 4000])
def test_crops_have_the_outputs_and_the_loss_of_the_whole_file(demo, crop):
    desk, _ = demo
    found = []
    for words in (WHOLE, (*WHOLE, f"truncate_seq={crop}")):
        model, data = build(desk, "val", "exp=demo", *words)
        model.load_state_dict(read_checkpoint(desk.folder / "exp/demo/trained_model.pt"))
        found.append(predict(model, data))
    (whole, whole_nats), (parts, parts_nats) = found
    assert len(whole) > 4 * 4000 and parts.shape == whole.shape
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-4)
    assert parts_nats == pytest.approx(whole_nats, rel=1e-6)


@torch.no_grad()
def predict(model, data) -> tuple[torch.Tensor, float]:
    """Logits of the first utterance, crops joined, and its loss summed over samples."""
    parts, nats = [], 0.0
    for batch in data.get_loader():
        if batch.names[0] != data.get_seq_name_list()[0]:
            break
        parts.append(model.predict_codes(batch)[0][0, : int(batch.lengths[0])])
        nats += float(model(batch)) * int(batch.lengths[0])
    return torch.cat(parts), nats


def test_a_quarter_second_learnt_by_heart_comes_back_out_of_its_39_coefficients_alone(tmp_path, corpus):
    wave, rate_hz = soundfile.read(corpus / "wav" / "ada_0000.wav", frames=20000, dtype="int16")
    (tmp_path / "data" / "wav").mkdir(parents=True)
    soundfile.write(tmp_path / "data" / "wav" / "a.wav", wave[16000:], rate_hz)
    for kind in ("train", "val", "test"):
        (tmp_path / "data" / f"{kind}.lst").write_text("a\n")
    folder = copy_recipe(tmp_path / "03", RECIPE)
    stage = set_recipe(folder, f"data={tmp_path / 'data'}", "temperature=0", "net.layers=14", "net.dilation_cycle=7",
                       *WHOLE)
    data = flow.load_data_set(stage, "trn")
    torch.manual_seed(1)
    model = flow.build_model(stage, data, data.get_data_mean_std())
    (batch,) = data.get_loader()
    optimizer, bits, steps = torch.optim.Adam([one for one in model.parameters() if one.requires_grad], 4e-3), 8.0, 0
    while bits > 0.02 and steps < 120:
        optimizer.zero_grad()
        loss = model(batch)
        loss.backward()
        optimizer.step()
        bits, steps = loss.item() / math.log(2), steps + 1
    assert bits < 0.1, f"{bits} bits after {steps} steps"
    made = model.eval().net.head.quantise(model.inference(batch)[0, :, 0])
    assert (made == model.target_codes(batch)[0]).float().mean() >= 0.99


def test_who_speaks_may_be_told_and_changes_what_comes_out(demo, tmp_path):
    desk, _ = demo
    assert run(desk, "train", "--exp", "voiced", *VOICES, *QUICK).code == 0
    for who in ("ben", "cleo"):
        answer = run(desk, "infer", "--exp", "voiced", *VOICES, "--target-speaker", who, "--output-dir",
                     str(tmp_path / who))
        assert answer.code == 0, answer.err
    ben, cleo = (soundfile.read(tmp_path / who / "ada_0104.wav")[0] for who in ("ben", "cleo"))
    assert len(ben) == len(cleo) == TEST_SAMPLES["ada_0104"] and (ben != cleo).any()
    answer = run(desk, "infer", "--exp", "demo", *VOICES, "--output-dir", str(tmp_path / "none"))
    assert answer.code == 4 and "voices.weight: in the model only" in answer.err, answer.err


def test_digits_of_8_khz_train_and_generate_with_their_own_file_of_settings(demo, tmp_path):
    desk, _ = demo
    data = tmp_path / "eight"
    (data / "wav").mkdir(parents=True)
    for path in sorted((desk.data / "wav").glob("ada_00*.wav"))[:4]:
        soundfile.write(data / "wav" / path.name, soundfile.read(path, dtype="int16")[0][16000:24000:2], 8000)
    names = [path.stem for path in sorted((data / "wav").iterdir())]
    for kind in ("train", "val", "test"):
        (data / f"{kind}.lst").write_text("".join(f"{name}\n" for name in names[-1 if kind == "test" else 0 :]))
    words = ("--config-file", str(desk.folder / "fsdd.yaml"), f"data={data}", "--no-cuda", "--exp", "eight")
    for verb in ("train", "infer"):
        answer = desk.run(verb, *words, *QUICK, small=False)
        assert answer.code == 0, answer.err
    info = soundfile.info(desk.folder / f"exp/eight/output/{names[-1]}.wav")
    assert (info.frames, info.samplerate) == (4000, 8000)


def test_units_become_coefficients_and_coefficients_become_speech(demo, tmp_path):
    desk, _ = demo
    units = Desk(copy_vqvae(tmp_path / "02-vqvae"), desk.data)
    for verb in ("train", "infer"):
        answer = run(units, verb, "--exp", "units", "target=mfcc", *QUICK)
        assert answer.code == 0, answer.err
    made = units.folder / "exp/units/output"
    for name, samples in TEST_SAMPLES.items():
        frames = np.fromfile(made / f"{name}.mfcc", dtype="<f4").reshape(-1, 39)
        assert len(frames) == samples // 160 and np.isfinite(frames).all() and frames[:, 0].mean() < -20
    words = ("--exp", "demo", f"mfcc_from={made}", "--output-dir", str(tmp_path / "spoken"))
    answer = run(desk, "infer", *words)
    assert answer.code == 0, answer.err
    spoken = {path.stem: soundfile.read(path)[0] for path in (tmp_path / "spoken").glob("*.wav")}
    assert {name: len(wave) for name, wave in spoken.items()} == {
        name: samples // 160 * 160 for name, samples in TEST_SAMPLES.items()}
    assert all(len(np.unique(wave)) > 20 for wave in spoken.values())
    answer = run(desk, "infer", *words, "mfcc.low_hz=100")
    assert answer.code == 2 and re.search(r"low_hz 60.0 and 100.0", answer.err), answer.err
