"""Means and deviations: exact, pooled, voiced, cached."""
import json
import os

import numpy as np
import pytest

from core_scripts.config_parse.data_config import LoaderOptions
from core_scripts.data_io.customize_dataset import NII_MergeDataSetLoader
from core_scripts.data_io.statistics import Moments


def test_moments_of_parts_merge_to_those_of_the_whole():
    rng = np.random.default_rng(1)
    data = rng.normal(1e4, 1e-2, (1000, 3))
    used = rng.uniform(size=data.shape) > 0.3
    merged = Moments.empty(3)
    for start in range(0, 1000, 70):
        merged = merged.merge(Moments.of(data[start : start + 70], used[start : start + 70]))
    for dim in range(3):
        values = data[used[:, dim], dim]
        assert merged.count[dim] == len(values)
        assert merged.mean[dim] == pytest.approx(values.mean(), rel=1e-14)
        assert np.sqrt(merged.squares / merged.count)[dim] == pytest.approx(values.std(), rel=1e-8)


def test_nothing_measured_and_constants_become_mean_zero_and_std_one():
    assert [part.tolist() for part in Moments.empty(2).mean_std()] == [[0, 0], [1, 1]]
    constant = Moments.of(np.full((5, 1), 3.0), np.ones((5, 1), dtype=bool))
    assert [part.tolist() for part in constant.mean_std()] == [[3], [1]]


def test_statistics_are_those_of_all_frames_and_only_where_asked(corpus):
    in_mean, in_std, out_mean, out_std = corpus.load(truncate=16).get_data_mean_std()
    everything = np.concatenate([corpus.mel(name) for name in corpus.samples])
    assert in_mean == pytest.approx(everything.mean(axis=0))
    assert in_std == pytest.approx(everything.std(axis=0))
    assert (out_mean.tolist(), out_std.tolist()) == ([0], [1])
    assert in_mean.dtype == np.float32


def test_the_bin_files_hold_means_then_deviations_as_float32(corpus):
    data = corpus.load()
    mean, std, _, _ = data.get_data_mean_std()
    stored = np.fromfile(corpus.root / "trn_mean_std_input.bin", dtype="<f4")
    assert stored.tolist() == [*mean.tolist(), *std.tolist()]
    assert (corpus.root / "trn_mean_std_output.bin").read_bytes() == np.array([0, 1], dtype="<f4").tobytes()


def test_merged_corpora_share_the_statistics_of_all_their_frames(corpus, make_corpus):
    other = make_corpus({"x": 400, "zz": 80})
    specs = [corpus.spec(name="one"), other.spec(name="two")]
    merged = NII_MergeDataSetLoader.from_specs(specs, corpus.options(), LoaderOptions())
    everything = np.concatenate([made.mel(name) for made in (corpus, other) for name in made.samples])
    for _ in range(2):  # measured, then from the caches
        mean, std, _, _ = merged.get_data_mean_std()
        assert mean == pytest.approx(everything.mean(axis=0))
        assert std == pytest.approx(everything.std(axis=0))
        merged = NII_MergeDataSetLoader.from_specs(specs, corpus.options(save_mean_std=False), LoaderOptions())


def test_f0_counts_only_where_there_is_voice(corpus):
    tracks = {name: np.where(np.arange(count // 8) % 2, 100.0 + np.arange(count // 8), 0.0)
              for name, count in corpus.samples.items()}
    for name, track in tracks.items():
        (corpus.root / "mel" / f"{name}.f0").write_bytes(track.astype("<f4").tobytes())
    stream = corpus.mel_stream(ext=".f0", dim=1)
    mean, std, _, _ = corpus.load({"inputs": (stream, corpus.mel_stream(normalise=False))}).get_data_mean_std()
    voiced = np.concatenate(list(tracks.values()))
    voiced = voiced[voiced > 0]
    assert mean == pytest.approx([voiced.mean(), 0, 0, 0])
    assert std == pytest.approx([voiced.std(), 1, 1, 1])


def test_statistics_come_from_the_cache_while_it_is_true(corpus, capsys):
    corpus.load()
    capsys.readouterr()
    side_file = corpus.root / "trn_mean_std.json"
    before = side_file.stat().st_mtime_ns
    corpus.load()
    corpus.load(truncate=40)  # cutting does not change which frames there are
    assert side_file.stat().st_mtime_ns == before
    assert "computing" not in capsys.readouterr().err


@pytest.mark.parametrize("change", ["file", "dims", "norm", "list", "minimum", "bin"])
def test_statistics_are_never_stale(corpus, change):
    corpus.load()
    spec, options = {}, {}
    if change == "file":
        (corpus.root / "mel" / "c.mel").write_bytes((2 * corpus.mel("c")).tobytes())
    elif change == "dims":
        spec["inputs"] = (corpus.mel_stream(), corpus.mel_stream(ext=".mel"))
    elif change == "norm":
        spec["outputs"] = (corpus.wav_stream(normalise=True),)
    elif change == "list":
        spec["list_source"] = ("a", "c")
    elif change == "minimum":
        options["minimum"] = 100
    else:
        (corpus.root / "trn_mean_std_input.bin").write_bytes(bytes(24))
    cached = corpus.load(spec, **options).get_data_mean_std()
    fresh = corpus.load(spec, **options, ignore_cache=True).get_data_mean_std()
    assert all(np.array_equal(one, other) for one, other in zip(cached, fresh, strict=True))
    again = corpus.load(spec, **options).get_data_mean_std()
    assert all(np.array_equal(one, other) for one, other in zip(again, fresh, strict=True))


def test_bins_of_upstream_are_taken_over_if_they_fit_and_are_newer(corpus, capsys):
    corpus.load()
    (corpus.root / "trn_mean_std.json").unlink()
    np.array([1, 2, 3, 4, 5, 6], dtype="<f4").tofile(corpus.root / "trn_mean_std_input.bin")
    mean, std, _, _ = corpus.load().get_data_mean_std()
    assert (mean.tolist(), std.tolist()) == ([1, 2, 3], [4, 5, 6])
    assert "fit the data and are taken over" in capsys.readouterr().err
    counts = json.loads((corpus.root / "trn_mean_std.json").read_text())["input"][0]
    assert counts == [sum(corpus.samples.values()) // 8] * 3


@pytest.mark.parametrize("fault", ["older", "size", "nan", "zero deviation"])
def test_bins_that_do_not_fit_are_computed_again(corpus, fault, capsys):
    fresh = corpus.load(ignore_cache=True).get_data_mean_std()
    values = [1, 2, 3, 4, 5, 6, 7] if fault == "size" else [1, 2, 3, 4, 5, 6]
    values = [np.nan, *values[1:]] if fault == "nan" else values
    values = [*values[:5], 0] if fault == "zero deviation" else values
    np.array(values, dtype="<f4").tofile(corpus.root / "trn_mean_std_input.bin")
    np.array([0, 1], dtype="<f4").tofile(corpus.root / "trn_mean_std_output.bin")
    if fault == "older":
        os.utime(corpus.root / "trn_mean_std_input.bin", ns=(10**9, 10**9))
    assert corpus.load().get_data_mean_std()[0] == pytest.approx(fresh[0])
    assert "do not belong to these data" in capsys.readouterr().err


def test_validation_sets_measure_nothing(corpus):
    mean, std, _, _ = corpus.load(save_mean_std=False).get_data_mean_std()
    assert (mean.tolist(), std.tolist()) == ([0, 0, 0], [1, 1, 1])
    assert not (corpus.root / "trn_mean_std_input.bin").exists()
