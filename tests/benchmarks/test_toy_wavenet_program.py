"""The toy benchmark's own mistakes, its bounds, and what it writes; its figures need more time than a test has."""
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).resolve().parents[2]
MET = {"32": {"bits": 2.5, "bits_bigram": 3.1, "accuracy": 0.36, "accuracy_persistence": 0.32},
       "16": {"accuracy": 0.56}}
TINY = ("net.layers=2", "net.dilation_cycle=2", "net.residual_channels=4", "net.gate_channels=4", "net.skip_channels=4",
        "net.post_channels=4", "truncate_seq=400")


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("toy_wavenet", ROOT / "benchmarks" / "toy_wavenet.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    path = list(sys.path)
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = path
    for name in ("toy_wavenet", "model", "config"):
        sys.modules.pop(name, None)


@pytest.fixture
def digits(tmp_path):
    """A few quiet takes of noise under the names of the data set."""
    folder = tmp_path / "fsdd"
    (folder / "wav").mkdir(parents=True)
    rng = np.random.default_rng(1)
    for kind, takes in (("train", (5, 6)), ("val", (7,)), ("test", (0, 1))):
        names = [f"{digit}_{who}_{take}" for digit in "12" for who in ("theo", "nicolas") for take in takes]
        for name in names:
            soundfile.write(folder / "wav" / f"{name}.wav", rng.normal(0, 0.01, 900), 8000)
        (folder / f"{kind}.lst").write_text("\n".join(names))
    return folder


def test_bounds_that_are_missed_are_named(benchmark):
    assert benchmark.missed(MET) == []
    assert "K = 16: accuracy 0.550" in benchmark.missed({"16": {"accuracy": 0.55}})[0]
    worse = {"32": MET["32"] | {"bits": 2.8, "accuracy": 0.3}}
    assert len(benchmark.missed(worse)) == 2


def test_the_speaker_of_8_bits_is_left_out_and_takes_are_at_their_peak(benchmark, digits, tmp_path):
    (tmp_path / "made").mkdir()
    folder = benchmark.normalise(digits, tmp_path / "made", 0)
    assert "nicolas" not in (folder / "train.lst").read_text()
    wave, _ = soundfile.read(folder / "wav" / "1_theo_5.wav")
    assert np.abs(wave).max() == pytest.approx(1)
    assert "1_theo_5\ttheo\n" in (folder / "speakers.tsv").read_text()


def test_the_last_line_has_an_object_per_k(benchmark, digits, capsys):
    words = ("--data", str(digits), "--levels", "10", "16", "--steps", "2", "--json", *TINY)
    assert benchmark.main(list(words)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2] == "not held to the bounds"
    told = json.loads(lines[-1])
    assert set(told) == {"10", "16"}
    wanted = ("bits", "accuracy", "bits_bigram", "accuracy_majority", "accuracy_persistence", "bits_lpc16")
    assert all(told["16"][name] > 0 for name in wanted)


def test_levels_below_two_are_told(benchmark, digits, capsys):
    assert benchmark.main(["--data", str(digits), "--levels", "1", "--steps", "2", *TINY]) == 2
    assert "codes=1: with one code there is nothing to predict" in capsys.readouterr().err
