"""A GAN recipe in upstream's manner: two networks, two optimizers, one table; then files from the generator alone."""
import pytest
import torch
from contract_tools import FRAMES, HOP, TRAINING, generated, steps_taken

pytestmark = pytest.mark.slow


def test_generator_and_discriminator_train_resume_and_generate(gan):
    run = gan.run("--epochs", "1", "--debug-batch-num", "2", "--batch-size", "2", "--lr", "0.01")
    assert run.epochs == [0]
    assert "Warning" not in run.err
    assert len(run.rows[0].train) == len(run.rows[0].val) == 2
    names = {path.name for path in gan.folder.glob("*.pt")}
    assert names == {"trained_model_G.pt", "trained_model_D.pt", "epoch_000_G.pt", "epoch_000_D.pt"}
    assert all(type(torch.load(gan.folder / f"epoch_000_{which}.pt")) is dict for which in "GD")
    assert [steps_taken(gan.folder / f"epoch_000_{which}.pt") for which in "GD"] == [2, 2]

    again = gan.run("--epochs", "2", "--debug-batch-num", "2", "--batch-size", "2", "--lr", "0.01",
                    "--trained-model", "epoch_000_G.pt,epoch_000_D.pt")
    assert again.epochs == [0, 1]
    assert again.rows[0].text == run.rows[0].text

    gan.run("--inference")
    lengths = {name: len(wave) for name, wave in generated(gan.folder / "output").items()}
    assert lengths == {f"{name}.wav": FRAMES[name] * HOP for name in ("utt_09", "utt_10")}


def test_snapshot_within_an_epoch_goes_on_with_the_remaining_items(gan):
    whole = sum(FRAMES[name] * HOP // 400 for name in TRAINING)  # the config wants segments of 400 samples only
    options = ("--epochs", "1", "--save-epoch-name", "turn", "--save-trained-name", "turned")
    gan.run(*options, "--save-model-every-n-minibatches", "2")
    first, second = (gan.folder / f"turn_000_00000002_{which}.pt" for which in "GD")
    assert (steps_taken(first), steps_taken(gan.folder / "turn_000_G.pt")) == (2, whole)
    gan.run(*options, "--trained-model", f"{first.name},{second.name}")
    assert steps_taken(gan.folder / "turn_000_G.pt") == steps_taken(gan.folder / "turn_000_D.pt") == whole


def test_snapshots_schedulers_and_limits_serve_gans_too(gan):
    run = gan.run("--epochs", "2", "--minibatch-num-train", "2", "--save-model-every-n-minibatches", "1",
                  "--lr-decay-factor", "0.5", "--lr-scheduler-type", "1", "--lr-steplr-size", "1",
                  "--grad-clip-norm", "0.1", "--save-epoch-name", "part")
    assert " LR -> " in run.out
    assert list(gan.folder.glob("part_000_0*_G.pt"))
    assert steps_taken(gan.folder / "part_001_G.pt") == 4


def test_nothing_is_saved_when_nothing_shall_be(gan):
    before = sorted(gan.folder.glob("*.pt"))
    gan.run("--epochs", "1", "--debug-batch-num", "1", "--not-save-anything", "--save-trained-name", "other")
    assert sorted(gan.folder.glob("*.pt")) == before
