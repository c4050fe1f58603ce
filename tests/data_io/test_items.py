"""What one item holds: crops of a signal that goes on with silence."""
import os

import numpy as np
import pytest
import torch

from core_scripts.data_io.default_data_io import NIIDataSet
from core_scripts.errors import ConfigError, DataError
from core_scripts.features.config_mel import MelConfig

HOP = 8
MEL = MelConfig(window=24, hop=HOP, fft=64, bands=4, low_hz=400.0)


@pytest.fixture
def odd_corpus(make_corpus):
    """Two waveforms whose lengths are no multiples of the hop, one of them shorter than a window."""
    made = make_corpus({"long": 331, "short": 13})
    return made


def mel_of_wav(made, **changes):
    return made.wav_stream(**{"dim": MEL.dim, "resolution": HOP, "front_end": MEL, "normalise": True, **changes})


def whole_mel(samples: np.ndarray, beyond: int = 0) -> np.ndarray:
    """Frames of the whole signal, and `beyond` more at both ends, straight from the front end."""
    frames = -(-len(samples) // HOP)
    margin = np.zeros(8 + beyond * HOP)
    extended = np.concatenate([margin, samples, np.zeros(frames * HOP - len(samples)), margin])
    return MEL.build()(torch.tensor(extended, dtype=torch.float32)).numpy()


def test_items_hold_input_output_info_and_number(corpus):
    data = NIIDataSet.from_spec(corpus.spec(), corpus.options(truncate=80))
    inputs, outputs, info, index = data[1]
    assert np.array_equal(inputs, corpus.mel("b")[10:])
    assert outputs[:, 0] == pytest.approx(corpus.noise("b")[80:])
    assert (info, index, inputs.dtype, outputs.dtype) == ("1,b,1,80,80", 1, np.float32, np.float32)


def test_without_a_target_the_output_is_an_empty_list(corpus):
    for outputs in ((), (corpus.wav_stream(directory=None),)):
        data = NIIDataSet.from_spec(corpus.spec(outputs=outputs), corpus.options())
        assert data[0][1] == []
        assert data.get_out_dim() == len(outputs)


def test_waveform_crops_with_context_are_those_of_the_file_between_zeros(corpus):
    stream = corpus.wav_stream(context=(30, 5))
    data = NIIDataSet.from_spec(corpus.spec(outputs=(stream,)), corpus.options(truncate=64))
    for inputs, outputs, info, _ in data:
        name, _, length, start = info.split(",")[1:]
        start, stop = int(start), int(start) + int(length)
        extended = np.concatenate([np.zeros(30), corpus.noise(name), np.zeros(5)])
        assert outputs[:, 0] == pytest.approx(extended[start : stop + 35])
        assert len(inputs) == (stop - start) // HOP


def test_stored_features_go_on_with_their_fill(corpus):
    stream = corpus.mel_stream(context=(2, 1), fill=-11.5)
    data = NIIDataSet.from_spec(corpus.spec(inputs=(stream,), list_source=("a",)), corpus.options(truncate=48))
    silence = np.full((2, 3), -11.5)
    whole = np.concatenate([silence, corpus.mel("a"), silence[:1]])
    assert np.array_equal(data[0][0], whole[0:9])
    assert np.array_equal(data[1][0], whole[6:14])


@pytest.mark.parametrize("context", [(0, 0), (3, 2)])
@pytest.mark.parametrize("truncate", [None, 40, 333])
def test_computed_frames_of_crops_equal_those_of_the_whole_file(odd_corpus, context, truncate):
    spec = odd_corpus.spec(inputs=(mel_of_wav(odd_corpus, context=context),))
    data = NIIDataSet.from_spec(spec, odd_corpus.options(truncate=truncate))
    for inputs, outputs, info, _ in data:
        name, _, length, start = info.split(",")[1:]
        start, length = int(start), int(length)
        first, frames = start // HOP + 3 - context[0], -(-length // HOP) + sum(context)
        assert inputs == pytest.approx(whole_mel(odd_corpus.noise(name), 3)[first : first + frames], abs=1e-6)
        assert len(inputs) == frames
        assert len(outputs) == length


def test_exact_lengths_stay_where_frames_are_computed(odd_corpus):
    spec = odd_corpus.spec(inputs=(mel_of_wav(odd_corpus),))
    data = NIIDataSet.from_spec(spec, odd_corpus.options(truncate=100))
    assert [(item.start_pos, item.length) for item in data.items] == [(0, 96), (96, 96), (192, 96), (288, 43), (0, 13)]


def test_statistics_of_computed_frames_are_over_all_of_them(odd_corpus):
    data = odd_corpus.load({"inputs": (mel_of_wav(odd_corpus),)}, truncate=48)
    frames = np.concatenate([whole_mel(odd_corpus.noise(name)) for name in odd_corpus.samples])
    mean, std, _, _ = data.get_data_mean_std()
    assert mean == pytest.approx(frames.mean(axis=0), rel=1e-5)
    assert std == pytest.approx(frames.std(axis=0), rel=1e-4)


def test_for_inference_computed_frames_alone_tell_the_length(odd_corpus):
    spec = {"inputs": (mel_of_wav(odd_corpus),), "outputs": (odd_corpus.wav_stream(directory=None),)}
    assert odd_corpus.load(spec).get_seq_info() == ["0,long,0,331,0", "1,short,0,13,0"]


def test_a_front_end_of_another_size_is_refused(odd_corpus):
    with pytest.raises(ConfigError, match="dim 5 and resolution 8, but its front end makes 4 values every 8 samples"):
        odd_corpus.load({"inputs": (mel_of_wav(odd_corpus, dim=5),)})


def test_crops_of_long_files_read_little(corpus, wav_bytes):
    if not os.path.exists("/proc/self/io"):
        pytest.skip("this system does not count what a process reads")
    size = 60_000_000
    path = corpus.root / "wav" / "huge.wav"
    path.write_bytes(wav_bytes(b"", data_size=size))
    os.truncate(path, 44 + size)
    spec = corpus.spec(list_source=("huge",), inputs=(mel_of_wav(corpus, context=(2, 2), normalise=False),))
    data = NIIDataSet.from_spec(spec, corpus.options(truncate=8000, ignore_cache=True))
    before = bytes_read()
    for index in range(0, len(data), len(data) // 9):
        assert len(data[index][1]) == 8000
    assert bytes_read() - before < 10 * 2 * 16000 + 1_000_000


def bytes_read() -> int:
    with open("/proc/self/io", encoding="ascii") as file:
        return int(file.read().split()[1])


def test_a_file_that_shrinks_after_the_scan_is_told(corpus):
    data = NIIDataSet.from_spec(corpus.spec(), corpus.options(truncate=80))
    path = corpus.root / "mel" / "b.mel"
    path.write_bytes(path.read_bytes()[: 12 * 15])
    assert len(data[0][0]) == 10
    with pytest.raises(DataError, match="b.mel had 20 or more steps when it was listed and has 15 now"):
        data[1]


def test_unaligned_inputs_come_whole_and_alone(corpus):
    for name in corpus.samples:
        (corpus.root / "mel" / f"{name}.code").write_bytes(np.arange(5, dtype="<f4").tobytes())
    text = corpus.mel_stream(ext=".code", dim=1, resolution=-1, normalise=False)
    data = NIIDataSet.from_spec(corpus.spec(inputs=(corpus.mel_stream(), text)), corpus.options())
    assert data[0][0].tolist() == [[0], [1], [2], [3], [4]]
    assert data[0][2] == "0,b,0,160,0"


def test_nothing_aligned_gives_items_of_length_zero(corpus):
    for name in corpus.samples:
        (corpus.root / "mel" / f"{name}.code").write_bytes(np.arange(5, dtype="<f4").tobytes())
    text = corpus.mel_stream(ext=".code", dim=1, resolution=-1)
    data = NIIDataSet.from_spec(corpus.spec(inputs=(text,), outputs=()), corpus.options())
    assert data[1][2] == "1,a,0,0,0"


def test_streams_of_one_side_with_other_frame_counts_are_refused(corpus):
    wide = corpus.mel_stream(context=(1, 0))
    data = NIIDataSet.from_spec(corpus.spec(inputs=(corpus.mel_stream(), wide)), corpus.options())
    with pytest.raises(DataError, match=r"b: the streams of one side have \[20, 21\] frames"):
        data[0]


def test_reversed_order_counts_from_the_end(corpus):
    data = NIIDataSet.from_spec(corpus.spec(), corpus.options(reverse=True))
    assert [data[k][2:] for k in range(3)] == [("0,c,0,200,0", 0), ("1,a,0,88,0", 1), ("2,b,0,160,0", 2)]
