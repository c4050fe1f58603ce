import numpy as np
import pytest
from scipy.signal import resample_poly

from core_scripts.corpus.score import write_score
from core_scripts.corpus.speech import synthesise
from core_scripts.corpus.voices import VOICES
from core_scripts.errors import ConfigError, DataError
from core_scripts.features.f0 import F0Config, track_f0


@pytest.fixture(scope="module")
def corpus():
    """Waveform at 16 kHz and true F0, of one utterance of each voice."""
    return [synthesise(write_score(1, number, voice), 16000, 1, number) for number, voice in enumerate(VOICES)]


@pytest.mark.parametrize("rate_hz", [8000, 16000])
@pytest.mark.parametrize("gain", [1.0, 3e-4], ids=["as it is", "quiet"])
def test_f0_of_the_synthetic_corpus_is_within_10_cents_and_voicing_within_10_percent(corpus, rate_hz, gain):
    cents, wrong = [], []
    for wave, truth_hz in corpus:
        found_hz = track_f0(gain * resample_poly(wave, 1, 16000 // rate_hz), rate_hz)
        both = (found_hz > 0) & (truth_hz > 0)
        cents.append(1200 * np.abs(np.log2(found_hz[both] / truth_hz[both])))
        wrong.append((found_hz > 0) != (truth_hz > 0))
    assert np.median(np.concatenate(cents)) < 5.0
    assert np.mean(np.concatenate(cents) > 240.0) < 0.01
    assert np.mean(np.concatenate(wrong)) < 0.06


@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 22050, 48000])
@pytest.mark.parametrize("hz", [62.0, 110.0, 237.3, 390.0])
def test_a_harmonic_tone_is_found_at_any_rate(hz, rate_hz):
    time = np.arange(rate_hz // 2) / rate_hz
    wave = 0.2 + sum(np.sin(2 * np.pi * hz * order * time) / order for order in range(1, 6))
    found_hz = track_f0(wave, rate_hz)
    assert len(found_hz) == -(-len(wave) // round(0.005 * rate_hz))
    inner = found_hz[8:-8]
    assert np.abs(1200 * np.log2(inner / hz)).max() < 4.0


def test_a_frame_is_centred_on_its_own_samples():
    rate_hz, hop = 16000, 80
    f0_hz = np.linspace(100.0, 200.0, rate_hz)
    wave = np.sign(np.sin(2 * np.pi * np.cumsum(f0_hz) / rate_hz))
    found_hz = track_f0(wave, rate_hz)
    truth_hz = f0_hz.reshape(-1, hop).mean(1)
    assert np.abs(found_hz - truth_hz)[10:-10].max() < 1.5
    assert abs(np.mean((found_hz - truth_hz)[10:-10])) < 0.1  # a frame of delay would be 0.5


def test_noise_silence_and_a_single_sample_are_unvoiced():
    noise = np.random.default_rng(0).standard_normal(8000)
    assert np.mean(track_f0(noise, 16000) > 0) < 0.02
    for wave in (np.zeros(4000), np.full(4000, 0.3), np.ones(1), np.eye(1, 4000)[0]):
        assert not track_f0(wave, 16000).any()
    assert track_f0(np.zeros(0), 16000).shape == (0,)


@pytest.mark.parametrize(("wave", "rate_hz", "told"), [
    (np.zeros((4, 2)), 16000, "one channel of floating samples, not in 2-dimensional"),
    (np.zeros(4, dtype=np.int16), 16000, "int16"),
    (np.zeros(4), 2000, "needs a rate of 4000 Hz or more, not 2000 Hz"),
    (np.array([0.0, np.nan]), 16000, "1 of 2 samples are not finite"),
], ids=["channels", "integers", "rate", "nan"])
def test_what_cannot_be_tracked_is_told(wave, rate_hz, told):
    with pytest.raises(DataError, match=told):
        track_f0(wave, rate_hz)


def test_faults_of_the_settings_come_together():
    with pytest.raises(ConfigError, match="2 found.*\n.*threshold=0 must be above 0\n.*jump_cost=-1"):
        F0Config(threshold=0, jump_cost=-1)
    with pytest.raises(ConfigError, match="leave no range"):
        F0Config(low_hz=300.0)


def test_it_agrees_with_pyin(corpus):
    librosa = pytest.importorskip("librosa", reason="librosa is the oracle; it is no dependency")
    wave, _ = corpus[0]
    theirs, _, _ = librosa.pyin(wave, fmin=60, fmax=400, sr=16000, hop_length=80, frame_length=1024, center=True)
    theirs_hz = np.nan_to_num(theirs)
    found_hz = track_f0(wave, 16000)
    before, after = theirs_hz[:-1], theirs_hz[1:]  # theirs are centred on multiples of the hop
    both = (before > 0) & (after > 0) & (found_hz > 0)
    cents = np.abs(1200 * np.log2(found_hz[both] / (0.5 * (before + after)[both])))
    assert both.sum() > 200 and np.median(cents) < 15.0 and np.mean(cents > 240) < 0.02
