import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.fft
import scipy.signal
import soundfile
import torch

from core_scripts.config_parse.data_config import StreamSpec
from core_scripts.corpus.score import write_score
from core_scripts.corpus.speech import synthesise
from core_scripts.corpus.voices import VOICES
from core_scripts.data_io.stream_reader import StreamReader
from core_scripts.errors import ConfigError, DataError
from core_scripts.features.config_mfcc import MfccConfig
from core_scripts.features.framing import frames_span_to_samples
from core_scripts.features.mfcc import dct_matrix, delta_filters
from core_scripts.geometry.span import Span

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = [MfccConfig(), MfccConfig(bands=40, coefficients=40, floor=1e-3), MfccConfig.at_rate(8000, bands=40)]


@pytest.fixture(scope="module")
def speech():
    return synthesise(write_score(1, 0, VOICES[0]), 16000, 1, 0)[0][:16000]


@pytest.mark.parametrize("config", CONFIGS, ids=range(len(CONFIGS)))
def test_coefficients_and_deltas_equal_scipy(config, speech):
    static = scipy.fft.dct(config.mel.build()(torch.from_numpy(speech).float()).double().numpy(), norm="ortho", axis=1)
    static = static[:, : config.coefficients]
    slopes = scipy.signal.savgol_filter(static, 9, 1, deriv=1, axis=0)
    bends = scipy.signal.savgol_filter(static, 9, 2, deriv=2, axis=0)
    expected = np.concatenate([static, slopes, bends], 1)[4:-4]
    found = config.build()(torch.from_numpy(speech).float())
    assert found.shape == expected.shape == (len(static) - 8, config.dim)
    np.testing.assert_allclose(found.numpy(), expected, atol=2e-4)


@pytest.mark.parametrize("config", CONFIGS, ids=range(len(CONFIGS)))
def test_mfcc_equals_librosa(config, speech):
    librosa = pytest.importorskip("librosa")
    edge = (config.fft - config.window) // 2  # librosa's frames are fft points long with the window in their middle
    mel = librosa.feature.melspectrogram(
        y=np.pad(speech, edge).astype(np.float64), sr=config.rate_hz, n_fft=config.fft, win_length=config.window,
        hop_length=config.hop, n_mels=config.bands, fmin=config.low_hz, fmax=config.top_hz, center=False, power=1.0)
    static = librosa.feature.mfcc(S=np.log(np.maximum(mel, config.floor)), n_mfcc=config.coefficients)
    rows = [static, librosa.feature.delta(static), librosa.feature.delta(static, order=2)]
    expected = np.concatenate(rows)[:, 4:-4].T
    np.testing.assert_allclose(config.build()(torch.from_numpy(speech).float()).numpy(), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("deltas", [True, False])
@pytest.mark.parametrize("rate_hz", [16000, 8000])
def test_frames_of_a_crop_equal_those_of_the_whole_file(deltas, rate_hz, speech):
    config = MfccConfig.at_rate(rate_hz, bands=40, deltas=deltas)
    mfcc, wave = config.build(), torch.from_numpy(speech).float()
    frames = Span(0, 95)
    samples = frames_span_to_samples(frames, config.geometry)
    left, right = samples.beyond(Span(0, len(wave)))
    extended = torch.nn.functional.pad(wave, (left, right))[: len(samples)]
    whole = mfcc(extended)
    assert len(whole) == len(frames)
    for part in (Span(0, 1), Span(17, 40), Span(94, 95)):
        needed = config.geometry.needs(part)
        crop = mfcc(extended[needed.within(samples)])
        torch.testing.assert_close(crop, whole[part.within(frames)], rtol=0, atol=1e-5)


def test_the_data_side_computes_the_same_frames_of_any_piece_with_its_context(tmp_path, speech):
    config, length = MfccConfig(bands=40), 8000
    soundfile.write(tmp_path / "a.wav", speech[:length], 16000, subtype="FLOAT")
    spec = StreamSpec(directory=tmp_path, ext=".wav", dim=39, resolution=160, front_end=config, context=(7, 7))
    extended = torch.nn.functional.pad(torch.from_numpy(speech[:length]).float(), (2000, 2000))
    piece = StreamReader(spec, 16000).read_piece("a", Span(0, 3200))
    needed = config.geometry.needs(Span(-7, 27))
    expected = config.build()(extended[needed.start + 2000 : needed.stop + 2000])
    assert piece.shape == (34, 39)
    np.testing.assert_allclose(piece, expected.numpy(), atol=1e-5)


def test_a_frame_is_1680_samples_with_deltas_and_400_without():
    assert MfccConfig().geometry.receptive_field() == 1680
    assert MfccConfig(deltas=False).geometry.receptive_field() == 400
    assert (MfccConfig().dim, MfccConfig(deltas=False).dim) == (39, 13)
    assert MfccConfig.at_rate(8000).geometry.receptive_field() == 840 and MfccConfig.at_rate(16000) == MfccConfig()
    assert MfccConfig().geometry.centre(7) == 7 * 160 + 79.5  # the middle of the samples that are its own


def test_a_frame_depends_on_exactly_the_samples_of_its_geometry():
    config = MfccConfig(bands=40)
    wave = torch.randn(1680 + 160, requires_grad=True)
    (gradient,) = torch.autograd.grad(config.build()(wave)[0].square().sum(), wave)
    touched = gradient.nonzero().flatten()
    assert (int(touched[0]), int(touched[-1])) == (1, 1679)  # the window's first sample has weight 0


@pytest.mark.parametrize("deltas", [True, False])
@pytest.mark.parametrize("sample", [1, 79, 4003, 7999])
def test_a_click_moves_exactly_the_frames_that_contain_it(tmp_path, speech, deltas, sample):
    config = MfccConfig(bands=40, deltas=deltas)
    clean = speech[:8000] + np.random.default_rng(1).normal(0, 1e-2, 8000)  # nothing lies below the floor
    clicked = clean.copy()
    clicked[sample] += 0.2
    spec = StreamSpec(directory=tmp_path, ext=".wav", dim=config.dim, resolution=160, front_end=config, context=(7, 7))
    pieces = []
    for name, wave in (("clean", clean), ("clicked", clicked)):
        soundfile.write(tmp_path / f"{name}.wav", wave, 16000, subtype="FLOAT")
        pieces.append(StreamReader(spec, 16000).read_piece(name, Span(0, 8000)))
    moved = (pieces[0] != pieces[1]).any(1)
    contain = [sample in range(*needs(config, frame - 7)) for frame in range(len(moved))]
    assert moved.tolist() == contain and any(contain)


def needs(config, frame):
    """The first of the samples that a frame is made of, but for the window's first, whose weight is 0, and the end."""
    span = config.geometry.needs(Span(frame, frame + 1))
    return span.start + 1, span.stop


@pytest.mark.parametrize("deltas", [True, False])
def test_the_frame_of_silence_is_that_of_zeros_and_fills_what_stored_frames_lack(tmp_path, deltas):
    config = MfccConfig(bands=40, floor=1e-3, deltas=deltas)
    frame = config.build()(torch.zeros(config.geometry.support(1)))[0]
    np.testing.assert_allclose(config.silence, frame.numpy(), atol=1e-4)
    np.ones((3, config.dim), dtype="<f4").tofile(tmp_path / "a.mfcc")
    spec = StreamSpec(directory=tmp_path, ext=".mfcc", dim=config.dim, resolution=160, context=(1, 1),
                      fill=config.silence)
    piece = StreamReader(spec, 16000).read_piece("a", Span(0, 480))
    assert (piece[1:4] == 1).all() and np.array_equal(piece[[0, 4]], np.float32([config.silence] * 2))


def test_deltas_of_a_line_and_a_parabola_are_their_derivatives():
    time = torch.arange(9.0).double()
    assert (3 * time + 1) @ delta_filters(9) == pytest.approx([3.0, 0.0], abs=1e-12)
    assert ((time - 4) ** 2) @ delta_filters(9) == pytest.approx([0.0, 2.0], abs=1e-12)


def test_the_transform_keeps_lengths():
    matrix = dct_matrix(40, 40)
    torch.testing.assert_close(matrix.T @ matrix, torch.eye(40, dtype=torch.float64))


def test_a_batch_equals_its_members_and_gradients_are_finite():
    mfcc, wave = MfccConfig().build(), torch.randn(3, 4000)
    wave[1] = 0.0
    wave.requires_grad_()
    batch = mfcc(wave)
    assert batch.shape == (3, 15, 39)
    torch.testing.assert_close(batch[2], mfcc(wave[2]), rtol=0, atol=1e-4)
    batch.sum().backward()
    assert torch.isfinite(wave.grad).all() and mfcc.state_dict() == {}


def test_the_record_imports_no_torch():
    code = "import sys, core_scripts.features.config_mfcc as c; c.MfccConfig().build; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_a_waveform_too_short_for_deltas_is_refused_with_the_missing_samples():
    with pytest.raises(DataError, match="1679 samples is shorter than .* with its deltas, 1680; .* at least 1 more"):
        MfccConfig().build()(torch.zeros(1679))
    with pytest.raises(DataError, match="399 samples is shorter than one frame of 400"):
        MfccConfig(deltas=False).build()(torch.zeros(399))


def test_all_faults_of_the_record_are_told_together():
    with pytest.raises(ConfigError, match=r"(?s)3 found.*deltas='no'.*window=401.*try window=402.*floor=0.*"
                                          r"coefficients=0 must be"):
        MfccConfig(window=401, floor=0, coefficients=0, deltas="no")


@pytest.mark.parametrize(("values", "message"), [
    ({"coefficients": 41, "bands": 40}, "coefficients=41 is more than bands=40 give"),
    ({"hop": 2.5}, "hop=2.5 must be a whole number"),
    ({"bands": 200}, "hold no bin of fft=512"),
])
def test_a_value_that_cannot_work_is_named(values, message):
    with pytest.raises(ConfigError, match=message):
        MfccConfig(**values)
