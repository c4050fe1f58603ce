import os
from pathlib import Path

import numpy as np
import pytest
import torch

from core_scripts.corpus.score import write_score
from core_scripts.corpus.speech import synthesise
from core_scripts.corpus.voices import VOICES
from core_scripts.errors import ConfigError, DataError
from core_scripts.features import mulaw

LEVELS = (2, 3, 16, 256, 512, 1024)
BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
REAL_SPEECH = Path(os.environ.get("RECITAL_DATA", BESIDE)) / "speech16k"


def synthetic_speech() -> torch.Tensor:
    waves = [synthesise(write_score(1, u, VOICES[u]), 16000, 1, u)[0] for u in range(4)]
    return torch.from_numpy(np.concatenate([wave / np.abs(wave).max() for wave in waves]))


def snr_db(wave: torch.Tensor, levels: int) -> float:
    error = mulaw.decode(mulaw.encode(wave, levels), levels).double() - wave.double()
    return 10 * torch.log10((wave.double() ** 2).sum() / (error**2).sum()).item()


@pytest.mark.parametrize("levels", LEVELS)
def test_every_code_survives_decoding_and_encoding(levels):
    codes = torch.arange(levels)
    wave = mulaw.decode(codes, levels)
    assert torch.equal(mulaw.encode(wave, levels), codes)
    assert wave.dtype == torch.float32 and (wave.diff() > 0).all()


@pytest.mark.parametrize("levels", LEVELS)
def test_the_range_is_used_from_end_to_end_and_never_left(levels):
    wave = torch.tensor([-7.0, -1.0, 1.0, 7.0])
    codes = mulaw.encode(wave, levels)
    assert codes.tolist() == [0, 0, levels - 1, levels - 1] and codes.dtype == torch.int64
    assert mulaw.decode(codes, levels).tolist() == [-1.0, -1.0, 1.0, 1.0]


def test_codes_follow_the_formula_evaluated_in_double_precision():
    x = np.random.default_rng(0).uniform(-1, 1, 20000)
    for levels in LEVELS:
        mu = levels - 1
        exact = (np.sign(x) * np.log1p(mu * np.abs(x)) / np.log1p(mu) + 1) / 2 * mu + 0.5
        clear = np.abs(exact - np.round(exact)) > 1e-3  # single precision may fall on either side of a border
        codes = mulaw.encode(torch.from_numpy(x), levels).numpy()
        assert np.array_equal(codes[clear], np.floor(exact)[clear].astype(int)) and clear.mean() > 0.99


def test_quantisation_is_unbiased():
    wave = torch.linspace(-1, 1, 400001, dtype=torch.float64)
    error = mulaw.decode(mulaw.encode(wave, 256), 256).double() - wave
    assert abs(error.mean().item()) < 1e-4
    assert error.square().mean().sqrt().item() == pytest.approx(0.0073, abs=1e-4)  # known value for a uniform x


@pytest.mark.parametrize(("levels", "expected_db"), [(256, 37.9), (1024, 48.1)])
def test_snr_of_the_synthetic_corpus_is_that_of_speech(levels, expected_db):
    assert snr_db(synthetic_speech(), levels) == pytest.approx(expected_db, abs=1.0)


@pytest.mark.parametrize(("levels", "expected_db"), [(256, 37.9), (1024, 48.1)])
def test_snr_of_real_speech_is_the_published_one(levels, expected_db):
    if not REAL_SPEECH.is_dir():
        pytest.skip(f"no real speech at {REAL_SPEECH}")
    soundfile = pytest.importorskip("soundfile")
    waves = [soundfile.read(path, dtype="float32")[0] for path in sorted((REAL_SPEECH / "wav").glob("*.wav"))[::12]]
    wave = torch.from_numpy(np.concatenate([wave / np.abs(wave).max() for wave in waves]))
    assert snr_db(wave, levels) == pytest.approx(expected_db, abs=1.0)


def test_arguments_stay_as_they_were():
    wave, codes = torch.tensor([2.0, -0.3]), torch.tensor([0, 255])
    mulaw.encode(wave, 256), mulaw.decode(codes, 256)
    assert wave.tolist() == pytest.approx([2.0, -0.3]) and codes.tolist() == [0, 255]


@pytest.mark.parametrize("levels", [1, 0, -256, 256.0, True])
def test_a_number_of_levels_that_makes_no_sense_is_refused(levels):
    with pytest.raises(ConfigError, match=f"at least 2 levels, not {levels}"):
        mulaw.encode(torch.zeros(3), levels)


def test_integer_waveforms_and_fractional_codes_are_refused():
    with pytest.raises(DataError, match=r"not torch.int16; divide 16-bit samples by 32768"):
        mulaw.encode(torch.zeros(3, dtype=torch.int16), 256)
    with pytest.raises(DataError, match=r"integer codes in \[0, 256\), not torch.float32"):
        mulaw.decode(torch.zeros(3), 256)
