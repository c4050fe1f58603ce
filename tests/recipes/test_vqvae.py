"""Recipe 02-vqvae on the synthetic corpus by its commands: units, their files, other voices, all ways to train."""
import csv
import shutil

import numpy as np
import pytest
import soundfile
import torch
from desk import Answer, Desk
from recipe_stage import TEST_SAMPLES
from vqvae_stage import LATENT_HOP, QUICK, copy_vqvae, link_corpus, run

from core_scripts.checkpoint.store import read_checkpoint
from core_scripts.entry import check_passport
from core_scripts.features.config_mel import MelConfig
from core_scripts.features.passport import passport_of

pytestmark = pytest.mark.slow
WAVE = ("decoder=wavenet", "batch_size=2", "statistics_crops=0")


@pytest.fixture(scope="module")
def units(tmp_path_factory) -> tuple[Desk, Answer]:
    """A features run `units`, trained and generated with its codes; for reading only."""
    place = tmp_path_factory.mktemp("vqvae")
    desk = Desk(copy_vqvae(place / "02-vqvae"), link_corpus(place / "data"))
    answer = run(desk, "train", "--exp", "units")
    assert answer.code == 0, answer.err
    made = run(desk, "infer", "--exp", "units", "--write-codes")
    assert made.code == 0, made.err
    return desk, answer


@pytest.fixture(scope="module")
def wave(units) -> Desk:
    """A wavenet in two steps on the units of that run, trained a little and generated."""
    desk, _ = units
    answer = run(desk, "train", "--exp", "wave", *WAVE, *QUICK, "init_codes_from=exp/units/trained_model.pt")
    assert answer.code == 0, answer.err
    assert run(desk, "infer", "--exp", "wave", *WAVE, "--write-codes").code == 0
    return desk


def table(desk: Desk, exp: str) -> list[dict]:
    with (desk.folder / "exp" / exp / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def weights(desk: Desk, exp: str) -> dict:
    return read_checkpoint(desk.folder / "exp" / exp / "trained_model.pt")


def read_mel(desk: Desk, place: str, name: str) -> np.ndarray:
    return np.fromfile(desk.folder / place / f"{name}.mel", dtype="<f4").reshape(-1, 80)


def test_a_features_run_learns_and_tells_what_its_units_do(units):
    desk, answer = units
    rows = table(desk, "units")
    losses = [float(row["train_loss"]) for row in rows]
    assert losses[-1] < losses[0] and float(rows[-1]["val_loss"]) < 0.5
    last = {key: float(value) for key, value in rows[-1].items() if key != "best"}
    assert 6 < last["perplexity"] <= 16 and 0.6 < last["used_share"] <= 1 and last["energy_r2"] > 0.6
    assert last["swap_gap_mse"] > 0.2 and last["zero_gap_mse"] > 0 and "speaker_gap_mse" in last
    assert last["quantisation_snr_db"] > 0 and last["restarts"] >= 0 and last["code_norm"] > 0
    assert 100 < last["unit_bits_per_second"] <= 200
    assert "as if so many units were used alike" in answer.err


def test_every_token_has_a_unit_with_times_and_runs_are_joined(units):
    desk, _ = units
    folder = desk.folder / "exp/units/output/codes"
    for name, samples in TEST_SAMPLES.items():
        codes = np.load(folder / f"{name}.npy")[:, 0].astype(int)
        assert len(codes) == -(-samples // LATENT_HOP) and 0 <= codes.min() <= codes.max() < 16
        rows = [line.split("\t") for line in (folder / f"{name}.txt").read_text().splitlines()]
        assert [int(row[2]) for row in rows] == codes.tolist()
        assert [float(row[0]) for row in rows] == pytest.approx([0.02 * place for place in range(len(codes))])
        runs = [line.split("\t") for line in (folder / f"{name}.runs.txt").read_text().splitlines()]
        spread = [int(unit) for start, stop, unit in runs for _ in range(round((float(stop) - float(start)) / 0.02))]
        assert spread == codes.tolist() and all(one[2] != other[2] for one, other in zip(runs, runs[1:], strict=False))


def test_frames_are_whole_files_that_recipe_01_accepts(units):
    desk, _ = units
    check_passport(desk.folder / "exp/units/output", [passport_of(MelConfig())])
    for name, samples in TEST_SAMPLES.items():
        frames = read_mel(desk, "exp/units/output", name)
        assert len(frames) == samples // 80 and np.isfinite(frames).all()
        assert -12 < frames.mean() < 0  # log magnitudes, not normalised ones


def test_units_alone_give_back_what_speech_gave(units, tmp_path):
    desk, _ = units
    codes = shutil.copytree(desk.folder / "exp/units/output/codes", tmp_path / "codes")
    answer = run(desk, "infer", "--exp", "units", "--from-codes", str(codes), "--output-dir", str(tmp_path / "made"),
                 'test_input_dirs=[["nowhere"]]')
    assert answer.code == 0, answer.err
    for name in TEST_SAMPLES:
        own, again = read_mel(desk, "exp/units/output", name), read_mel(desk, str(tmp_path / "made"), name)
        np.testing.assert_allclose(again[: len(own)], own, rtol=1e-5, atol=1e-5)


def test_another_voice_gives_other_frames_of_the_same_units(units, tmp_path):
    desk, _ = units
    for who in ("ben", "cleo"):
        answer = run(desk, "infer", "--exp", "units", "--target-speaker", who, "--write-codes", "--output-dir",
                     str(tmp_path / who))
        assert answer.code == 0, answer.err
    ben, cleo = (read_mel(desk, str(tmp_path / who), "ada_0104") for who in ("ben", "cleo"))
    assert np.abs(ben - cleo).mean() > 0.01
    codes = [(tmp_path / who / "codes/ada_0104.txt").read_text() for who in ("ben", "cleo")]
    assert codes[0] == codes[1]


def test_the_table_tells_units_against_the_true_ones_and_k_means(units):
    desk, _ = units
    answer = run(desk, "evaluate", "--exp", "units")
    assert answer.code == 0, answer.err
    for words in ("units of the model", "k-means of MFCC", "random units", "perplexity", "mean squared error"):
        assert words in answer.out


def test_a_two_step_wavenet_keeps_the_units_of_the_features_run(units, wave):
    one, other = weights(wave, "units"), weights(wave, "wave")
    kept = [key for key in one if key.split(".")[0] in ("units", "input_mean", "input_std")]
    assert len(kept) > 10 and all(torch.equal(one[key], other[key]) for key in kept)
    folders = [wave.folder / f"exp/{exp}/output/codes" for exp in ("units", "wave")]
    assert all((folders[0] / f"{name}.txt").read_bytes() == (folders[1] / f"{name}.txt").read_bytes()
               for name in TEST_SAMPLES)


def test_a_wavenet_writes_waveforms_and_tells_what_conditions_are_worth(wave):
    for name, samples in TEST_SAMPLES.items():
        info = soundfile.info(wave.folder / f"exp/wave/output/{name}.wav")
        assert (info.frames, info.samplerate, info.subtype) == (samples, 16000, "PCM_16")
    row = table(wave, "wave")[-1]
    for name in ("swap_gap_bits", "zero_gap_bits", "speaker_gap_bits", "swap_gap_bits_per_second", "avg_max",
                 "avg_prob_target", "peak_dist"):
        assert np.isfinite(float(row[name])), name
    assert 1 / 256 < float(row["avg_prob_target"]) < float(row["avg_max"]) < 1
    assert float(row["swap_gap_bits_per_second"]) == pytest.approx(16000 * float(row["swap_gap_bits"]))


@pytest.mark.parametrize("way", ["one-stage", "likelihood"])
def test_other_ways_train_generate_and_evaluate(units, way):
    desk, _ = units
    words = ("--exp", way, *WAVE, f"way={way}", "batch_size=4", "statistics_crops=2")
    answer = run(desk, "train", *words, *QUICK)
    assert answer.code == 0, answer.err
    assert ("fall silent" in answer.err) == (way == "likelihood")
    assert run(desk, "infer", *words).code == 0
    answer = run(desk, "evaluate", *words)
    assert answer.code == 0 and "bits per sample" in answer.out, answer.err


@pytest.mark.parametrize("kind", ["ae", "vae", "vq", "fsq"])
def test_every_bottleneck_trains_and_generates(units, kind):
    desk, _ = units
    words = ("--exp", kind, f"bottleneck.kind={kind}", "bottleneck.levels=[4,4]", "bottleneck_weight=0.01")
    answer = run(desk, "train", *words, *QUICK)
    assert answer.code == 0, answer.err
    assert run(desk, "infer", *words).code == 0
    answer = run(desk, "evaluate", *words)
    assert answer.code == 0 and ("perplexity" in answer.out) == (kind in ("vq", "fsq"))


def test_a_run_taken_up_in_the_middle_of_an_epoch_ends_with_the_same_bits(units):
    """Codebook, restarts, running statistics and jitter included."""
    desk, _ = units
    words = ("epochs=2", "minibatch_num_train=10", "minibatch_num_val=1", "bottleneck.restart_below=0.5",
             "bottleneck.decay=0.8")
    assert run(desk, "train", "--exp", "whole", *words, "--save-model-every-n-minibatches", "4").code == 0
    (desk.folder / "exp/again").mkdir()
    shutil.copy(desk.folder / "exp/whole/epoch_000_00000004.pt", desk.folder / "exp/again")
    answer = run(desk, "train", "--exp", "again", *words)
    assert answer.code == 0 and "Continuing from" in answer.out, answer.err
    one, other = weights(desk, "whole"), weights(desk, "again")
    assert one["units.bottleneck.core.restarts"] > 0
    assert all(torch.equal(one[key], other[key]) for key in one)
