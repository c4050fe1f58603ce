"""A run that was stopped anywhere and goes on ends with the very same bits as one that was not."""
import csv
import multiprocessing
import os
import signal
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from training_tools import BATCHES, TRAINING, Bench, Tiny, at_call, is_same, make_args, same_state, weights

from core_scripts.checkpoint.choosing import checkpoint_to_train_from
from core_scripts.checkpoint.store import list_checkpoints, read_checkpoint
from core_scripts.errors import CheckpointError
from core_scripts.op_manager.op_process_monitor import Monitor

EPOCHS = 3
SHAPES = {
    "plain": {},
    "workers": {"loader": {"num_workers": 2}},
    "groups": {"size_accumulate_grad": 3, "grad_clip_norm": 0.5},
    "schedule": {"lr_decay_factor": 0.1, "lr_scheduler_type": 4, "optimizer": "AdamW", "l2_penalty": 0.01},
    "average": {"polyak": 0.9, "amp": "bf16"},
    "blocks": {"loader": {"sampler": "block_shuffle_by_length"}, "minibatch_num_train": 3,
               "eval_mode_for_validation": True},
}


@pytest.fixture(scope="module")
def whole(streams, tmp_path_factory):
    """Uninterrupted runs with a state saved after every step, made on first use."""
    bench, made = Bench(streams, tmp_path_factory.mktemp("whole")), set()

    def run(shape: str) -> Bench:
        if shape not in made:
            bench.train(shape, epochs=EPOCHS, save_model_every_n_minibatches=1, **SHAPES[shape])
            made.add(shape)
        return bench

    return run


def saved_states(bench: Bench, shape: str) -> list[Path]:
    return list_checkpoints(bench.runs / shape, "epoch", ".pt")


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")  # where an epoch is resumed at its very end
@pytest.mark.parametrize("shape", list(SHAPES))
def test_going_on_from_every_saved_state_ends_with_the_same_bits(whole, bench, shape):
    reference = whole(shape)
    states = saved_states(reference, shape)
    steps = {"groups": 2, "blocks": 3}.get(shape, BATCHES)
    assert len(states) == EPOCHS * (steps + 1)
    last = reference.state(f"{shape}/epoch_002.pt")
    for path in states[:: 3 if shape == "workers" else 1]:
        bench.train(path.stem, epochs=EPOCHS, checkpoint=read_checkpoint(path), seed=99, **SHAPES[shape])
        ended = bench.runs / path.stem / "epoch_002.pt"
        if path.name == ended.name:
            assert not ended.exists()  # nothing was left to do
        else:
            assert same_state(read_checkpoint(ended), last), path.name


def test_workers_change_nothing(whole):
    one, other = whole("plain").state("plain/epoch_002.pt"), whole("workers").state("workers/epoch_002.pt")
    assert same_state(one, other)


def test_a_state_says_how_far_it_is(whole):
    bench = whole("plain")
    inside, after = bench.state("plain/epoch_001_00000007.pt"), bench.state("plain/epoch_001.pt")
    assert (inside["step"], inside["position"]["epoch"], inside["position"]["samples"]) == (7, 1, 6)
    assert (after["step"], after["position"]["epoch"], after["position"]["samples"]) == (8, 2, 0)
    assert bench.state("plain/epoch_001_00000008.pt")["position"]["samples"] == len(TRAINING)


def test_a_state_at_the_end_of_an_epoch_of_one_batch_keeps_its_losses(bench):
    options = {"loader": {"batch_size": 16}, "epochs": 2}
    bench.train("whole", save_model_every_n_minibatches=1, **options)
    bench.train("again", checkpoint="whole/epoch_000_00000001.pt", **options)
    assert same_state(bench.state("again/epoch_001.pt"), bench.state("whole/epoch_001.pt"))


def test_a_shorter_epoch_than_was_already_done_ends_at_once(whole, bench):
    path = whole("plain").runs / "plain/epoch_001_00000007.pt"
    bench.train("short", epochs=2, checkpoint=read_checkpoint(path), minibatch_num_train=2)
    assert is_same(bench.state("short/epoch_001.pt")["state_dict"], read_checkpoint(path)["state_dict"])


def test_groups_begin_anew_where_another_size_of_them_is_asked_for(whole, bench):
    """One minibatch of the epoch is left: alone in its group, it counts in full."""
    state = read_checkpoint(whole("plain").runs / "plain/epoch_000_00000003.pt")
    model = bench.train("pairs", epochs=1, checkpoint=state, size_accumulate_grad=2)
    assert is_same(weights(model), whole("plain").state("plain/epoch_000.pt")["state_dict"])


def test_metrics_are_whole_again_as_soon_as_a_run_goes_on(whole, bench):
    path = whole("plain").runs / "plain/epoch_001_00000007.pt"
    stop = at_call(1, lambda: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(SystemExit):
        bench.train("again", stop, checkpoint=read_checkpoint(path))
    assert [row["epoch"] for row in read_metrics(bench.runs / "again")] == ["0"]
    bench.train("done", checkpoint=read_checkpoint(whole("plain").runs / "plain/epoch_002.pt"))
    done, first = read_metrics(bench.runs / "done"), read_metrics(whole("plain").runs / "plain")
    assert done == first and [row["epoch"] for row in done] == ["0", "1", "2"]
    assert [row["best"] for row in done].count("yes") == 1


def read_metrics(folder: Path) -> list[dict]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 75, signal.SIGUSR1: 75}


@pytest.mark.parametrize(("number", "when", "groups"), [
    (signal.SIGINT, 2, 1), (signal.SIGTERM, BATCHES, 1), (signal.SIGUSR1, 5, 1), (signal.SIGTERM, 2 * BATCHES + 2, 3),
    (signal.SIGTERM, EPOCHS * BATCHES, 1),
])
def test_a_signal_saves_and_leaves_with_its_code_and_going_on_ends_with_the_same_bits(bench, number, when, groups):
    options = {"epochs": EPOCHS, "size_accumulate_grad": groups}
    bench.train("whole", **options)
    with pytest.raises(SystemExit) as left:
        bench.train("run", at_call(when, lambda: signal.raise_signal(number)), **options)
    assert left.value.code == SIGNALS[number]
    bench.train("run", checkpoint=checkpoint_to_train_from(choose(bench)).content, seed=99, **options)
    assert same_state(bench.state("run/epoch_002.pt"), bench.state("whole/epoch_002.pt"))
    assert is_same(bench.state("run/trained_model.pt"), bench.state("whole/trained_model.pt"))


@pytest.mark.parametrize("when", [1, 2, 4])
def test_a_signal_in_validation_does_not_wait_for_its_end(bench, when):
    bench.train("whole")
    acting = at_call(when, lambda: signal.raise_signal(signal.SIGTERM), validating=True)
    with pytest.raises(SystemExit) as left:
        bench.train("run", acting)
    assert left.value.code == 75
    assert acting.calls == when
    bench.train("run", checkpoint=checkpoint_to_train_from(choose(bench)).content)
    assert same_state(bench.state("run/epoch_002.pt"), bench.state("whole/epoch_002.pt"))


def choose(bench: Bench) -> Namespace:
    args = make_args(bench.runs / "run")
    args.trained_model = args.init_from = ""
    return args


def test_handlers_of_signals_are_put_back(bench):
    before = [signal.getsignal(number) for number in SIGNALS]
    bench.train(epochs=1)
    with pytest.raises(SystemExit):
        bench.train("other", at_call(1, lambda: signal.raise_signal(signal.SIGINT)))
    assert [signal.getsignal(number) for number in SIGNALS] == before


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_second_signal_aborts_without_saving(bench):
    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    process = multiprocessing.get_context("fork").Process(target=bench.train, args=("run", at_call(2, twice)))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGINT
    assert list_checkpoints(bench.runs / "run", "epoch", ".pt") == []


def test_an_early_stop_stays_one_when_started_again(bench):
    options = {"no_best_epochs": 2, "epochs": 20, "lr": 1e-12}
    bench.train("run", lambda: Tiny(dropout=0.0), **options)
    ended = list_checkpoints(bench.runs / "run", "epoch", ".pt")[0]
    assert ended.name == "epoch_002.pt"
    bench.train("again", checkpoint=f"run/{ended.name}", **options)
    assert list_checkpoints(bench.runs / "again", "epoch", ".pt") == []


def test_more_epochs_go_on_and_fewer_end_at_once(whole, bench):
    last = read_checkpoint(whole("plain").runs / "plain/epoch_002.pt")
    model = bench.train("fewer", epochs=1, checkpoint=last)
    assert is_same(weights(model), last["state_dict"])
    bench.train("more", epochs=4, checkpoint=last)
    bench.train("longer", epochs=4)
    assert same_state(bench.state("more/epoch_003.pt"), bench.state("longer/epoch_003.pt"))


def test_a_checkpoint_of_another_model_is_refused_with_every_difference(whole, bench):
    class Wide(Tiny):
        def __init__(self) -> None:
            super().__init__()
            self.front, self.back = torch.nn.Linear(2, 9), torch.nn.Linear(9, 1)

    state = read_checkpoint(whole("plain").runs / "plain/epoch_000.pt")
    with pytest.raises(CheckpointError, match=r"(?s)does not fit this model \(3 differences\).*\(5, 2\).*\(9, 2\)"):
        bench.train("wide", Wide, checkpoint=state)
    bench.train("wide", Wide, checkpoint=state, allow_mismatched_pretrained_model=True, epochs=1)


def test_another_rate_than_the_checkpoint_goes_on_with_is_told(whole, bench, capsys):
    state = read_checkpoint(whole("plain").runs / "plain/epoch_001.pt")
    bench.train("rate", checkpoint=state, lr=0.001)
    assert "--lr 0.001 has no effect, the checkpoint goes on with 0.05" in capsys.readouterr().err


def test_only_the_newest_states_are_kept_and_two_at_least_and_that_of_the_best_epoch(bench):
    newest = ["epoch_004.pt", "epoch_003.pt", "epoch_002.pt"]
    for keep, names in ((1, newest[:2]), (3, newest)):
        bench.train(f"keep{keep}", epochs=5, keep_checkpoints=keep)
        assert best_epoch(bench, f"keep{keep}/epoch_004.pt") == 1
        names = [*names, "epoch_001.pt"]
        assert [path.name for path in list_checkpoints(bench.runs / f"keep{keep}", "epoch", ".pt")] == names


def best_epoch(bench: Bench, name: str) -> int:
    monitor = Monitor()
    monitor.load_state_dict(bench.state(name)["val_log"])
    return monitor.best_epoch


def test_going_back_to_an_older_state_never_removes_what_was_just_written(bench):
    bench.train("run", epochs=5)
    bench.train("run", epochs=3, checkpoint="run/epoch_000.pt", keep_checkpoints=2, lr=0.05)
    names = [path.name for path in list_checkpoints(bench.runs / "run", "epoch", ".pt")]
    assert names == ["epoch_004.pt", "epoch_003.pt", "epoch_002.pt", "epoch_001.pt"]


def test_a_stop_in_the_last_validation_is_saved_though_epochs_are_not(bench):
    """A signal in the last minibatch of validation is looked at when the epoch has been saved."""
    def ask():
        os.kill(os.getpid(), signal.SIGTERM)

    options = {"not_save_each_epoch": True, "epochs": 3}
    with pytest.raises(SystemExit) as left:
        bench.train("run", at_call(2, ask, validating=True), **options)  # 3 utterances: two minibatches
    assert left.value.code == 75
    (state,) = list_checkpoints(bench.runs / "run", "epoch", ".pt")
    bench.train("run", checkpoint=f"run/{state.name}", **options)
    bench.train("whole", **options)
    assert is_same(bench.state("run/trained_model.pt"), bench.state("whole/trained_model.pt"))


def test_without_files_per_epoch_the_last_state_tells_that_a_run_is_over(bench, capsys):
    bench.train("run", not_save_each_epoch=True, keeps_last=True, epochs=2)
    (state,) = list_checkpoints(bench.runs / "run", "epoch", ".pt")
    assert read_checkpoint(state)["position"]["epoch"] == 2
    kept = bench.state("run/trained_model.pt")
    bench.train("run", not_save_each_epoch=True, epochs=2, seed=9, checkpoint=f"run/{state.name}")
    assert "Nothing is left to train" in capsys.readouterr().out
    assert is_same(bench.state("run/trained_model.pt"), kept)


def test_another_weight_decay_takes_effect_in_a_run_that_goes_on(bench):
    bench.train("run", epochs=1, l2_penalty=0.01)
    bench.train("run", epochs=2, l2_penalty=0.5, checkpoint="run/epoch_000.pt")
    assert bench.state("run/epoch_001.pt")["optimizer"]["param_groups"][0]["weight_decay"] == 0.5
