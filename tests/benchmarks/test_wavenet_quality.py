"""The benchmark's own mistakes and its last line; its bounds need more time than a test has."""
import importlib.util
import json
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("wavenet_quality", ROOT / "benchmarks" / "wavenet_quality.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    path = list(sys.path)
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = path
    for name in ("wavenet_quality", "model", "config"):
        sys.modules.pop(name, None)


def write_lists(folder: Path, *names: str) -> Path:
    (folder / "wav").mkdir(parents=True)
    for file in ("train.lst", "val.lst", "test.lst"):
        (folder / file).write_text("\n".join(names))
    return folder


def test_absent_data_is_told_with_the_ways_to_name_it(benchmark, tmp_path, capsys):
    assert benchmark.main(["--data", str(tmp_path)]) == 2
    assert "--data DIR, or set RECITAL_DATA" in capsys.readouterr().err


def test_a_speaker_who_is_not_there_is_told(benchmark, tmp_path, capsys):
    write_lists(tmp_path / "fsdd", "0_theo_0", "1_theo_0")
    assert benchmark.main(["--data", str(tmp_path), "--speaker", "nobody"]) == 2
    assert "has 0 files of speaker 'nobody'" in capsys.readouterr().err


def test_lists_are_narrowed_to_the_speaker(benchmark, tmp_path):
    data = write_lists(tmp_path / "data", "0_theo_0", "0_ann_0", "1_theo_0")
    found = benchmark.write_lists(data, "theo", tmp_path / "lists")
    assert found.test == ["0_theo_0", "1_theo_0"]
    assert (tmp_path / "lists" / "train.lst").read_text() == "0_theo_0\n1_theo_0\n"


@pytest.mark.slow
def test_a_few_steps_miss_the_bound_but_speech_learnt_by_heart_comes_back(benchmark, capsys):
    place = os.environ.get("RECITAL_DATA")
    if not place or not (Path(place) / "fsdd" / "wav").is_dir():
        pytest.skip("fsdd is not there: set RECITAL_DATA to the folder it lies in")
    assert benchmark.main(["--data", place, "--steps", "3", "--json"]) == 1
    text = capsys.readouterr().out
    result = json.loads(text.splitlines()[-1])
    assert "FAILED: bits per test sample" in text and result["bits_test"] > 4.35
    assert result["regenerated"] == 1.0 and result["overfit_bits"] < 0.1
    assert result["bits_flac"] == pytest.approx(4.70, abs=0.01)
    assert result["bits_bigram"] == pytest.approx(4.92, abs=0.01)
    assert result["bits_marginal"] == pytest.approx(6.16, abs=0.01)
