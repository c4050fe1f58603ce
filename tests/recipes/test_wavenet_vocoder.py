"""Recipe 01 on the synthetic corpus: one tiny run of everything, looked at from all sides."""
import csv
import json
import math

import numpy as np
import pytest
import soundfile
import torch
from recipe_stage import TEST_SAMPLES, set_recipe

from core_scripts import flow
from core_scripts.checkpoint.store import read_checkpoint
from core_scripts.features.mulaw import encode

pytestmark = pytest.mark.slow
STEPS = 200
BOUND_AFTER_STEPS = 4.2  # nats per sample over steps 151 to 200; 5.55 is knowing nothing


def rows(desk) -> list[dict]:
    with (desk.folder / "exp/demo/metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_two_hundred_steps_bring_the_loss_below_the_bound(tiny_run):
    desk, _ = tiny_run
    table = rows(desk)
    state = read_checkpoint(desk.folder / "exp/demo/epoch_003.pt")
    assert [row["epoch"] for row in table] == ["0", "1", "2", "3"] and state["step"] == STEPS
    losses = [float(row["train_loss"]) for row in table]
    assert losses[0] < math.log(256) and losses[-1] < BOUND_AFTER_STEPS
    assert float(table[-1]["val_loss"]) < BOUND_AFTER_STEPS
    assert losses == sorted(losses, reverse=True)


def test_generated_files_have_the_length_rate_and_format_of_the_natural_ones(tiny_run):
    desk, _ = tiny_run
    found = {path.stem: soundfile.info(path) for path in (desk.folder / "exp/demo/output").glob("*.wav")}
    assert {name: info.frames for name, info in found.items()} == TEST_SAMPLES
    assert {(info.samplerate, info.subtype, info.channels) for info in found.values()} == {(16000, "PCM_16", 1)}
    waves = [soundfile.read(path)[0] for path in (desk.folder / "exp/demo/output").glob("*.wav")]
    assert all(len(np.unique(wave)) > 20 and np.abs(wave).max() <= 1 for wave in waves)


def test_everything_of_a_run_is_in_its_folder_and_readable(tiny_run):
    desk, answer = tiny_run
    folder = desk.folder / "exp/demo"
    assert (folder / "curve.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert (folder / "curve.png").stat().st_size > 5000
    assert "Training finished" in (folder / "log_train.txt").read_text()
    assert [line for line in answer.out.splitlines() if "Epoch |" in line]
    for path in folder.glob("*.pt"):
        torch.load(path, weights_only=True)
    assert len(list(folder.glob("epoch_*.pt"))) == 4
    assert not list(folder.glob("*.tmp"))


def test_the_score_is_printed_and_kept_beside_what_needs_no_network(tiny_run):
    desk, answer = tiny_run
    score = json.loads((desk.folder / "exp/demo/result.json").read_text())
    assert score["samples"] == sum(TEST_SAMPLES.values()) and score["levels"] == 256
    assert all(0 < score[name] < 8 for name in ("model", "marginal", "bigram", "flac"))
    assert score["swapped"] > score["model"] and score["constant"] > 0 and score["density_offset"] > 0
    assert score["bigram"] < score["marginal"]
    for name in ("WaveNet", "FLAC", "bigram", "marginal", "uniform", "other file", "mean frame"):
        assert name in answer.out
    assert f"{score['model']:.3f}" in answer.out


def test_generating_again_gives_the_same_files_and_another_seed_others(tiny_run):
    desk, _ = tiny_run
    where = ("--config-file", str(desk.folder / "tiny.yaml"), f"data={desk.data}", "exp=demo", "--no-cuda")
    first = (desk.folder / "exp/demo/output/ben_0101.wav").read_bytes()
    for seed, same in ((1, True), (2, False)):
        place = desk.folder / f"again{seed}"
        words = ("--generation-seed", str(seed), "--output-dir", str(place), "--batch-size", "2")
        answer = desk.run("infer", *where, *words, small=False)
        assert answer.code == 0, answer.err
        assert ((place / "ben_0101.wav").read_bytes() == first) is same


def trained_model(desk, *words: str):
    """The trained model and the validation data, cut as `words` say."""
    settings = ("--config-file", str(desk.folder / "tiny.yaml"), f"data={desk.data}", "exp=demo", "batch_size=1")
    stage = set_recipe(desk.folder, *settings, *words)
    data = flow.load_data_set(stage, "val")
    model = flow.build_model(stage, data, None)
    model.load_state_dict(read_checkpoint(desk.folder / "exp/demo/trained_model.pt"))
    return model.eval(), data


def predict(model, data) -> tuple[torch.Tensor, float]:
    """Logits of the first utterance, crops joined, and its loss summed over samples."""
    parts, nats = [], 0.0
    with torch.no_grad():
        for batch in data.get_loader():
            if batch.names[0] != data.get_seq_name_list()[0]:
                break
            codes = encode(batch.targets[..., 0], model.levels)
            parts.append(model.net.predict(codes, model.normalize_input(batch.inputs))[0, : int(batch.lengths[0])])
            nats += float(model(batch)) * int(batch.lengths[0])
    return torch.cat(parts), nats


@pytest.mark.parametrize("crop", [800, 4000])
def test_crops_have_the_outputs_and_the_loss_of_the_whole_file(tiny_run, crop):
    desk, _ = tiny_run
    whole, whole_nats = predict(*trained_model(desk, "truncate_seq=None", "minimum_len=None"))
    parts, parts_nats = predict(*trained_model(desk, f"truncate_seq={crop}", "minimum_len=None"))
    assert len(whole) > 4 * 4000 and parts.shape == whole.shape
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-4)
    assert parts_nats == pytest.approx(whole_nats, rel=1e-6)
