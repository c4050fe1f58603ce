import numpy as np
import pytest
import torch

from core_scripts.errors import DataError
from core_scripts.evaluation.griffin_lim import find_phases, fit_magnitudes, invert_frames
from core_scripts.features.config_mel import MelConfig
from core_scripts.features.config_mfcc import MfccConfig
from core_scripts.features.file_frames import file_frames
from core_scripts.features.mel import mel_filters

RATE_HZ = 16000


def tone(hz: float, seconds: float = 0.5) -> np.ndarray:
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return 0.3 * np.sin(2 * np.pi * hz * time)


@pytest.mark.parametrize("record", [MelConfig(), MfccConfig(coefficients=80, deltas=False)], ids=["mel", "mfcc"])
def test_the_frames_of_a_tone_become_a_tone_of_the_same_pitch_at_the_same_place(record):
    wave = np.concatenate([np.zeros(4000), tone(1000.0)])
    made = invert_frames(record, file_frames(record, wave))
    assert len(made) == -(-len(wave) // record.hop) * record.hop
    spectrum = np.abs(np.fft.rfft(made[5000:11000]))
    assert spectrum.argmax() * RATE_HZ / 6000 == pytest.approx(1000.0, abs=20)
    assert np.abs(made[:3500]).max() < 0.02 < np.abs(made[4500:]).max()


def test_deltas_are_not_used():
    wave = tone(500.0, 0.2)
    with_deltas, without = MfccConfig(), MfccConfig(deltas=False)
    assert np.array_equal(invert_frames(with_deltas, file_frames(with_deltas, wave)),
                          invert_frames(without, file_frames(without, wave)))


def test_magnitudes_that_lie_on_the_filters_are_found_again():
    mel = MelConfig()
    bands = torch.rand(7, mel.fft // 2 + 1, dtype=torch.float64) @ mel_filters(mel).T
    found = fit_magnitudes(mel, bands)
    assert bool((found >= 0).all())
    assert float((found @ mel_filters(mel).T - bands).norm() / bands.norm()) < 0.02


def test_phases_are_found_whose_spectrum_is_the_one_asked_for():
    mel = MelConfig()
    wave = np.random.default_rng(0).normal(0, 0.1, 8000)
    padded = torch.from_numpy(np.pad(wave, (mel.window - mel.hop) // 2))
    hann = torch.hann_window(mel.window, dtype=torch.float64)
    asked = torch.fft.rfft(padded.unfold(0, mel.window, mel.hop) * hann, n=mel.fft).abs()
    made = torch.nn.functional.pad(find_phases(asked, mel), ((mel.window - mel.hop) // 2,) * 2)
    got = torch.fft.rfft(made.unfold(0, mel.window, mel.hop) * hann, n=mel.fft).abs()
    assert float((got - asked).norm() / asked.norm()) < 0.2  # of white noise, of which no phases are quite right


def test_equal_frames_give_equal_waveforms_and_no_frames_none():
    frames = file_frames(MelConfig(), tone(300.0, 0.1))
    assert np.array_equal(invert_frames(MelConfig(), frames), invert_frames(MelConfig(), frames))
    assert invert_frames(MelConfig(), frames[:0]).shape == (0,)


def test_frames_of_another_kind_are_refused():
    with pytest.raises(DataError, match=r"frames have shape \(5, 39\), those of log-mel 1 have 80 columns"):
        invert_frames(MelConfig(), np.zeros((5, 39)))
