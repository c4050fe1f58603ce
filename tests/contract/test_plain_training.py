"""What the training flags do, read off a loss of 1.25 whose gradient is exactly 1 per minibatch."""
import hashlib

import pytest
import torch
from contract_tools import HOP, MINIMUM, OTHERS, RECIPES, SEGMENT, SEGMENTS, training_items

pytestmark = pytest.mark.slow
METER = ("--module-model", "model_meter", "--optimizer", "SGD", "--lr", "1")


def dial(recipe, name: str) -> float:
    """How far the one trained number of model_meter has come."""
    return torch.load(recipe.folder / name)["state_dict"]["dial"].item()


def test_incomplete_last_group_of_accumulated_minibatches_is_used(plain):
    assert SEGMENTS % 4 != 0
    run = plain.run(*METER, "--epochs", "2", "--size-accumulate-grad", "4", "--not-save-each-epoch",
                    "--save-trained-name", "trained_network", "--save-model-ext", ".bin")
    assert sorted(path.name for path in plain.folder.glob("*.bin") if "mean_std" not in path.name) == [
        "trained_network.bin"]
    assert not list(plain.folder.glob("*.pt"))
    assert [row.train for row in run.rows] == [(1.25,), (1.25,)]
    groups = SEGMENTS // 4
    used = -torch.load(plain.folder / "trained_network.bin")["dial"].item()  # after epoch 0, the only best one
    assert groups < used <= groups + 1


def test_shown_loss_is_the_mean_over_what_was_visited(plain):
    run = plain.run(*METER, "--epochs", "1", "--batch-size", "2", "--minibatch-num-train", "2",
                    "--minibatch-num-val", "1")
    assert (run.rows[0].train, run.rows[0].val) == ((1.25,), (1.25,))
    assert dial(plain, "epoch_000.pt") == -2.0
    run = plain.run(*METER, "--epochs", "1", "--batch-size", "2", "--debug-batch-num", "3",
                    "--save-model-every-n-minibatches", "2")
    assert (run.rows[0].train, run.rows[0].val) == ((1.25,), (1.25,))
    assert dial(plain, "epoch_000.pt") == -3.0
    (snapshot,) = plain.folder.glob("epoch_000_*.pt")
    assert dial(plain, snapshot.name) == -2.0
    assert {"state_dict", "optimizer"} <= set(torch.load(snapshot))


def test_training_stops_early_after_the_patience(plain):
    run = plain.run(*METER, "--epochs", "30", "--no-best", "2", "--not-save-anything")
    assert run.epochs == [0, 1, 2]
    assert [row.best for row in run.rows] == [True, False, False]
    assert "Training finished by early stopping" in run.out
    assert not list(plain.folder.glob("*.pt"))


def test_plateau_lowers_the_rate_and_says_so_instead_of_stopping(plain):
    run = plain.run(*METER, "--epochs", "5", "--no-best-epochs", "2", "--lr-decay-factor", "0.5",
                    "--lr-patience", "1", "--lr", "0.0001")
    assert run.epochs == [0, 1, 2, 3, 4]
    assert run.rows[2].tail.strip() == "LR -> 5.00e-05"
    assert run.rows[0].tail.strip() == ""


def test_every_scheduler_and_optimizer_runs(plain):
    short = ("--epochs", "2", "--debug-batch-num", "2", "--lr-decay-factor", "0.5", "--not-save-anything")
    assert " LR -> " in plain.run("--lr-scheduler-type", "1", "--lr-steplr-size", "1", "--optimizer", "AdamW",
                                  "--l2-penalty", "0.01", *short).out
    assert " LR -> " in plain.run("--lr-scheduler-type", "2", *short).out
    assert plain.run("--lr-scheduler-type", "3", "--lr-patience", "2", "--optimizer", "SGD", *short).epochs == [0, 1]


def test_gradient_clip_bounds_every_step(plain):
    plain.run(*METER, "--epochs", "1", "--grad-clip-norm", "0.25")
    assert dial(plain, "epoch_000.pt") == pytest.approx(-0.25 * SEGMENTS, rel=1e-4)


def test_batch_merge_draws_one_batch_of_each_corpus(plain):
    run = plain.run(*METER, "--epochs", "1", "--module-config", "config_two_corpora", "--batch-size", "2",
                    "--way-to-merge-datasets", "batch_merge", "--save-model-every-n-minibatches", "2",
                    "--num-workers", "1", "--model-forward-with-file-name")
    assert run.rows[0].train == (1.25,)
    batches = training_items(run.calls())
    corpora = [[info.split(",")[1][:3] for info in batch] for batch in batches]
    assert all(set(batch) == {"utt", "oth"} for batch in corpora)
    second = sum(count * HOP // SEGMENT + (count * HOP % SEGMENT >= MINIMUM) for count in OTHERS.values())
    assert len(batches) == -dial(plain, "epoch_000.pt") == min(-(-SEGMENTS // 2), -(-second // 2))


def test_concatenated_corpora_shuffled_in_blocks_see_every_segment(plain):
    run = plain.run(*METER, "--epochs", "1", "--module-config", "config_two_corpora", "--batch-size", "4",
                    "--sampler", "block_shuffle_by_length", "--num-workers", "3", "--model-forward-with-file-name",
                    "--cudnn-deterministic-toggle", "--cudnn-benchmark-toggle")
    batches = training_items(run.calls())
    seen = [tuple(info.split(",")[1:3]) for batch in batches for info in batch]
    assert len(seen) == len(set(seen))
    assert len([name for name, _ in seen if name.startswith("utt_")]) == SEGMENTS
    assert {name for name, _ in seen if name.startswith("other_")} == set(OTHERS)
    lengths = sorted(int(info.split(",")[3]) for batch in batches for info in batch)
    spreads = [max(got) - min(got) for got in ([int(info.split(",")[3]) for info in batch] for batch in batches)]
    assert sum(spreads) < (lengths[-1] - lengths[0]) * len(batches)


def test_order_by_length_follows_the_lengths_after_augmentation(plain):
    run = plain.run(*METER, "--epochs", "5", "--module-config", "config_lengths", "--force-update-seq-length",
                    "--sampler", "block_shuffle_by_length", "--batch-size", "2", "--model-forward-with-file-name")
    assert run.epochs == [0, 1, 2, 3, 4]
    batches = [[int(info.split(",")[3]) for info in batch] for batch in training_items(run.calls())]
    for epoch in range(1, 5):  # the four longest form a block of their own, which is two batches
        first, *_, last = (batches[6 * epoch + pair] + batches[6 * epoch + pair + 1] for pair in (0, 2, 4))
        assert 3 in (first.count(1400), last.count(1400))


def test_shuffling_can_be_turned_off(plain):
    run = plain.run(*METER, "--epochs", "1", "--shuffle", "--model-forward-with-file-name")
    names = [batch[0].split(",")[1] for batch in training_items(run.calls())]
    assert names == sorted(names)


def test_training_without_validation_calls_every_epoch_the_best(plain):
    run = plain.run("--epochs", "2", "--module-config", "config_no_validation", "--lr-decay-factor", "0.5")
    assert run.epochs == [0, 1]
    assert [row.best for row in run.rows] == [True, True]
    assert (plain.folder / "trained_model.pt").is_file()


def test_nan_loss_ends_with_code_3_and_keeps_the_best_model(plain):
    run = plain.start(*METER, "--epochs", "3", METER_NAN_FROM="0")
    assert run.code == 3
    assert "Traceback" not in run.err
    assert not (plain.folder / "trained_model.pt").exists()
    plain.run(*METER, "--epochs", "1")
    before = hashlib.sha256((plain.folder / "trained_model.pt").read_bytes()).digest()
    run = plain.start(*METER, "--epochs", "3", "--trained-model", "epoch_000.pt", METER_NAN_FROM="1")
    assert run.code == 3
    assert "NaN" in run.err or "nan" in run.err
    assert before == hashlib.sha256((plain.folder / "trained_model.pt").read_bytes()).digest()
    assert not (plain.folder / "epoch_001.pt").exists()


def test_broken_gradient_never_reaches_the_saved_model(plain):
    run = plain.start(*METER, "--epochs", "9", "--module-config", "config_no_validation",
                      "--debug-batch-num", "1", METER_BREAK_FROM="1")  # the third step in a row ends it
    assert torch.isfinite(torch.load(plain.folder / "trained_model.pt")["dial"]).all()
    assert run.code == 3
    assert "Traceback" not in run.err


def test_nan_in_validation_is_never_best_and_does_not_bar_later_epochs(plain):
    run = plain.run(*METER, "--epochs", "3", "--debug-batch-num", "1", METER_NAN_AT="0")
    assert [row.best for row in run.rows] == [False, True, False]


def test_mistyped_list_ends_with_code_2_and_names_the_path(plain):
    run = plain.start("--epochs", "1", "--module-config", "config_mistyped_list")
    assert run.code == 2
    assert "Traceback" not in run.err
    assert "trian.lst" in run.err
    names = sorted(path.name for path in plain.folder.iterdir() if path.name != "__pycache__")
    assert names == sorted(path.name for path in (RECIPES / "plain").iterdir() if path.name != "__pycache__")


def test_models_go_into_the_folder_asked_for(plain):
    (plain.folder / "models").mkdir()
    run = plain.run(*METER, "--epochs", "1", "--save-model-dir", "models", "--path-cache-file", "models",
                    "--save-epoch-name", "turn", "--eval-mode-for-validation")
    names = {path.name for path in (plain.folder / "models").iterdir()}
    assert {"trained_model.pt", "turn_000.pt", "tiny_trn_utt_length.dic", "tiny_trn_mean_std_input.bin"} <= names
    assert not list(plain.folder.glob("*.pt")) + list(plain.folder.glob("*.dic"))
    assert "models" in run.out[run.out.index("Model is saved to"):]
