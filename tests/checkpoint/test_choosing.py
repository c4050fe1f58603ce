"""Which file a command takes its state from."""
from argparse import Namespace
from collections import OrderedDict

import pytest
import torch

from core_scripts.checkpoint.choosing import checkpoint_to_generate_with, checkpoint_to_train_from
from core_scripts.checkpoint.store import write_checkpoint
from core_scripts.errors import EXIT_NO_CHECKPOINT, CheckpointError, UsageError


@pytest.fixture
def args(tmp_path) -> Namespace:
    """The options of a run in an empty folder."""
    return Namespace(save_model_dir=str(tmp_path), trained_model="", init_from="")


def put(folder, name: str, step: int) -> str:
    write_checkpoint(folder / name, {"state_dict": {}, "optimizer": {}, "step": step})
    return str(folder / name)


def test_an_empty_folder_starts_anew(args):
    assert checkpoint_to_train_from(args).content is None


def test_the_newest_state_is_taken_and_said(args, tmp_path, capsys):
    for step, name in enumerate(["epoch_001.pt", "epoch_002_00000050.pt", "epoch_002_00000060.pt"]):
        put(tmp_path, name, step)
    assert checkpoint_to_train_from(args).content["step"] == 2
    assert "Continuing from" in capsys.readouterr().out
    put(tmp_path, "epoch_002.pt", 3)
    assert checkpoint_to_train_from(args).content["step"] == 3


def test_a_damaged_newest_one_is_named_and_the_older_one_taken(args, tmp_path, capsys):
    put(tmp_path, "epoch_000.pt", 7)
    (tmp_path / "epoch_001.pt").write_bytes(b"PK\x03\x04")
    assert checkpoint_to_train_from(args).content["step"] == 7
    told = capsys.readouterr()
    assert "epoch_001.pt is damaged" in told.err and "epoch_000.pt" in told.out


def test_settings_that_changed_are_told_with_their_effect(args, tmp_path, capsys):
    state = {"state_dict": {}, "optimizer": {}, "config": "lr: 0.1\nbatch_size: 4\nverbose: 1\nnet:\n  layers: 3\n"}
    write_checkpoint(tmp_path / "epoch_000.pt", state)
    args.config_text = "lr: 0.2\nbatch_size: 8\nverbose: 0\nnet:\n  layers: 3\n"
    checkpoint_to_train_from(args)
    told = capsys.readouterr().out.splitlines()
    assert told[1:] == ["  changed since then: lr 0.1 -> 0.2, no effect: the rate of the state goes on",
                        "  changed since then: batch_size 4 -> 8, takes effect now"]


def test_resume_continues_a_run_and_never_begins_one(args, tmp_path):
    args.resume = True
    with pytest.raises(CheckpointError, match="--resume: there is no run in .*; leave it out to begin one") as caught:
        checkpoint_to_train_from(args)
    assert caught.value.exit_code == EXIT_NO_CHECKPOINT
    put(tmp_path, "epoch_000.pt", 3)
    assert checkpoint_to_train_from(args).content["step"] == 3
    args.fresh = True
    with pytest.raises(UsageError, match="--resume continues a run that is there, --fresh and --init-from begin one"):
        checkpoint_to_train_from(args)


def test_a_file_of_another_run_does_not_come_over_the_one_that_is_there(args, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    args.trained_model = put(other, "epoch_009.pt", 9)
    assert checkpoint_to_train_from(args).content["step"] == 9  # nothing is there yet
    put(tmp_path, "epoch_000.pt", 3)
    with pytest.raises(UsageError, match="holds another run, which did not begin from it .* --exp, or --fresh"):
        checkpoint_to_train_from(args)


def test_the_command_that_began_a_run_from_a_file_goes_on_with_the_run_when_it_is_given_again(args, tmp_path):
    args.trained_model = str(tmp_path / "elsewhere.pt")
    write_checkpoint(tmp_path / "epoch_000.pt", {"state_dict": {}, "optimizer": {}, "step": 3,
                                                 "config": f"trained_model: {args.trained_model}\n"})
    put(tmp_path, "elsewhere.pt", 1)
    start = checkpoint_to_train_from(args)
    assert start.content["step"] == 3 and start.is_own


def test_what_to_take_of_a_file_is_no_matter_of_the_runs_own_state(args, tmp_path, capsys):
    put(tmp_path, "epoch_000.pt", 3)
    args.allow_mismatched_pretrained_model = args.ignore_training_history_in_trained_model = True
    taken = checkpoint_to_train_from(args).loading_args(args)
    assert not taken.allow_mismatched_pretrained_model and not taken.ignore_training_history_in_trained_model
    assert args.allow_mismatched_pretrained_model
    assert "ignore-training-history-in-trained-model, allow-mismatched" in capsys.readouterr().err
    args.trained_model = str(tmp_path / "epoch_000.pt")  # named, it is a file like any other
    assert checkpoint_to_train_from(args).loading_args(args) is args


def test_if_all_are_damaged_nothing_is_overwritten_and_the_exit_code_says_so(args, tmp_path):
    for name in ("epoch_000.pt", "epoch_001.pt"):
        (tmp_path / name).write_bytes(b"torn")
    with pytest.raises(CheckpointError, match="none of the 2 checkpoints in .* is valid; --fresh") as caught:
        checkpoint_to_train_from(args)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "epoch_000.pt": b"torn", "epoch_001.pt": b"torn"}
    assert caught.value.exit_code == EXIT_NO_CHECKPOINT == 4


def test_weights_alone_start_a_new_run_even_from_a_full_file(args, tmp_path):
    args.save_model_dir = str(tmp_path / "new")
    args.init_from = str(tmp_path / "epoch_004.pt")
    write_checkpoint(tmp_path / "epoch_004.pt", {"state_dict": {"w": torch.ones(1)}, "optimizer": {}, "step": 9})
    assert list(checkpoint_to_train_from(args).content) == ["w"]


def test_weights_for_a_run_that_goes_on_are_said_to_have_no_effect(args, tmp_path, capsys):
    put(tmp_path, "epoch_000.pt", 7)
    args.init_from = str(tmp_path / "other.pt")
    assert checkpoint_to_train_from(args).content["step"] == 7
    assert "--init-from" in capsys.readouterr().err


def test_absent_weights_are_told_with_those_near(args, tmp_path):
    put(tmp_path, "best.pt", 1)
    args.init_from = str(tmp_path / "bets.pt")
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*bets\.pt; .*best\.pt"):
        checkpoint_to_train_from(args)


def test_going_on_and_beginning_anew_contradict_each_other(args):
    args.trained_model, args.init_from = "a.pt", "b.pt"
    with pytest.raises(UsageError, match="--trained-model goes on with a run and --init-from begins a new one"):
        checkpoint_to_train_from(args)


def test_generation_takes_the_best_weights_or_the_file_named(args, tmp_path):
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*trained_model\.pt; train first"):
        checkpoint_to_generate_with(args)
    write_checkpoint(tmp_path / "trained_model.pt", OrderedDict(w=torch.ones(1)))
    assert list(checkpoint_to_generate_with(args)) == ["w"]
    args.trained_model = put(tmp_path, "epoch_000.pt", 5)
    assert checkpoint_to_generate_with(args)["step"] == 5
