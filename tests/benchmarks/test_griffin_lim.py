"""Griffin-Lim as the baseline of the inverter: it gives back the spectrum, and not the waveform."""
import numpy as np
import torch

from benchmarks.griffin_lim import file_frames, invert_mfcc, spread_bands
from core_scripts.corpus.score import write_score
from core_scripts.corpus.speech import synthesise
from core_scripts.corpus.voices import VOICES
from core_scripts.features.config_mfcc import MfccConfig
from core_scripts.features.mel import mel_filters

MFCC = MfccConfig(bands=40, floor=1e-3)


def test_bands_of_non_negative_magnitudes_are_found_again():
    filters = mel_filters(MFCC.mel)
    bands = torch.rand(3, filters.shape[1], generator=torch.Generator().manual_seed(1), dtype=torch.float64) @ filters.T
    found = spread_bands(bands, filters)
    assert (found >= 0).all()
    assert (found @ filters.T / bands - 1).abs().max() < 0.05


def test_the_coefficients_of_its_waveform_are_near_those_given_and_far_from_those_of_another_time():
    wave = synthesise(write_score(1, 0, VOICES[0]), 16000, 1, 0)[0][16000:24090]
    given = file_frames(MFCC, wave)
    made = invert_mfcc(given, len(wave), MFCC)
    assert made.shape == (8090,) and given.shape == (51, 39)
    own, other = (np.linalg.norm(file_frames(MFCC, made)[:, 1:13] - frames[:, 1:13], axis=1).mean()
                  for frames in (given, given[::-1]))
    assert own < 0.35 * other
    assert abs(np.corrcoef(made, wave)[0, 1]) < 0.5
