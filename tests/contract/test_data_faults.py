"""Upstream's mistakes on the data side that are not repeated."""
import json
import pickle
import shutil

import numpy as np
import pytest
from contract_data_tools import REFUSED, SETTINGS, items_of, load, names_of
from contract_tools import FRAMES, HOP, OTHERS, SEGMENT, SEGMENTS, TRAINING
from scipy.io import wavfile

from core_scripts.config_parse.arg_parse import f_args_parsed
from core_scripts.data_io.customize_dataset import NII_MergeDataSetLoader
from core_scripts.data_io.default_data_io import NIIDataSet


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


def test_feature_file_with_a_broken_last_row_is_refused(corpus):
    np.zeros(4 * FRAMES["utt_02"] + 1, "<f4").tofile(corpus / "mel" / "utt_02.mel")
    with pytest.raises(REFUSED, match="utt_02"):
        load(corpus)


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


def test_lengths_after_augmentation_are_noted_for_the_right_item_of_merged_corpora(corpus):
    loader = load(corpus, second=str(corpus / "second.lst"), truncate_seq=None,
                  params=SETTINGS["params"] | {"sampler": "block_shuffle_by_length"})
    longest = [names_of(loader)[end] for end in (0, -1)]
    assert "utt_04" in longest  # nine items are a block of eight and the longest
    loader.update_seq_len_in_sampler_sub(("7,other_1,0,99999,0",))
    loader.update_seq_len_in_sampler()
    assert "other_1" in [names_of(loader)[end] for end in (0, -1)]


def test_managing_data_keeps_and_deletes_items_by_index(corpus):
    loader = load(corpus, truncate_seq=None)
    loader.manage_data([0, 2, 5], "keep")
    assert names_of(loader) == [TRAINING[0], TRAINING[2], TRAINING[5]]
    loader.manage_data([1], "delete")
    assert names_of(loader) == [TRAINING[0], TRAINING[5]]


def test_data_set_can_be_pickled_for_spawned_workers(corpus):
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
    rng = np.random.default_rng(3)
    speech = rng.normal(0, 3000, 9000).astype(np.int16)
    silence = np.zeros(9000, np.int16)
    wavfile.write(corpus / "wav" / "gaps.wav", 16000, np.concatenate([silence, speech, silence]))
    loader = NII_MergeDataSetLoader(
        ["gaps"], [["gaps"]], [[str(corpus / "wav")]], [".wav"], [1], [1], [False],
        [[]], [], [], [], [], str(corpus.parent) + "/", params={"batch_size": 1}, wav_samp_rate=16000,
        save_mean_std=False, global_arg=f_args_parsed(["--opt-wav-silence-handler", str(option)]))
    wave = next(iter(loader.get_loader()))[0]
    assert 0 < wave.shape[1] < 27000


def test_written_features_without_a_known_length_are_split_by_columns(corpus):
    loader = NII_MergeDataSetLoader(
        ["split"], [["utt_00"]], [[str(corpus / "f0")]], [".f0"], [1], [HOP], [False],
        [[]], [".a", ".b"], [3, 1], [HOP, HOP], [False, False], str(corpus.parent) + "/",
        params={"batch_size": 1}, save_mean_std=False)
    ramp = np.arange(40, dtype=np.float32).reshape(1, 10, 4)
    loader.putitem(ramp, str(corpus.parent / "out"), "", "0,utt_00,0,0,0")
    np.testing.assert_array_equal(np.fromfile(corpus.parent / "out" / "utt_00.a", "<f4"), ramp[0, :, :3].ravel())
    np.testing.assert_array_equal(np.fromfile(corpus.parent / "out" / "utt_00.b", "<f4"), ramp[0, :, 3])
