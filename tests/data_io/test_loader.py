"""Batches, workers, merging, writing, and the methods that recipes call."""
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from argparse import Namespace

import numpy as np
import pytest
import soundfile
import torch

from core_scripts.config_parse.data_config import LoaderOptions
from core_scripts.data_io.collate import length_mask
from core_scripts.data_io.customize_dataset import NII_MergeDataSetLoader
from core_scripts.data_io.default_data_io import NIIDataSet, NIIDataSetLoader
from core_scripts.data_io.position import DataPosition
from core_scripts.errors import ConfigError, DataError, RecitalError


def merge(first, second, loader=None, **changes):
    specs = [first.spec(name="one", **changes), second.spec(name="two", **changes)]
    return NII_MergeDataSetLoader.from_specs(specs, first.options(), LoaderOptions(**(loader or {})))


def contract_arguments(made, nested: bool) -> list:
    def wrap(entry):
        return [entry] if nested else entry

    return [wrap("trn"), wrap(list(made.samples)), wrap([str(made.root / "mel")]), [".mel"], [3], [8], [True],
            wrap([str(made.root / "wav")]), [".wav"], [1], [1], [False], str(made.root)]


def test_batches_are_padded_with_zeros_and_tell_the_true_lengths(corpus):
    (batch,) = corpus.load(loader={"batch_size": 3}).get_loader()
    assert batch.inputs.shape == (3, 25, 3)
    assert batch.targets.shape == (3, 200, 1)
    assert batch.lengths.tolist() == [160, 88, 200]
    assert batch.index.tolist() == [0, 1, 2]
    assert batch.info == ("0,b,0,160,0", "1,a,0,88,0", "2,c,0,200,0")
    assert batch.targets[1, :88, 0].numpy() == pytest.approx(corpus.noise("a"))
    assert not batch.targets[1, 88:].any()
    assert not batch.inputs[1, 11:].any()


def test_upstreams_four_fields_come_first(corpus):
    inputs, targets, info, index, lengths = next(iter(corpus.load().get_loader()))
    assert (inputs.dim(), targets.dim(), info, index.item(), lengths.item()) == (3, 3, ("0,b,0,160,0",), 0, 160)


def test_batches_without_targets_hold_an_empty_list(corpus):
    (batch,) = corpus.load({"outputs": ()}, {"batch_size": 3}).get_loader()
    assert batch.targets == []


def test_masks_are_true_inside():
    assert length_mask(torch.tensor([2, 0, 3]), 3)[..., 0].tolist() == [[1, 1, 0], [0, 0, 0], [1, 1, 1]]


def test_names_can_be_picked_from_a_batch(corpus):
    (batch,) = corpus.load(loader={"batch_size": 3}).get_loader()
    chosen = batch.select_names({"c", "b"})
    assert chosen.info == ("0,b,0,160,0", "2,c,0,200,0")
    assert torch.equal(chosen.targets, batch.targets[[0, 2]])
    assert batch.select_names(["nobody"]).info == ()


def test_batches_do_not_depend_on_the_number_of_workers(corpus):
    augment = (lambda data: data + np.random.uniform(size=data.shape),)  # lambdas and global randomness are allowed
    whole = []
    for workers in (0, 2):
        data = corpus.load({"input_functions": augment}, {"batch_size": 2, "shuffle": True, "num_workers": workers},
                           truncate=40)
        batches = []
        for epoch in (0, 1):
            data.set_position(DataPosition(seed=3, epoch=epoch))
            batches += list(data.get_loader())
        whole.append(batches)
    assert len(whole[0]) == len(whole[1]) == 12
    for one, other in zip(*whole, strict=True):
        assert one.info == other.info
        assert torch.equal(one.inputs, other.inputs)
        assert torch.equal(one.targets, other.targets)
    assert not torch.equal(whole[0][0].inputs, whole[0][6].inputs)


def test_a_restart_within_an_epoch_yields_the_remaining_batches(corpus):
    data = corpus.load(loader={"batch_size": 2, "shuffle": True}, truncate=40)
    data.set_position(DataPosition(seed=3, epoch=1))
    whole = [batch.info for batch in data.get_loader()]
    for done in range(len(whole)):
        data.set_position(DataPosition(seed=3, epoch=1, samples=2 * done))
        assert [batch.info for batch in data.get_loader()] == whole[done:]
        assert len(data.get_loader()) == len(whole)


def test_loading_leaves_global_randomness_alone(corpus):
    data = corpus.load({"input_functions": (lambda mel: mel * np.random.uniform(),)}, {"shuffle": True})
    torch.manual_seed(1)
    np.random.seed(1)
    list(data.get_loader())
    drawn = torch.rand(1), np.random.uniform()
    torch.manual_seed(1)
    np.random.seed(1)
    assert drawn == (torch.rand(1), np.random.uniform())


@pytest.mark.parametrize("workers", [0, 1])
def test_faults_of_workers_arrive_as_data_errors_with_the_path(corpus, workers):
    data = corpus.load(loader={"num_workers": workers})
    path = corpus.root / "wav" / "a.wav"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=r"a.wav is cut: the header says 88 samples") as caught:
        list(data.get_loader())
    assert "Traceback" not in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere workers cannot tell who sends a signal")
def test_workers_outlive_signals_that_are_meant_for_the_main_process(corpus):
    loader = iter(corpus.load(loader={"num_workers": 2}, truncate=8).get_loader())
    count = len(next(loader).info)
    for worker in multiprocessing.active_children():
        for name in ("-INT", "-TERM"):
            subprocess.run(["kill", name, str(worker.pid)], check=True)
    count += sum(1 for _ in loader)
    assert count == 56
    assert multiprocessing.active_children() == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere workers cannot tell who sends a signal")
def test_workers_outlive_signals_from_their_first_moment_on(corpus, monkeypatch):
    forked = os.fork

    def fork_and_signal():
        child = forked()
        if child:  # it has not run a line of ours yet
            subprocess.run(["sh", "-c", f"kill -INT {child}; kill -TERM {child}; kill -USR1 {child}"], check=True)
        return child

    monkeypatch.setattr(os, "fork", fork_and_signal)
    batches = corpus.load(loader={"num_workers": 2}, truncate=8).get_loader()
    assert sum(len(batch.info) for batch in batches) == 56


@pytest.mark.parametrize(("act", "told"), [
    (lambda: time.sleep(60), "no data for 1 s: a data loading process hangs, the disk or network may be gone"),
    (lambda: os.kill(os.getpid(), signal.SIGKILL), "a data loading process ended .*memory may be short: take fewer"),
])
def test_a_worker_that_hangs_or_dies_ends_the_run_with_a_reason(corpus, monkeypatch, act, told):
    monkeypatch.setattr("core_scripts.data_io.loader._WORKER_PATIENCE_SECONDS", 1.0)

    def stop(frames):
        act()
        return frames

    data = corpus.load({"input_functions": (stop,)}, {"num_workers": 1})
    with pytest.raises(RecitalError, match=told):
        list(data.get_loader())
    assert multiprocessing.active_children() == []


def test_an_epoch_that_is_left_early_leaves_no_processes(corpus):
    loader = iter(corpus.load(loader={"num_workers": 2}, truncate=8).get_loader())
    next(loader)
    loader.close()
    assert multiprocessing.active_children() == []


def test_faults_in_the_users_functions_keep_their_kind(corpus):
    data = corpus.load({"input_functions": (lambda mel: mel / {}[0],)}, {"num_workers": 1})
    with pytest.raises(KeyError):
        list(data.get_loader())


def test_concatenated_corpora_are_numbered_through(corpus, make_corpus):
    merged = merge(corpus, make_corpus({"x": 80, "y": 40}), {"batch_size": 2})
    assert merged.get_seq_info() == ["0,b,0,160,0", "1,a,0,88,0", "2,c,0,200,0", "3,x,0,80,0", "4,y,0,40,0"]
    batches = list(merged.get_loader())
    assert [batch.index.tolist() for batch in batches] == [[0, 1], [2, 3], [4]]
    assert batches[1].info == ("2,c,0,200,0", "3,x,0,80,0")


def test_corpora_side_by_side_give_one_batch_each(corpus, make_corpus):
    merged = merge(corpus, make_corpus({"x": 80, "y": 40}), {"batch_size": 1, "merge": "batch_merge"})
    batches = list(merged.get_loader())
    assert [batch.index.tolist() for batch in batches] == [[0, 3], [1, 4]]
    assert len(merged.get_loader()) == 2
    assert merged.get_batch_size() == 2
    assert batches[0].targets.shape == (2, 160, 1)


def test_corpora_of_other_dims_do_not_merge(corpus, make_corpus):
    other = make_corpus({"x": 80})
    narrow = other.spec(name="two", inputs=(other.wav_stream(),))
    with pytest.raises(ConfigError, match=r"differ in input and output dims: \[\(1, 1\), \(3, 1\)\]"):
        NII_MergeDataSetLoader.from_specs([corpus.spec(), narrow], corpus.options(), LoaderOptions())


def test_adapted_lengths_reach_the_right_items(corpus, make_corpus):
    merged = merge(corpus, make_corpus({"x": 80, "y": 40}), {"longest_first": True})
    merged.update_seq_len_in_sampler_sub(("4,y,0,900,0",))
    order = [int(batch.index) for batch in merged.get_loader()]
    assert order == [2, 0, 1, 3, 4]  # nothing changes before it is asked for
    merged.update_seq_len_in_sampler()
    assert [int(batch.index) for batch in merged.get_loader()] == [4, 2, 0, 1, 3]


def test_items_can_be_kept_deleted_and_added(corpus, make_corpus):
    other = make_corpus({"x": 80, "y": 40})
    merged = merge(corpus, other)
    merged.manage_data([1, 3], "delete")
    assert merged.get_seq_info() == ["0,b,0,160,0", "1,c,0,200,0", "2,y,0,40,0"]
    merged.manage_data([1, 2], "keep")
    assert [int(batch.index) for batch in merged.get_loader()] == [0, 1]
    merged.add_dataset(other.load({"name": "three"}))
    assert merged.get_seq_name_list() == ["c", "y", "x", "y"]
    assert merged.get_seq_idx_from_name(["y"]) == [1, 3]
    assert merged.get_seq_num() == 4
    with pytest.raises(DataError, match=r"items \[9\] are not all among the 4 items"):
        merged.manage_data([9], "keep")
    with pytest.raises(ConfigError, match="knows 'keep' and 'delete', not 'drop'"):
        merged.manage_data([1], "drop")


def test_the_fingerprint_follows_names_lengths_and_cut(corpus):
    prints = [corpus.load().fingerprint(), corpus.load(truncate=80).fingerprint(),
              corpus.load({"list_source": ("a", "b", "c")}).fingerprint()]
    assert len(set(prints)) == 3
    assert prints[0] == corpus.load().fingerprint()


def test_the_full_fingerprint_tells_files_order_and_cut_apart(corpus):
    whole, cut, turned = (data.full_fingerprint() for data in (
        corpus.load(), corpus.load(truncate=80), corpus.load({"list_source": ("a", "b", "c")})))
    fewer = corpus.load({"list_source": ("b", "a")}).full_fingerprint()
    assert whole.files.startswith("3 utterances of 448 samples (") and fewer.files.startswith("2 utterances of 248 ")
    assert cut.files == whole.files
    assert (whole.cut, cut.cut) == (
        "3 items of whole utterances, shuffle False, sampler None, merge concatenate",
        "7 items of 80 samples at most, shuffle False, sampler None, merge concatenate")
    assert turned.cut == whole.cut
    assert turned.files != whole.files
    assert turned.files.split(", in the order")[0] == whole.files.split(", in the order")[0]
    changed = corpus.load(loader={"batch_size": 3, "num_workers": 2}).full_fingerprint()
    assert changed == whole


def test_upstreams_signatures_read_the_same_data(corpus, capsys):
    arguments = Namespace(flag_reverse_data_loading_order=True, path_cache_file=str(corpus.root / "cache"))
    params = {"batch_size": 2, "shuffle": False, "num_workers": 0, "sampler": "None"}
    merged = NII_MergeDataSetLoader(*contract_arguments(corpus, True), params=params, truncate_seq=80,
                                    wav_samp_rate=16000, global_arg=arguments)
    single = NIIDataSetLoader(*contract_arguments(corpus, False), params=params, truncate_seq=80,
                              wav_samp_rate=16000, global_arg=arguments)
    plain = NIIDataSet(*contract_arguments(corpus, False), wav_samp_rate=16000)
    assert merged.get_seq_info() == single.get_seq_info()
    assert merged.get_seq_name_list()[0] == "c"
    assert (merged.get_in_dim(), merged.get_out_dim(), len(plain)) == (3, 1, 3)
    assert merged.get_loader_params() == params
    assert os.listdir(corpus.root / "cache")
    assert merged.get_dataset()[0].get_seq_info() == merged.get_seq_info()
    assert single.get_dataset().get_in_dim() == 3
    merged.print_info()
    assert "trn: 3 utterances, 7 items, 0.0 min at 16000 Hz, .mel(3) -> .wav(1)" in capsys.readouterr().out
    assert torch.from_numpy(merged.get_data_mean_std()[0]).shape == (3,)


def test_unknown_loader_parameters_are_named(corpus, capsys):
    NIIDataSetLoader(*contract_arguments(corpus, False), params={"drop_last": True})
    assert "['drop_last'] are not known" in capsys.readouterr().err


def test_other_raw_formats_are_refused(corpus):
    with pytest.raises(ConfigError, match="data_format='>f4'"):
        NIIDataSetLoader(*contract_arguments(corpus, False), data_format=">f4")


def outputs_of(made, *streams):
    return made.load({"outputs": streams, "list_source": ("sub/x",)})


@pytest.fixture
def writer(make_corpus):
    made = make_corpus({"sub/x": 80})
    return made, outputs_of(made, made.wav_stream(directory=None), made.wav_stream(directory=None, ext=".f0", dim=2))


def test_outputs_are_split_cut_and_put_into_the_folders_of_their_names(writer, tmp_path):
    made, data = writer
    array = np.random.default_rng(1).uniform(-1, 1, (1, 83, 3))
    data.putitem(array, str(tmp_path / "out"), "gen_", "0,sub/x,0,80,0")
    samples, rate = soundfile.read(tmp_path / "out" / "sub" / "gen_x.wav", dtype="int16")
    assert (len(samples), rate) == (80, 16000)
    assert samples.tolist() == np.clip(np.rint(array[0, :80, 0] * 2**15), -(2**15), 2**15 - 1).tolist()
    f0 = np.fromfile(tmp_path / "out" / "sub" / "gen_x.f0", dtype="<f4").reshape(-1, 2)
    assert np.array_equal(f0, array[0, :80, 1:].astype("<f4"))


def test_outputs_are_cut_at_their_own_resolution_and_unaligned_ones_not_at_all(corpus, tmp_path, capsys):
    data = corpus.load({"outputs": (corpus.mel_stream(directory=None),)})
    for info, frames, expected in [("0,x,0,95,0", 20, 11), ("1,y,0,0,0", 20, 20), ("2,z,0,160,0", 15, 15)]:
        data.putitem(np.zeros((1, frames, 3)), tmp_path, "", info)
        name = info.split(",")[1]
        assert (tmp_path / f"{name}.mel").stat().st_size == expected * 12
    assert "z.mel has 15 frames, 20 were expected" in capsys.readouterr().err


def test_two_dimensional_outputs_and_inverse_functions_work(corpus, tmp_path):
    data = corpus.load(output_inverse_functions=(lambda wave: wave / 2,))
    data.putitem(np.full((1, 80), 0.5), tmp_path, "", "0,b,0,80,0")
    assert soundfile.read(tmp_path / "b.wav")[0].tolist() == [0.25] * 80


def test_pieces_of_an_utterance_do_not_overwrite_each_other(corpus, tmp_path):
    data = corpus.load(truncate=80)
    for info in ("0,b,0,80,0", "1,b,1,80,80"):
        data.putitem(np.zeros((1, 80)), tmp_path, "", info)
    assert {"b_000.wav", "b_001.wav"} <= set(os.listdir(tmp_path))


@pytest.mark.parametrize(("array", "info", "message"), [
    (np.zeros((1, 80, 2)), "0,sub/x,0,80,0", r"has 2 columns, output_dims \[1, 2\] sum to 3"),
    (np.zeros((80, 3)), "0,sub/x,0,80,0", r"shape \(80, 3\)"),
    (np.full((1, 80, 3), np.nan), "0,sub/x,0,80,0", "80 of 80 values are NaN"),
    (np.zeros((1, 80, 3)), "0,../../x,0,80,0", r"'../../x' would be written to .*outside of"),
    (np.zeros((1, 80, 3)), "0,/etc/x,0,80,0", "outside of"),
    (np.zeros((1, 80, 3)), "0,link/x,0,80,0", "outside of"),
    (np.zeros((1, 80, 3)), "sub/x", "not of the form"),
])
def test_what_must_not_be_written_is_refused_and_nothing_is_left(writer, tmp_path, array, info, message):
    made, data = writer
    out = tmp_path / "out"
    out.mkdir()
    (out / "link").symlink_to(tmp_path)
    with pytest.raises(DataError, match=message):
        data.putitem(array, out, "", info)
    assert [path.name for path in out.rglob("*") if path.is_file()] == []


def test_two_utterances_of_one_name_do_not_overwrite_each_other(corpus, make_corpus, tmp_path):
    merged = merge(corpus, make_corpus({"b": 80}))
    merged.putitem(np.zeros((1, 160)), tmp_path, "", "0,b,0,160,0")
    merged.putitem(np.zeros((1, 160)), tmp_path, "", "0,b,0,160,0")
    with pytest.raises(DataError, match="already written for another utterance"):
        merged.putitem(np.zeros((1, 80)), tmp_path, "", "3,b,0,80,0")


def test_a_folder_that_cannot_be_written_is_told(corpus, tmp_path):
    (tmp_path / "occupied").touch()
    with pytest.raises(DataError, match="cannot be written"):
        corpus.load().putitem(np.zeros((1, 160)), tmp_path / "occupied", "", "0,b,0,160,0")
