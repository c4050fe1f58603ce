import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter
from scipy.stats import t as student

from core_scripts.errors import DataError
from core_scripts.evaluation.baseline_table import measure_baselines, mulaw_scale
from core_scripts.evaluation.lpc import Scale, _student_cdf, lpc_costs, lpc_score, predict_linearly, solve_normal
from core_scripts.features import mulaw

FSDD = Path(os.environ.get("RECITAL_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")) / "fsdd" / "wav"
MEASURED_BITS = {  # marginal, FLAC, LPC-16 of an earlier program: takes 0-4, 8-bit mu-law, level as recorded
    "george": (7.56, 6.33, 4.86), "jackson": (7.65, 6.20, 4.63), "lucas": (6.86, 5.28, 4.18),
    "theo": (6.16, 4.70, 3.84), "yweweler": (6.32, 4.75, 3.77), "nicolas": (4.39, 6.47, 5.39),
}


def autoregressive(count: int, sigma: float = 0.01, seed: int = 0) -> np.ndarray:
    return lfilter([1.0], [1.0, -1.6, 0.8], np.random.default_rng(seed).normal(scale=sigma, size=count))


def test_the_distribution_is_students_with_five_degrees_of_freedom():
    x = np.array([-np.inf, -40.0, -1.0, 0.0, 0.3, 7.0, np.inf])
    assert _student_cdf(x) == pytest.approx(student.cdf(x, 5), abs=1e-14)


def test_the_recursion_solves_the_normal_equations():
    wave = autoregressive(400)
    lags = np.array([wave[lag:] @ wave[:len(wave) - lag] for lag in range(17)])
    assert solve_normal(lags[None])[0][0] == pytest.approx(solve_toeplitz(lags[:-1], lags[1:]), abs=1e-6)


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 300])
def test_every_sample_is_predicted_from_the_past_alone(length):
    wave = autoregressive(300)
    changed = np.concatenate([wave[:length], np.full(300 - length, 9.0)])
    assert len(predict_linearly(wave[:length])) == length
    assert np.array_equal(predict_linearly(changed)[:length], predict_linearly(wave)[:length])


def test_long_utterances_are_predicted_as_in_one_piece(monkeypatch):
    wave = autoregressive(5000)
    whole = predict_linearly(wave)
    monkeypatch.setattr("core_scripts.evaluation.lpc._CHUNK", 512)
    assert predict_linearly(wave) == pytest.approx(whole, abs=1e-12)


def test_an_autoregressive_series_costs_a_little_more_than_its_entropy_rate():
    step = 2.0**-11
    borders = (np.arange(1, 4096) - 2048) * step
    scale = Scale(np.concatenate([[borders[0] - step / 2], borders + step / 2]), borders)
    rate = 0.5 * np.log2(2 * np.pi * np.e) + np.log2(0.01 / step)
    score = lpc_score([scale.encode(autoregressive(30_000))], scale)
    assert rate < score.bits < rate + 0.25
    assert 0.01 < score.accuracy < 0.03  # the likeliest cell holds step / (0.01 sqrt(2 pi)) = 0.019 at best


def test_probabilities_of_the_next_code_sum_to_one_whatever_the_levels():
    for scale in (mulaw_scale(2), mulaw_scale(10), Scale(np.arange(5) / 8, np.arange(4) / 8 + 1 / 16)):
        head = scale.encode(autoregressive(40))
        before = 40 * lpc_score([head], scale).bits
        costs = [41 * lpc_score([np.append(head, last)], scale).bits - before for last in range(scale.levels)]
        assert np.exp2(-np.array(costs)).sum() == pytest.approx(1.0)


def test_each_utterance_starts_anew():
    scale = mulaw_scale(256)
    first, second = (scale.encode(autoregressive(500, seed=seed)) for seed in (1, 2))
    alone = [lpc_score([codes], scale) for codes in (first, second)]
    both = lpc_score([first, np.array([], dtype=int), second], scale)
    each = lpc_costs([first, second], scale)
    assert each.bits / 500 == pytest.approx([score.bits for score in alone])
    assert both.bits == pytest.approx((alone[0].bits + alone[1].bits) / 2)
    assert both.accuracy == pytest.approx((alone[0].accuracy + alone[1].accuracy) / 2)


def test_silence_costs_next_to_nothing_and_is_foreseen():
    score = lpc_score([np.full(4000, 128)], mulaw_scale(256))
    assert score.bits < 0.1 and score.accuracy > 0.99


def test_codes_that_are_not_there_or_do_not_fit_are_told():
    with pytest.raises(DataError, match="there are no codes to predict; give at least one utterance"):
        lpc_score([np.array([], dtype=int)], mulaw_scale(16))
    with pytest.raises(DataError, match=r"codes reach from 3 to 16, outside \[0, 16\); quantise with the same number"):
        lpc_score([np.array([3, 16])], mulaw_scale(16))


@pytest.mark.slow
@pytest.mark.parametrize("speaker", MEASURED_BITS)
def test_baselines_of_the_digits_are_those_measured_before(speaker):
    if not FSDD.is_dir():
        pytest.skip("no recorded digits: set RECITAL_DATA to the folder that holds fsdd/")
    train, test = [], []
    for path in sorted(FSDD.glob(f"*_{speaker}_*.wav")):
        wave = torch.from_numpy(soundfile.read(path, dtype="float32")[0])
        (test if int(path.stem.rpartition("_")[2]) < 5 else train).append(mulaw.encode(wave, 256).numpy())
    found = measure_baselines(train, test, mulaw_scale(256))
    bits = [found[name].bits for name in ("marginal", "flac", "lpc16")]
    assert bits == pytest.approx(MEASURED_BITS[speaker], abs=0.05)
    if speaker == "theo":
        assert found["bigram"].bits == pytest.approx(4.92, abs=0.05)
