import sys

import numpy as np
import pytest

from core_scripts.evaluation.intelligibility import families_at
from core_scripts.evaluation.metric import Pair

TALK = np.random.default_rng(0).normal(0, 0.1, 24000) * (1.2 + np.sin(np.arange(24000) / 1500))


def measure(reference: np.ndarray, output: np.ndarray, rate_hz: int = 16000) -> dict:
    figures = {}
    for family in families_at(rate_hz):
        figures |= family.measure(Pair("one", reference, output, rate_hz))
    return figures


def test_a_missing_package_leaves_the_command_that_installs_it(monkeypatch):
    for name in ("pystoi", "pesq"):
        monkeypatch.setitem(sys.modules, name, None)
    told = measure(TALK, TALK)
    assert told["stoi"].why == told["estoi"].why == "pystoi is not installed; pip install pystoi"
    assert told["pesq"].why == "pesq is not installed; pip install pesq"


def test_pesq_knows_two_rates():
    assert measure(TALK, TALK, 22050)["pesq"].why == "PESQ is defined at 8000 and 16000 Hz, not at 22050"


def test_stoi_is_that_of_pystoi_one_for_equal_sounds_and_undefined_for_short_ones():
    pystoi = pytest.importorskip("pystoi", reason="pystoi is an extra: pip install pystoi")
    noisy = TALK + np.random.default_rng(1).normal(0, 0.1, len(TALK))
    assert measure(TALK, TALK)["stoi"].value == pytest.approx(1.0)
    assert measure(TALK, noisy)["estoi"].value == pytest.approx(pystoi.stoi(TALK, noisy, 16000, extended=True))
    for samples in (1, 300, 3000, 6400):
        assert "too few frames of speech" in measure(TALK[:samples], TALK[:samples])["stoi"].why


def test_pesq_is_that_of_pesq_best_for_equal_sounds_and_undefined_for_silence():
    pesq = pytest.importorskip("pesq", reason="pesq is an extra: pip install pesq")
    noisy = TALK + np.random.default_rng(1).normal(0, 0.1, len(TALK))
    assert measure(TALK, noisy)["pesq"].value == pesq.pesq(16000, TALK, noisy, "wb") < measure(TALK, TALK)["pesq"].value
    assert measure(TALK, np.zeros_like(TALK))["pesq"].why == "PESQ finds no utterance in silence"
