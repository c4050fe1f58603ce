"""The short way of an upstream user: train two epochs, generate, look at the files."""
import hashlib
import json
import re
from collections import OrderedDict

import numpy as np
import torch
from contract_tools import FRAMES, HOP, RECIPES, SEGMENTS, TEST, TRAINING, generated

KEYS = ["state_dict", "info", "optimizer", "train_log", "val_log", "lr_scheduler"]


def holds_plain_types_only(value) -> bool:
    """Tensors on the CPU, str, int, float, bool, None and containers of them."""
    if isinstance(value, dict):
        return all(holds_plain_types_only(part) for pair in value.items() for part in pair)
    if isinstance(value, (list, tuple)):
        return all(holds_plain_types_only(part) for part in value)
    if torch.is_tensor(value):
        return value.device.type == "cpu"
    return value is None or type(value) in (str, int, float, bool)


def test_training_writes_its_three_model_files_beside_main(first_training):
    recipe, run = first_training
    assert sorted(path.name for path in recipe.folder.glob("*.pt")) == ["epoch_000.pt", "epoch_001.pt",
                                                                         "trained_model.pt"]
    assert run.epochs == [0, 1]
    kept = {path.name for path in (RECIPES / "plain").iterdir()} | {"__pycache__"}
    written = {path.name for path in recipe.folder.iterdir()} - kept
    models, caches = (".pt", ".pt.sha256"), ("tiny_trn_", "tiny_val_")
    assert all(name.endswith(models) or name.startswith(caches) for name in written), written


def test_table_has_upstreams_format(first_training):
    lines = first_training[1].out.splitlines()
    header = lines.index("  Epoch |  Duration(s) |   Train loss |     Dev loss |  Best")
    assert "-" * 62 in lines[header - 1: header + 2]
    for row in first_training[1].rows:
        assert re.fullmatch(r" {6}\d \|  *\d+\.\d \| {1,12}\d+\.\d{4} \| {1,12}\d+\.\d{4} \|   (yes|  no) *", row.text)
        assert row.text.index("|") == 8
        assert [len(cell) for cell in row.text.split("|")[:4]] == [8, 14, 14, 14]
    assert first_training[1].rows[0].best
    assert first_training[1].rows[1].train[0] < first_training[1].rows[0].train[0]


def test_table_ends_with_where_the_model_is(first_training):
    text = first_training[1].out
    assert "Training finished" in text
    assert "early stopping" not in text
    assert "trained_model.pt" in text[text.index("Model is saved to"):]


def test_training_is_silent_about_cuda_and_deprecations(first_training):
    for text in (first_training[1].err, first_training[1].out):
        assert "Traceback" not in text
        assert "%s" not in text
        assert "DeprecationWarning" not in text and "FutureWarning" not in text


def test_epoch_file_is_a_plain_dict_that_default_loading_reads(first_training):
    epoch = torch.load(first_training[0].folder / "epoch_001.pt")
    assert type(epoch) is dict
    assert [key for key in KEYS if key not in epoch] == []
    assert holds_plain_types_only(epoch)
    assert all(row.text in str(epoch["info"]) for row in first_training[1].rows)
    assert epoch["optimizer"]["state"]


def test_trained_model_is_the_ordered_dict_of_the_weights(first_training):
    folder = first_training[0].folder
    weights = torch.load(folder / "trained_model.pt")
    assert type(weights) is OrderedDict
    best = max(row.epoch for row in first_training[1].rows if row.best)
    kept = torch.load(folder / f"epoch_{best:03d}.pt")["state_dict"]
    assert list(weights) == list(kept)
    assert all(torch.equal(weights[key], kept[key]) for key in weights)
    assert {"input_mean", "input_std", "output_mean", "output_std", "modulation.weight"} <= set(weights)


def test_statistics_are_those_of_the_data_with_voiced_f0_only(first_training, contract_data):
    mel = np.concatenate([np.fromfile(contract_data / "mel" / f"{n}.mel", "<f4").reshape(-1, 4) for n in TRAINING])
    f0 = np.concatenate([np.fromfile(contract_data / "f0" / f"{n}.f0", "<f4") for n in TRAINING])
    mean = [*mel.mean(0, dtype=float), f0[f0 > 0].mean(dtype=float)]
    std = [*mel.std(0, dtype=float), f0[f0 > 0].std(dtype=float)]
    weights = torch.load(first_training[0].folder / "trained_model.pt")
    np.testing.assert_allclose(weights["input_mean"].numpy(), mean, rtol=1e-4)
    np.testing.assert_allclose(weights["input_std"].numpy(), std, rtol=1e-4)


def test_caches_have_upstreams_names_and_formats(first_training):
    folder = first_training[0].folder
    entries = json.loads((folder / "tiny_trn_utt_length.dic").read_text())
    assert all({"length", "seq_name", "seg_idx", "start_pos", "info_id"} <= set(entry) for entry in entries)
    assert len(entries) == SEGMENTS
    assert (folder / "tiny_val_utt_length.dic").is_file()
    weights = torch.load(folder / "trained_model.pt")
    for side, dims in (("input", 5), ("output", 1)):
        stored = np.fromfile(folder / f"tiny_trn_mean_std_{side}.bin", "<f4")
        assert stored.shape == (2 * dims,)
        np.testing.assert_array_equal(stored[:dims], weights[f"{side}_mean"].numpy())
        np.testing.assert_array_equal(stored[dims:], weights[f"{side}_std"].numpy())


def expected_wave(folder, data, name: str) -> np.ndarray:
    """What the plain model makes of an utterance, by hand, in 16-bit steps."""
    weights = {key: value.double().numpy() for key, value in torch.load(folder / "trained_model.pt").items()}
    mel = np.fromfile(data / "mel" / f"{name}.mel", "<f4").reshape(-1, 4)
    f0 = np.fromfile(data / "f0" / f"{name}.f0", "<f4").reshape(-1, 1)
    frames = (np.concatenate([mel, f0], axis=1) - weights["input_mean"]) / weights["input_std"]
    hidden = np.tanh(frames @ weights["front.weight"].T + weights["front.bias"])
    wave = hidden @ weights["modulation.weight"].T + weights["modulation.bias"]
    return (wave.ravel() * weights["output_std"] + weights["output_mean"]) * 2**15


def test_inference_writes_what_the_model_says_one_wave_per_utterance(trained):
    before = {path.name: hashlib.sha256(path.read_bytes()).digest() for path in trained.folder.glob("*.pt")}
    run = trained.start("--inference")
    assert run.code == 0, run.err
    waves = generated(trained.folder / "output")
    assert {name: len(wave) for name, wave in waves.items()} == {f"{n}.wav": FRAMES[n] * HOP for n in TEST}
    for name in TEST:
        expected = expected_wave(trained.folder, trained.folder.parent / "data", name)
        assert np.abs(waves[f"{name}.wav"] - expected).max() <= 1
    assert len(re.findall(r"Generating \d+, .*, time cost: \d+\.\d{3}s", run.out + run.err)) == len(TEST)
    assert before == {path.name: hashlib.sha256(path.read_bytes()).digest() for path in trained.folder.glob("*.pt")}
