import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from core_scripts.corpus.score import write_score
from core_scripts.corpus.speech import synthesise
from core_scripts.corpus.voices import VOICES
from core_scripts.errors import ConfigError, DataError
from core_scripts.features.config_mel import MelConfig, hz_to_mel, mel_to_hz
from core_scripts.features.framing import aligned_frames_count, frame, frames_span_to_samples
from core_scripts.features.mel import mel_filters
from core_scripts.geometry.span import Span

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = [
    MelConfig(),
    MelConfig(low_hz=0.0),
    MelConfig(window=1024, hop=256, fft=1024, high_hz=7600.0),
    MelConfig(rate_hz=24000, window=1200, hop=300, fft=2048),
]


def waves() -> dict[str, np.ndarray]:
    speech, _ = synthesise(write_score(1, 0, VOICES[0]), 16000, 1, 0)
    return {"random": np.random.default_rng(0).uniform(-1, 1, 9000), "speech": speech[:16000]}


@pytest.mark.parametrize("kind", ["random", "speech"])
@pytest.mark.parametrize("config", CONFIGS, ids=range(len(CONFIGS)))
def test_log_mel_equals_librosa(config, kind):
    librosa = pytest.importorskip("librosa")
    wave = waves()[kind]
    # librosa's frames are fft points long with the window in their middle: the same spectra, begun earlier
    edge = (config.fft - config.window) // 2
    mel = librosa.feature.melspectrogram(
        y=np.pad(wave, edge), sr=config.rate_hz, n_fft=config.fft, win_length=config.window, hop_length=config.hop,
        n_mels=config.bands, fmin=config.low_hz, fmax=config.top_hz, center=False, power=1.0)
    expected = np.maximum(mel.T, config.floor)
    found = config.build()(torch.from_numpy(wave).float())
    assert found.shape == expected.shape
    np.testing.assert_allclose(np.exp(found.double().numpy()), expected, rtol=1e-4)


@pytest.mark.parametrize("config", CONFIGS, ids=range(len(CONFIGS)))
def test_filters_equal_librosa(config):
    librosa = pytest.importorskip("librosa")
    expected = librosa.filters.mel(sr=config.rate_hz, n_fft=config.fft, n_mels=config.bands, fmin=config.low_hz,
                                   fmax=config.top_hz, dtype=np.float64)
    np.testing.assert_allclose(mel_filters(config).numpy(), expected, rtol=1e-9, atol=1e-12)


def test_every_filter_is_one_triangle_of_area_one():
    config = MelConfig(fft=16384)  # fine bins, so that the sum is close to the integral
    filters = mel_filters(config)
    areas = filters.sum(1) * (config.rate_hz / config.fft)
    assert areas.tolist() == pytest.approx([1.0] * config.bands, rel=0.01)
    peaks = filters.argmax(1)
    assert (peaks.diff() > 0).all() and (filters >= 0).all()
    assert filters[:, 0].sum() == 0  # nothing from 0 Hz


def test_mel_scale_inverts_and_has_slaneys_fixed_points():
    assert [mel_to_hz(hz_to_mel(hz)) for hz in (0, 440, 1000, 7999)] == pytest.approx([0, 440, 1000, 7999])
    assert (hz_to_mel(1000.0), hz_to_mel(6400.0)) == pytest.approx((15.0, 42.0))


def test_digital_silence_gives_the_announced_value_in_every_band():
    for config in (MelConfig(), MelConfig(floor=1e-3), MelConfig(floor=1e-10)):
        assert torch.equal(config.build()(torch.zeros(2, 800)), torch.full((2, 6, 80), config.silence))


def test_frames_of_a_whole_padded_file_are_those_of_the_geometry():
    config, samples = MelConfig(), 1234
    frames = Span(0, aligned_frames_count(samples, config.hop))
    needed = frames_span_to_samples(frames, config.geometry)
    assert (needed.start, needed.stop) == (-160, 16 * 80 + 160)
    wave = torch.randn(samples)
    extended = torch.nn.functional.pad(wave, (-needed.start, needed.stop - samples))
    mel = config.build()
    whole = mel(extended)
    assert len(whole) == len(frames) == 16
    part = frames_span_to_samples(Span(5, 9), config.geometry)
    torch.testing.assert_close(mel(extended[part.start + 160 : part.stop + 160]), whole[5:9], rtol=0, atol=1e-5)


def test_no_frames_need_no_samples():
    assert len(frames_span_to_samples(Span(7, 7), MelConfig().geometry)) == 0


def test_frames_are_views_without_padding():
    wave = torch.arange(10.0)
    assert frame(wave, 4, 3).tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]]
    assert frame(wave[:9], 4, 3).shape == (2, 4)
    assert frame(torch.zeros(2, 5, 400), 400, 80).shape == (2, 5, 1, 400)


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (1, 1), (80, 1), (81, 2), (16000, 200)])
def test_a_file_has_a_frame_per_started_hop(samples, frames):
    assert aligned_frames_count(samples, 80) == frames


def test_a_batch_equals_its_members_and_gradients_are_finite():
    mel, wave = MelConfig().build(), torch.randn(3, 2000)
    wave[1] = 0.0
    wave.requires_grad_()
    batch = mel(wave)
    torch.testing.assert_close(batch[2], mel(wave[2]), rtol=0, atol=1e-5)
    batch.sum().backward()
    assert torch.isfinite(wave.grad).all()


def test_the_module_adds_nothing_to_checkpoints():
    assert MelConfig().build().state_dict() == {}


def test_the_record_imports_no_torch():
    code = "import sys, core_scripts.features.config_mel as c; c.MelConfig().geometry; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_a_waveform_shorter_than_a_frame_is_refused_with_numbers():
    with pytest.raises(DataError, match="399 samples is shorter than one frame of 400; take along at least 1 more"):
        MelConfig().build()(torch.zeros(399))


def test_all_faults_of_the_record_are_told_together():
    with pytest.raises(ConfigError, match=r"(?s)4 found.*window=401.*try window=402.*fft=256.*try fft=512.*floor=0.*"
                                          r"low_hz=9000.*half of rate_hz=16000"):
        MelConfig(window=401, fft=256, floor=0, low_hz=9000)


@pytest.mark.parametrize(("values", "message"), [
    ({"hop": 0}, "hop=0 must be a whole number"),
    ({"bands": 2.5}, "bands=2.5 must be a whole number"),
    ({"window": 40}, "window=40 minus hop=80 .* try window=80"),
    ({"window": 200, "fft": 256, "bands": 128}, r"of bands=128 .* hold no bin of fft=256 \(62.5 Hz apart\)"),
    ({"high_hz": 8001.0}, "high_hz=8001.0 must satisfy"),
    ({"floor": float("nan")}, "floor=nan must be above 0"),
])
def test_a_value_that_cannot_work_is_named(values, message):
    with pytest.raises(ConfigError, match=message):
        MelConfig(**values)
