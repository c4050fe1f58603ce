"""The data side through upstream's constructor: what it returns, and upstream's mistakes that are not repeated."""
import json
import pickle
import shutil

import numpy as np
import pytest
import torch
from contract_tools import FRAMES, HOP, OTHERS, SEGMENT, SEGMENTS, TRAINING
from scipy.io import wavfile

from core_scripts.errors import RecitalError

REFUSED = (RecitalError, SystemExit)  # SystemExit is what f_die raises
SETTINGS = {"truncate_seq": SEGMENT, "min_seq_len": 80, "save_mean_std": True, "wav_samp_rate": 16000,
            "params": {"batch_size": 2, "shuffle": False, "num_workers": 0, "sampler": "None"}}


@pytest.fixture
def corpus(contract_data, tmp_path):
    """A corpus of this test's own, to be damaged at will."""
    shutil.copytree(contract_data, tmp_path / "data")
    return tmp_path / "data"


def load(corpus, names="trn.lst", kind=None, second=None, **settings):
    """NII_MergeDataSetLoader with positional arguments in upstream's order; `second` adds the second corpus."""
    from core_scripts.data_io.customize_dataset import NII_MergeDataSetLoader
    names = str(corpus / names) if isinstance(names, str) else names
    folders = [corpus] if second is None else [corpus, corpus / "second"]
    lists = [names] if second is None else [names, second]
    stats = corpus.parent / "cache"
    stats.mkdir(exist_ok=True)
    return NII_MergeDataSetLoader(
        [f"set_{index}" for index in range(len(folders))], lists,
        [[str(folder / "mel"), str(folder / "f0")] for folder in folders],
        [".mel", ".f0"], [4, 1], [HOP, HOP], [True, True],
        [[str(folder / "wav")] for folder in folders], [".wav"], [1], [1], [True],
        str(stats) + "/", **(SETTINGS | settings))


def items_of(loader) -> list[str]:
    """The info strings in the order in which the loader gives them."""
    return [info for batch in loader.get_loader() for info in batch[2]]


def names_of(loader) -> list[str]:
    """The utterances of the items."""
    return [info.split(",")[1] for info in items_of(loader)]


def test_batch_is_inputs_targets_info_index_with_zero_padding(corpus):
    loader = load(corpus)
    assert (loader.get_in_dim(), loader.get_out_dim(), loader.get_seq_num()) == (5, 1, SEGMENTS)
    assert len(loader.get_loader()) == -(-SEGMENTS // 2)
    batches = list(loader.get_loader())
    assert sum(len(batch[3]) for batch in batches) == SEGMENTS
    for inputs, targets, infos, index, *_ in batches:
        assert inputs.dtype == targets.dtype == torch.float32
        assert targets.shape[:2] == (inputs.shape[0], inputs.shape[1] * HOP)
        assert len(index) == len(infos) == inputs.shape[0]
        for row, info in enumerate(infos):
            name, length, start = info.split(",")[1], *map(int, info.split(",")[3:])
            wave = wavfile.read(corpus / "wav" / f"{name}.wav")[1][start: start + length] / 2**15
            np.testing.assert_array_equal(targets[row, :length, 0], wave.astype(np.float32))
            assert not targets[row, length:].any() and not inputs[row, length // HOP:].any()


def test_statistics_come_as_four_arrays_for_torch(corpus):
    in_mean, in_std, out_mean, out_std = load(corpus).get_data_mean_std()
    assert [torch.from_numpy(part).shape for part in (in_mean, in_std, out_mean, out_std)] == [(5,), (5,), (1,), (1,)]
    again = load(corpus, save_mean_std=False).get_data_mean_std()
    np.testing.assert_array_equal(again[0], in_mean)


def test_validation_set_without_own_statistics_has_zero_and_one(corpus):
    in_mean, in_std, _, _ = load(corpus, "val.lst", save_mean_std=False).get_data_mean_std()
    assert not in_mean.any() and (in_std == 1).all()


def test_order_and_length_of_the_list_are_kept(corpus):
    names = ["utt_05", "utt_01", "utt_03"]
    assert names_of(load(corpus, names, truncate_seq=None)) == names
    assert load(corpus, names, truncate_seq=None).get_seq_name_list() == names


@pytest.mark.parametrize("change", [{"truncate_seq": 200}, {"min_seq_len": 300}, {"truncate_seq": None}])
def test_cache_of_another_segmentation_is_not_used(corpus, change):
    load(corpus)
    second = items_of(load(corpus, **change))
    shutil.rmtree(corpus.parent / "cache")
    assert second == items_of(load(corpus, **change))
    assert len(second) != SEGMENTS


def test_cache_is_not_used_after_a_file_has_changed(corpus):
    before = load(corpus).get_data_mean_std()
    for kind, width in (("mel", 4), ("f0", 1)):
        (np.ones(60 * width, "<f4") * 150).tofile(corpus / kind / f"utt_00.{kind}")
    wavfile.write(corpus / "wav" / "utt_00.wav", 16000, np.zeros(60 * HOP, np.int16))
    after = load(corpus)
    assert after.get_seq_num() == SEGMENTS + 1
    assert after.get_data_mean_std()[0][0] > before[0][0] + 5


def test_lying_cache_from_elsewhere_is_rebuilt(corpus):
    (corpus.parent / "cache").mkdir()
    entry = {"length": 77_777, "seq_name": "utt_00", "seg_idx": 0, "start_pos": 0, "info_id": 0}
    entries = [entry | {"seq_name": name, "info_id": place} for place, name in enumerate(TRAINING)]
    (corpus.parent / "cache" / "set_0_utt_length.dic").write_text(json.dumps(entries))
    assert load(corpus).get_seq_num() == SEGMENTS


def test_honest_cache_of_upstream_is_adopted(corpus):
    load(corpus)
    cache = corpus.parent / "cache"
    wanted = (cache / "set_0_utt_length.dic").read_text()
    for path in cache.iterdir():
        if path.suffix not in (".dic", ".bin"):
            path.unlink() if path.is_file() else shutil.rmtree(path)
    assert load(corpus).get_seq_num() == SEGMENTS
    assert json.loads((cache / "set_0_utt_length.dic").read_text()) == json.loads(wanted)


def test_mistyped_list_is_refused_with_its_path(corpus):
    with pytest.raises(REFUSED, match="trian.lst"):
        load(corpus, "trian.lst")


def test_name_without_files_is_refused_by_name(corpus):
    with pytest.raises(REFUSED, match="utt_77"):
        load(corpus, ["utt_00", "utt_77"])


def test_empty_list_is_refused(corpus):
    (corpus / "empty.lst").write_text("")
    with pytest.raises(REFUSED, match="empty"):
        load(corpus, "empty.lst")


@pytest.mark.parametrize("name", ["a.wav.b", "sub/deep.mel", "comma,name"])
def test_awkward_names_are_found_and_written(corpus, name):
    for kind in ("mel", "f0", "wav"):
        target = corpus / kind / f"{name}.{kind}"
        target.parent.mkdir(exist_ok=True)
        shutil.copy(corpus / kind / f"utt_00.{kind}", target)
    loader = load(corpus, [name, "utt_00"], truncate_seq=None, params={"batch_size": 1})
    first = next(iter(loader.get_loader()))
    assert first[0].shape[1] == FRAMES["utt_00"]
    loader.putitem(first[1].numpy(), str(corpus.parent / "out"), "new_", first[2][0])
    rate, wave = wavfile.read(next(iter(sorted((corpus.parent / "out").rglob("*.wav")))))
    assert (rate, len(wave)) == (16000, FRAMES["utt_00"] * HOP)


def test_wave_of_another_rate_is_refused_with_both_rates(corpus):
    wavfile.write(corpus / "wav" / "utt_02.wav", 22050, np.zeros(900, np.int16))
    with pytest.raises(REFUSED, match=r"(?s)utt_02.*22050.*16000|utt_02.*16000.*22050"):
        load(corpus)


def test_stereo_wave_is_refused_when_loading(corpus):
    wavfile.write(corpus / "wav" / "utt_02.wav", 16000, np.zeros((840, 2), np.int16))
    with pytest.raises(REFUSED, match="utt_02"):
        load(corpus)


def test_float_wave_is_read_as_it_is(corpus):
    wave = np.linspace(-1.5, 1.5, FRAMES["utt_00"] * HOP, dtype=np.float32)
    wavfile.write(corpus / "wav" / "utt_00.wav", 16000, wave)
    loader = load(corpus, ["utt_00"], truncate_seq=None)
    np.testing.assert_array_equal(next(iter(loader.get_loader()))[1][0, :, 0], wave)


def test_feature_file_with_a_broken_last_row_is_refused(corpus):
    np.zeros(4 * FRAMES["utt_02"] + 1, "<f4").tofile(corpus / "mel" / "utt_02.mel")
    with pytest.raises(REFUSED, match="utt_02"):
        load(corpus)


def test_lengths_may_differ_by_a_tenth_and_not_more(corpus):
    frames = FRAMES["utt_04"]
    mel = np.fromfile(corpus / "mel" / "utt_04.mel", "<f4")
    mel[: 4 * (frames - 5)].tofile(corpus / "mel" / "utt_04.mel")
    lengths = [int(info.split(",")[3]) for info in items_of(load(corpus, ["utt_04"]))]
    assert sum(lengths) == (frames - 5) * HOP
    mel[: 4 * (frames - 8)].tofile(corpus / "mel" / "utt_04.mel")
    with pytest.raises(REFUSED, match="utt_04"):
        load(corpus, ["utt_04"])


def test_utterances_of_wrong_length_are_dropped_when_asked(corpus):
    from core_scripts.config_parse.arg_parse import f_args_parsed
    np.zeros(4 * 10, "<f4").tofile(corpus / "mel" / "utt_02.mel")
    args = f_args_parsed(["--ignore-length-invalid-data"])
    assert set(names_of(load(corpus, global_arg=args))) == set(TRAINING) - {"utt_02"}


def test_statistics_of_merged_corpora_are_pooled(corpus):
    mean, std, _, _ = load(corpus, second=str(corpus / "second.lst")).get_data_mean_std()
    paths = [corpus / "mel" / f"{name}.mel" for name in TRAINING]
    paths += [corpus / "second" / "mel" / f"{name}.mel" for name in OTHERS]
    mel = np.concatenate([np.fromfile(path, "<f4").reshape(-1, 4) for path in paths]).astype(float)
    np.testing.assert_allclose(mean[:4], mel.mean(0), rtol=1e-4)
    np.testing.assert_allclose(std[:4], mel.std(0), rtol=1e-4)


def test_merged_loaders_have_a_length_in_both_ways(corpus):
    second = str(corpus / "second.lst")
    joined = load(corpus, second=second, truncate_seq=None)
    assert (joined.get_seq_num(), len(joined.get_loader())) == (9, 5)
    assert sorted(names_of(joined)) == sorted([*TRAINING, *OTHERS])
    side_by_side = load(corpus, second=second, truncate_seq=None, way_to_merge="batch_merge")
    batches = list(side_by_side.get_loader())
    assert len(side_by_side.get_loader()) == len(batches) == 2
    assert [name[:3] for name in (info.split(",")[1] for info in batches[0][2])] == ["utt", "utt", "oth", "oth"]


def test_managing_data_keeps_and_deletes_items_by_index(corpus):
    loader = load(corpus, truncate_seq=None)
    loader.manage_data([0, 2, 5], "keep")
    assert names_of(loader) == [TRAINING[0], TRAINING[2], TRAINING[5]]
    loader.manage_data([1], "delete")
    assert names_of(loader) == [TRAINING[0], TRAINING[5]]


def test_data_set_can_be_pickled_for_spawned_workers(corpus):
    from core_scripts.data_io.default_data_io import NIIDataSet
    single = NIIDataSet("one", str(corpus / "trn.lst"), [str(corpus / "mel")], [".mel"], [4], [HOP], [True],
                        [str(corpus / "wav")], [".wav"], [1], [1], [False], str(corpus.parent) + "/",
                        truncate_seq=SEGMENT, min_seq_len=80, wav_samp_rate=16000)
    copy = pickle.loads(pickle.dumps(single))
    assert len(copy) == len(single) == SEGMENTS
    one, two = single[3], copy[3]
    assert len(one) >= 4
    np.testing.assert_array_equal(one[0], two[0])
    assert one[2] == two[2] and one[2].count(",") == 4


@pytest.mark.parametrize("option", [1, 2, 3])
def test_silence_handler_shortens_the_single_wave_side(corpus, option):
    from core_scripts.config_parse.arg_parse import f_args_parsed
    rng = np.random.default_rng(3)
    speech = rng.normal(0, 3000, 9000).astype(np.int16)
    silence = np.zeros(9000, np.int16)
    wavfile.write(corpus / "wav" / "gaps.wav", 16000, np.concatenate([silence, speech, silence]))
    from core_scripts.data_io.customize_dataset import NII_MergeDataSetLoader
    loader = NII_MergeDataSetLoader(
        ["gaps"], [["gaps"]], [[str(corpus / "wav")]], [".wav"], [1], [1], [False],
        [[]], [], [], [], [], str(corpus.parent) + "/", params={"batch_size": 1}, wav_samp_rate=16000,
        save_mean_std=False, global_arg=f_args_parsed(["--opt-wav-silence-handler", str(option)]))
    wave = next(iter(loader.get_loader()))[0]
    assert 0 < wave.shape[1] < 27000


def test_written_features_without_a_known_length_are_split_by_columns(corpus):
    from core_scripts.data_io.customize_dataset import NII_MergeDataSetLoader
    loader = NII_MergeDataSetLoader(
        ["split"], [["utt_00"]], [[str(corpus / "f0")]], [".f0"], [1], [HOP], [False],
        [[]], [".a", ".b"], [3, 1], [HOP, HOP], [False, False], str(corpus.parent) + "/",
        params={"batch_size": 1}, save_mean_std=False)
    ramp = np.arange(40, dtype=np.float32).reshape(1, 10, 4)
    loader.putitem(ramp, str(corpus.parent / "out"), "", "0,utt_00,0,0,0")
    np.testing.assert_array_equal(np.fromfile(corpus.parent / "out" / "utt_00.a", "<f4"), ramp[0, :, :3].ravel())
    np.testing.assert_array_equal(np.fromfile(corpus.parent / "out" / "utt_00.b", "<f4"), ramp[0, :, 3])


def test_written_wave_is_clipped_sixteen_bit_and_refuses_a_wrong_width(corpus):
    loader = load(corpus)
    loud = np.array([0.5, 2.0, -2.0, -0.25], np.float32).reshape(1, 4, 1)
    loader.putitem(loud, str(corpus.parent / "out"), "x_", "0,utt_00,0,4,0")
    rate, wave = wavfile.read(corpus.parent / "out" / "x_utt_00.wav")
    assert rate == 16000 and wave.dtype == np.int16
    assert wave.tolist() == [16384, 32767, -32768, -8192]
    with pytest.raises(REFUSED, match="2"):
        loader.putitem(np.zeros((1, 4, 2), np.float32), str(corpus.parent / "out"), "y_", "0,utt_00,0,4,0")
    assert not (corpus.parent / "out" / "y_utt_00.wav").exists()


def test_functions_of_the_config_see_numpy_arrays_and_the_length_follows(corpus):
    def halve(data):
        assert isinstance(data, np.ndarray)
        return data[: len(data) // 2]

    from core_scripts.data_io.customize_dataset import NII_MergeDataSetLoader
    loader = NII_MergeDataSetLoader(
        ["halved"], [["utt_00"]], [[str(corpus / "wav")]], [".wav"], [1], [1], [False],
        [[]], [], [], [], [], str(corpus.parent) + "/", params={"batch_size": 1}, save_mean_std=False,
        wav_samp_rate=16000, input_augment_funcs=[[halve]])
    batch = next(iter(loader.get_loader()))
    assert batch[0].shape[1] == FRAMES["utt_00"] * HOP // 2
    assert batch[2][0].split(",")[3] == str(FRAMES["utt_00"] * HOP // 2)
