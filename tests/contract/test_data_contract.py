"""The data side through upstream's constructor: what it returns and what it writes."""
import json
import shutil

import numpy as np
import pytest
import torch
from contract_data_tools import REFUSED, items_of, load, names_of, wave_in_wave_out
from contract_tools import FRAMES, HOP, SEGMENTS, TRAINING
from scipy.io import wavfile

from core_scripts.config_parse.arg_parse import f_args_parsed
from core_scripts.data_io.customize_dataset import NII_MergeDataSetLoader


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


def test_order_is_reversed_and_caches_are_left_alone_when_asked(corpus):
    names = ["utt_05", "utt_01", "utt_03"]
    reverse = f_args_parsed(["--flag-reverse-data-loading-order", "--ignore-cached-file-infor"])
    assert names_of(load(corpus, names, truncate_seq=None, global_arg=reverse)) == names[::-1]
    assert not list((corpus.parent / "cache").glob("*.dic"))


def test_honest_cache_of_upstream_is_adopted(corpus):
    load(corpus)
    cache = corpus.parent / "cache"
    wanted = (cache / "set_0_utt_length.dic").read_text()
    for path in cache.iterdir():
        if path.suffix not in (".dic", ".bin"):
            path.unlink() if path.is_file() else shutil.rmtree(path)
    assert load(corpus).get_seq_num() == SEGMENTS
    assert json.loads((cache / "set_0_utt_length.dic").read_text()) == json.loads(wanted)


def test_float_wave_is_read_as_it_is(corpus):
    wave = np.linspace(-1.5, 1.5, FRAMES["utt_00"] * HOP, dtype=np.float32)
    wavfile.write(corpus / "wav" / "utt_00.wav", 16000, wave)
    loader = load(corpus, ["utt_00"], truncate_seq=None)
    np.testing.assert_array_equal(next(iter(loader.get_loader()))[1][0, :, 0], wave)


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
    np.zeros(4 * 10, "<f4").tofile(corpus / "mel" / "utt_02.mel")
    args = f_args_parsed(["--ignore-length-invalid-data"])
    assert set(names_of(load(corpus, global_arg=args))) == set(TRAINING) - {"utt_02"}


def test_written_wave_is_clipped_sixteen_bit_and_refuses_a_wrong_width(corpus):
    loader = load(corpus, truncate_seq=None)
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

    loader = NII_MergeDataSetLoader(
        ["halved"], [["utt_00"]], [[str(corpus / "wav")]], [".wav"], [1], [1], [False],
        [[]], [], [], [], [], str(corpus.parent) + "/", params={"batch_size": 1}, save_mean_std=False,
        wav_samp_rate=16000, input_augment_funcs=[[halve]])
    batch = next(iter(loader.get_loader()))
    assert batch[0].shape[1] == FRAMES["utt_00"] * HOP // 2
    assert batch[2][0].split(",")[3] == str(FRAMES["utt_00"] * HOP // 2)


def test_functions_may_take_information_and_outputs_may_become_several(corpus):
    seen = []

    def look(data, info):
        seen.append(info.seq_name)
        return data

    def split(data):
        return [data, data[:4] * 2]

    loader = wave_in_wave_out(corpus, input_augment_funcs=[[look]], output_augment_funcs=[[split]])
    inputs, targets = next(iter(loader.get_loader()))[:2]
    assert seen == ["utt_00", "utt_01"]
    assert isinstance(targets, list)
    assert [tuple(target.shape) for target in targets] == [(2, FRAMES["utt_01"] * HOP, 1), (2, 4, 1)]
    assert torch.equal(targets[0], inputs) and torch.equal(targets[1], inputs[:, :4] * 2)


def test_joint_function_sets_the_length(corpus):
    loader = wave_in_wave_out(corpus, inoutput_augment_func=lambda x, y: (x[:50], y[:50], 50))
    inputs, targets, info, *_ = next(iter(loader.get_loader()))
    assert inputs.shape == targets.shape == (2, 50, 1)
    assert [line.split(",")[3] for line in info] == ["50", "50"]


def test_feature_of_one_frame_stands_for_all_frames(corpus):
    (corpus / "spk").mkdir()
    np.array([3.0, 4.0], "<f4").tofile(corpus / "spk" / "utt_00.spk")
    loader = NII_MergeDataSetLoader(
        ["vector"], [["utt_00"]], [[str(corpus / "f0"), str(corpus / "spk")]], [".f0", ".spk"], [1, 2], [HOP, HOP],
        [False, False], [[]], [], [], [], [], str(corpus.parent) + "/", params={"batch_size": 1}, save_mean_std=False)
    inputs = next(iter(loader.get_loader()))[0]
    assert inputs.shape == (1, FRAMES["utt_00"], 3)
    assert (inputs[0, :, 1:] == torch.tensor([3.0, 4.0])).all()
