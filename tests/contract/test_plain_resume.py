"""Resuming in upstream's way, `torch.load(args.trained_model)`, with full, partial, foreign and misfit checkpoints."""
from collections import OrderedDict

import pytest
import torch
from contract_tools import SEGMENTS, steps_taken, training_items

pytestmark = pytest.mark.slow
SAME = ("--lr", "0.01")


def test_resume_continues_exactly_where_the_epoch_ended(trained, first_training):
    whole = torch.load(trained.folder / "epoch_001.pt")["state_dict"]
    (trained.folder / "epoch_001.pt").unlink()
    run = trained.run("--epochs", "2", "--trained-model", "epoch_000.pt", *SAME)
    assert [row.text for row in run.rows][0] == first_training[1].rows[0].text
    assert [row.train for row in run.rows] == [row.train for row in first_training[1].rows]
    again = torch.load(trained.folder / "epoch_001.pt")
    assert all(torch.equal(again["state_dict"][key], whole[key]) for key in whole)
    assert all(row.text in str(again["info"]) for row in run.rows)


def test_resumed_epoch_draws_its_own_order(plain):
    meter = ("--module-model", "model_meter", "--model-forward-with-file-name")
    both = training_items(plain.run(*meter, "--epochs", "2").calls())
    (plain.folder / "calls.jsonl").unlink()
    second = training_items(plain.run(*meter, "--epochs", "2", "--trained-model", "epoch_000.pt").calls())
    assert len(second) == SEGMENTS
    assert second == both[SEGMENTS:] != both[:SEGMENTS]
    assert sorted(second) == sorted(both[:SEGMENTS])


@pytest.mark.parametrize("merging", ["concatenate", "batch_merge"])
def test_snapshot_within_an_epoch_continues_with_the_remaining_items(plain, merging):
    options = ("--module-model", "model_meter", "--model-forward-with-file-name", "--module-config",
               "config_two_corpora", "--way-to-merge-datasets", merging, "--batch-size", "2", "--epochs", "1",
               "--minibatch-num-train", "4")
    whole = training_items(plain.run(*options, "--save-model-every-n-minibatches", "2").calls())
    (plain.folder / "calls.jsonl").unlink()
    snapshot = sorted(plain.folder.glob("epoch_000_*.pt"))[0]
    run = plain.run(*options, "--trained-model", snapshot.name)
    assert training_items(run.calls()) == whole[2:]
    assert len(whole) == 4
    assert run.rows[0].train == (1.25,)


def test_schedule_goes_on_where_it_was(plain):
    plateau = ("--module-model", "model_meter", "--debug-batch-num", "1", "--lr-decay-factor", "0.5",
               "--lr-patience", "1")
    whole = plain.run(*plateau, "--epochs", "6")
    again = plain.run(*plateau, "--epochs", "6", "--trained-model", "epoch_001.pt")
    assert "LR -> 5.00e-05" in whole.rows[2].tail
    assert [row.tail for row in again.rows] == [row.tail for row in whole.rows]


def test_resume_takes_more_epochs_and_fewer(trained):
    more = trained.run("--epochs", "4", "--trained-model", "epoch_001.pt", *SAME)
    assert more.epochs == [0, 1, 2, 3]
    fewer = trained.start("--epochs", "2", "--trained-model", "epoch_003.pt", *SAME)
    assert fewer.code == 0, fewer.err
    assert "Traceback" not in fewer.err
    assert max(fewer.epochs, default=0) <= 3


def test_ignored_history_starts_at_epoch_zero_with_the_old_weights(trained, first_training):
    run = trained.run("--epochs", "1", "--trained-model", "epoch_001.pt", *SAME,
                      "--ignore-training-history-in-trained-model")
    assert run.epochs == [0]
    assert run.rows[0].train[0] < first_training[1].rows[1].train[0]


def test_ignored_optimizer_keeps_the_history_and_starts_moments_anew(trained):
    steps = steps_taken(trained.folder / "epoch_000.pt")
    run = trained.run("--epochs", "2", "--trained-model", "epoch_000.pt", *SAME,
                      "--ignore-optimizer-statistics-in-trained-model")
    assert run.epochs == [0, 1]
    assert steps_taken(trained.folder / "epoch_001.pt") == steps


def test_bare_weights_of_another_framework_warm_start_training(trained, first_training):
    weights = torch.load(trained.folder / "trained_model.pt")
    torch.save(OrderedDict(("module." + key, value) for key, value in weights.items()), trained.folder / "foreign.pt")
    run = trained.run("--epochs", "1", "--trained-model", "foreign.pt", *SAME)
    assert run.epochs == [0]
    assert run.rows[0].train[0] < first_training[1].rows[0].train[0]
    trained.run("--inference", "--trained-model", "foreign.pt")


def test_snapshot_without_logs_warm_starts_at_epoch_zero(trained, first_training):
    full = torch.load(trained.folder / "epoch_001.pt")
    torch.save({key: full[key] for key in ("state_dict", "optimizer")}, trained.folder / "snapshot.pt")
    run = trained.run("--epochs", "1", "--trained-model", "snapshot.pt", *SAME)
    assert run.epochs == [0]
    assert run.rows[0].train[0] < first_training[1].rows[0].train[0]


def test_misfit_checkpoint_is_refused_by_name_and_loaded_in_part_when_allowed(trained):
    weights = torch.load(trained.folder / "trained_model.pt")
    weights["modulation.bias"] = torch.zeros(7)
    torch.save(weights, trained.folder / "misfit.pt")
    refused = trained.start("--epochs", "1", "--trained-model", "misfit.pt", *SAME)
    assert refused.code in (2, 4)
    assert "Traceback" not in refused.err
    assert "modulation.bias" in refused.err
    loaded = trained.run("--epochs", "1", "--trained-model", "misfit.pt", "--lr", "1e-12",
                         "--allow-mismatched-pretrained-model")
    assert loaded.epochs == [0]
    after = torch.load(trained.folder / "epoch_000.pt")["state_dict"]
    torch.testing.assert_close(after["front.weight"], weights["front.weight"])
    assert after["modulation.bias"].shape == (20,)


def test_other_data_than_the_checkpoint_knows_are_refused_or_announced(trained):
    lines = trained.folder / "config.py"
    lines.write_text(lines.read_text().replace("minimum_len = 80", "minimum_len = 400"))
    run = trained.start("--epochs", "3", "--trained-model", "epoch_001.pt", *SAME)
    assert "Traceback" not in run.err
    assert run.code in (2, 4) or (run.code == 0 and "differ" in run.err)


def test_epoch_file_is_converted_to_trained_weights(trained):
    run = trained.run("--epoch2pt", "--trained-model", "epoch_000.pt", "--save-trained-name", "converted")
    weights = torch.load(trained.folder / "converted.pt")
    assert type(weights) is OrderedDict
    epoch = torch.load(trained.folder / "epoch_000.pt")["state_dict"]
    assert all(torch.equal(weights[key], epoch[key]) for key in epoch)
    assert run.rows == []
