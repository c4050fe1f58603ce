"""Utterances of any length are generated piece by piece, and nothing of that is to be heard."""
import math
import struct
import wave

import numpy as np
import pytest
import torch
from generation_tools import LENGTHS, NAMES, make_frames, make_model

from core_scripts.config_parse.data_config import DataOptions, StreamSpec
from core_scripts.data_io.output_writer import OutputWriter
from core_scripts.errors import DataError
from core_scripts.generation.engine import Utterances, WaveGenerator, frames_of, generate, stream_codes
from core_scripts.generation.options import GenerationOptions
from core_scripts.generation.output_stream import OutputStream
from core_scripts.generation.stepper import Stepper
from core_scripts.geometry.span import Span
from sandbox.config_wavenet import UPSAMPLE_MODES

ORDER = sorted(range(4), key=lambda item: -LENGTHS[item])
SORTED = Utterances(tuple(NAMES[item] for item in ORDER), tuple(LENGTHS[item] for item in ORDER))


def stream(model: Stepper, frames: torch.Tensor, engine: str, piece_samples: int) -> list[torch.Tensor]:
    return list(stream_codes(model, frames_of(frames[ORDER], model.hop), SORTED, GenerationOptions(engine),
                             piece_samples))


@pytest.mark.parametrize("engine", ["eager", "naive"])
@pytest.mark.parametrize("upsample", UPSAMPLE_MODES)
def test_pieces_one_after_the_other_are_the_whole(upsample, engine):
    model = make_model(upsample=upsample, kernel_size=3)
    frames = make_frames(model.config, LENGTHS)
    whole = generate(model, frames, LENGTHS, NAMES, GenerationOptions("eager"))
    for size in (1, 13, 100):
        pieces = stream(model, frames, engine, size)
        assert len(pieces) == math.ceil(47 / max(6, size // 6 * 6))
        for row, item in enumerate(ORDER):
            made = torch.cat([piece[row] for piece in pieces if row < len(piece)])
            assert torch.equal(made[: LENGTHS[item]], whole[item, : LENGTHS[item]])
            assert (made[LENGTHS[item] :] == model.silence).all()


def test_frames_are_asked_for_part_by_part_and_only_of_those_that_go_on():
    model, asked = make_model(), []
    frames = make_frames(model.config, LENGTHS)[ORDER]

    def read(part: Span, count: int) -> torch.Tensor:
        asked.append((part.start, part.stop, count))
        return frames_of(frames, model.hop)(part, count)

    list(stream_codes(model, read, SORTED, GenerationOptions("eager"), 18))
    assert asked == [(0, 18, 4), (18, 36, 3), (36, 47, 1)]


def test_frames_that_are_not_numbers_are_refused_with_the_utterance_that_they_are_of():
    model = make_model()
    frames = make_frames(model.config, LENGTHS)
    frames[3, -1, 0] = math.inf
    with pytest.raises(DataError, match="the frames of d are NaN or infinite"):
        generate(model, frames, LENGTHS, NAMES, GenerationOptions("eager"))


def test_no_frames_at_all_are_refused():
    model = make_model()
    with pytest.raises(DataError, match="need conditioning frames .* too few"):
        generate(model, torch.zeros(1, 0, 3, dtype=torch.float64), [5], ["a"], GenerationOptions("eager"))


def test_a_generator_reads_parts_or_whole_utterances_and_gives_the_same_waveforms():
    model, asked = make_model(), []
    frames = make_frames(model.config, LENGTHS)[ORDER]
    for reads_whole in (False, True):
        asked.clear()

        def read(part: Span, count: int) -> torch.Tensor:
            asked.append(part)
            return frames[:count] if reads_whole else frames_of(frames, model.hop)(part, count)  # noqa: B023

        options = GenerationOptions("eager")
        made = WaveGenerator(model, lambda batch: batch, model.head.dequantise, options, reads_whole)
        waves = torch.cat(list(made.stream(SORTED, read)), 1)
        codes = generate(model, frames, SORTED.lengths, SORTED.names, options)
        assert torch.equal(waves[..., 0], model.head.dequantise(codes)) and asked == [Span(0, 47)]


def make_writer(ext: str, resolution: int = 1, **options) -> OutputWriter:
    stream = StreamSpec(directory=None, ext=ext, dim=1, resolution=resolution)
    return OutputWriter([stream], DataOptions(rate_hz=16000, **options))


@pytest.mark.parametrize("ext", [".wav", ".flac", ".npy", ".f0"])
def test_a_file_that_came_in_blocks_is_byte_for_byte_the_one_written_at_once(tmp_path, ext):
    wave_form = np.sin(np.arange(1000) / 7)[:, None].astype(np.float32)
    make_writer(ext).put(wave_form[None], tmp_path / "once", "p_", "0,sub/a,0,900,0")
    stream = OutputStream(make_writer(ext), tmp_path / "blocks", "p_", "0,sub/a,0,900,0")
    for start in range(0, 1000, 333):
        assert stream.is_complete == (start == 999) and stream.paths[0].exists() == stream.is_complete
        stream.append(wave_form[start : start + 333])
    assert stream.is_complete
    assert stream.paths[0].read_bytes() == (tmp_path / f"once/sub/p_a{ext}").read_bytes()
    assert [path.name for path in (tmp_path / "blocks/sub").iterdir()] == [f"p_a{ext}"]


def test_an_inverse_function_gets_the_whole_output(tmp_path):
    writer = make_writer(".f0", output_inverse_functions=(lambda values: values - values.mean(),))
    stream = OutputStream(writer, tmp_path, "", "0,a,0,4,0")
    stream.append(np.array([[0.0], [2.0]]))
    stream.append(np.array([[4.0], [6.0]]))
    assert np.fromfile(tmp_path / "a.f0", "<f4").tolist() == [-3, -1, 1, 3]


def test_what_is_not_complete_leaves_nothing(tmp_path):
    stream = OutputStream(make_writer(".wav"), tmp_path, "", "0,a,0,900,0")
    stream.append(np.zeros((500, 1)))
    assert len(list(tmp_path.iterdir())) == 1 and not stream.paths[0].exists()
    stream.abandon()
    assert list(tmp_path.iterdir()) == []


def test_clipping_is_told_once_for_the_whole_file(tmp_path, capsys):
    stream = OutputStream(make_writer(".wav"), tmp_path, "", "0,a,0,4,0")
    stream.append(np.array([[1.5], [0.0]]))
    stream.append(np.array([[-1.5], [0.5]]))
    assert capsys.readouterr().err.count("2 of 4 samples are outside") == 1
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert struct.unpack("<4h", file.readframes(4)) == (32767, 0, -32768, 16384)


@pytest.mark.parametrize("ext", [".wav", ".f0"])
def test_numbers_that_are_none_and_places_that_cannot_be_written_are_told(tmp_path, ext):
    stream = OutputStream(make_writer(ext), tmp_path, "", "0,a,0,4,0")
    with pytest.raises(DataError, match="is not written: values are NaN"):
        stream.append(np.array([[math.nan]]))
    (tmp_path / "sub").write_text("a file where a folder is needed")
    stream = OutputStream(make_writer(ext), tmp_path, "", "0,sub/a,0,4,0")
    with pytest.raises(DataError, match="sub/a.* cannot be written: "):
        stream.append(np.zeros((1, 1)))


def test_audio_without_a_rate_is_refused(tmp_path):
    writer = OutputWriter([StreamSpec(directory=None, ext=".wav", dim=1, resolution=1)], DataOptions())
    with pytest.raises(DataError, match="wav_samp_rate is None"):
        OutputStream(writer, tmp_path, "", "0,a,0,4,0")


def test_a_wav_file_beyond_its_header_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("core_scripts.generation.output_stream._LARGEST_WAVE", 6)
    stream = OutputStream(make_writer(".wav"), tmp_path, "", "0,a,0,4,0")
    with pytest.raises(DataError, match="cannot be longer than 4 GB"):
        stream.append(np.zeros((4, 1)))
    stream.abandon()
    assert list(tmp_path.iterdir()) == []
