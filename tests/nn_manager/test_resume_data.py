"""Going on where the data, their cut, the batch size or the number of workers are others than before."""
import signal
from contextlib import nullcontext

import pytest
import torch
from training_tools import TRAINING, Tiny, same_state

from core_scripts.checkpoint.digest import seal
from core_scripts.checkpoint.store import list_checkpoints, read_checkpoint
from core_scripts.data_io.seq_info import parse_filename
from core_scripts.errors import DataError


@pytest.fixture
def inside(bench) -> dict:
    """A state of epoch 1 after three of its four steps, of the run "plain"."""
    bench.train("plain", save_model_every_n_minibatches=1)
    return bench.state("plain/epoch_001_00000007.pt")


def change_data(state: dict, **parts: str) -> dict:
    """The state as if it came from data with these parts of the fingerprint."""
    state["position"]["fingerprint"] = state["position"]["fingerprint"] | {"digest": "of other data"} | parts
    return state


def test_other_files_are_refused_and_both_sides_shown(bench, inside):
    expected = (r"(?s)trained on other files.*in epoch 1 .*checkpoint: 9 utterances of 108 samples.*"
                r"now:        7 utterances of 84 samples.*--resume-data restart-epoch")
    with pytest.raises(DataError, match=expected):
        bench.train("other", checkpoint=seal(change_data(inside, files="9 utterances of 108 samples")))


def test_other_files_begin_the_epoch_anew_where_that_is_asked_for(bench, inside, capsys):
    change_data(inside, files="9 utterances of 108 samples")
    bench.train("other", checkpoint=seal(inside), resume_data="restart-epoch", save_model_every_n_minibatches=1)
    assert "epoch 1 starts from its first sample with other files" in capsys.readouterr().err
    went_on = bench.state("other/epoch_001_00000008.pt")
    assert (went_on["position"]["samples"], went_on["step"]) == (2, 8)


def test_another_cut_alone_keeps_weights_and_begins_the_epoch_anew(bench, inside, capsys):
    change_data(inside, cut="14 items of 6 samples at most")
    bench.train("other", checkpoint=seal(inside), epochs=2, save_model_every_n_minibatches=1)
    told = [line for line in capsys.readouterr().err.splitlines() if "first sample" in line]
    assert len(told) == 1
    assert "checkpoint: 14 items of 6 samples at most; now: 7 items of whole utterances" in told[0]
    went_on = bench.state("other/epoch_001_00000008.pt")
    assert went_on["position"]["samples"] == 2
    assert {int(moments["step"]) for moments in went_on["optimizer"]["state"].values()} == {went_on["step"]} == {8}


def test_another_seed_begins_the_epoch_anew(bench, inside, capsys):
    inside["position"]["seed"] = 5
    bench.train("other", checkpoint=seal(inside), epochs=2)
    assert "since the seed differs (checkpoint: 5; now: 1)" in capsys.readouterr().err


def test_lengths_noted_in_earlier_epochs_are_not_kept_so_the_epoch_begins_anew(bench, inside, capsys):
    bench.train("other", checkpoint=seal(inside), epochs=2, force_update_seq_length=True)
    assert "--force-update-seq-length ordered it by lengths that are not kept" in capsys.readouterr().err


def test_an_older_checkpoint_with_one_fingerprint_goes_on_where_it_is_the_same(bench, inside):
    digest = inside["position"]["fingerprint"]["digest"]
    inside["position"] = {"seed": 1, "epoch": 1, "samples": 6, "fingerprint": digest}
    bench.train("older", checkpoint=seal(inside))
    assert same_state(bench.state("older/epoch_002.pt"), bench.state("plain/epoch_002.pt"))


def test_an_older_checkpoint_cannot_say_what_differs_so_it_is_refused(bench, inside):
    inside["position"]["fingerprint"] = "0123456789abcdef"
    with pytest.raises(DataError, match=r"(?s)another cut or another order: digest 0123456789ab\n.*now: .*, digest "):
        bench.train("older", checkpoint=seal(inside))
    bench.train("older", checkpoint=seal(inside), resume_data="restart-epoch")


@pytest.mark.parametrize("sampler", ["None", "block_shuffle_by_length"])
def test_each_item_trains_once_though_batch_size_and_workers_change_within_the_epoch(bench, sampler):
    """Batches of 2, then of 3 in groups of 2, then of 1: seven items, none twice."""
    seen: list[str] = []

    class Reading(Tiny):
        def forward(self, x: torch.Tensor, info: list[str]) -> torch.Tensor:
            if not self.flag_validation:
                seen.extend(parse_filename(line) for line in info)
            if len(seen) in stops:
                signal.raise_signal(signal.SIGTERM)
            return super().forward(x)

    options = {"epochs": 1, "model_forward_with_file_name": True, "validation": False}
    for size, workers, stops, steps in ((2, 0, {2}, 1), (3, 2, {5}, 2), (1, 0, set(), 4)):
        given = {"loader": {"batch_size": size, "num_workers": workers, "sampler": sampler}, **options}
        newest = list_checkpoints(bench.runs / "run", "epoch", ".pt")[:1]
        with pytest.raises(SystemExit) if stops else nullcontext():
            bench.train("run", Reading, checkpoint=read_checkpoint(newest[0]) if newest else None, **given)
        assert read_checkpoint(list_checkpoints(bench.runs / "run", "epoch", ".pt")[0])["step"] == steps
    assert sorted(seen) == list(TRAINING)


def test_no_gradient_waits_for_a_group_that_never_fills_after_another_batch_size(bench):
    """Seven items: one batch of 2, then five items in batches of 4, both in one group of 2."""
    first = {"epochs": 1, "loader": {"batch_size": 2}, "save_model_every_n_minibatches": 1}
    bench.train("run", **first)
    bench.train("more", checkpoint="run/epoch_000_00000001.pt", epochs=1, loader={"batch_size": 4},
                size_accumulate_grad=2)
    ended = bench.state("more/epoch_000.pt")
    assert (ended["step"], ended["position"]["epoch"]) == (2, 1)
