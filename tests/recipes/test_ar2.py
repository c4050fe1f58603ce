"""Recipe 04: the network's coefficients are those of least squares, whatever its head."""
import json
import math
import shutil

import pytest
from desk import ROOT, Desk

BOUND = {"mean": 0.05, "gaussian": 0.05, "categorical": 1.0}  # standard errors; bins are coarser than the series


@pytest.fixture
def desk(tmp_path) -> Desk:
    recipe = ROOT / "project" / "04-ar2"
    folder = shutil.copytree(recipe, tmp_path / "project" / "04-ar2", ignore=shutil.ignore_patterns("exp"))
    return Desk(folder, tmp_path)


def train(desk: Desk, *words: str) -> dict:
    answer = desk.run("--no-cuda", "num_threads=1", *words, small=False)
    assert answer.code == 0, answer.err
    return json.loads((desk.folder / "exp/base/result.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("head", BOUND)
def test_training_ends_with_the_coefficients_of_least_squares(desk, head):
    result = train(desk, f"head={head}", "process.c=1.0", "epochs=200")
    for name in ("a", "b", "c"):
        error = result["standard_error"][name]
        assert abs(result["estimate"][name] - result["least_squares"][name]) <= BOUND[head] * error
        assert abs(result["estimate"][name] - result["truth"][name]) <= 4 * error
    assert abs(result["mse_over_sigma2"] - 1) <= 0.057
    assert result["nll"] >= result["entropy_rate"] - 4 * result["nll_standard_error"]
    above = 0.05 * math.log(2) if head == "categorical" else 4 * result["nll_standard_error"]
    assert result["nll"] <= result["entropy_rate"] + above
    assert result["sigma"] == pytest.approx(1, abs=0.05)


@pytest.mark.slow
def test_the_example_of_the_notes_comes_back_to_five_digits_and_is_drawn(desk):
    result = train(desk, "process=transient", "head=mean")
    assert result["estimate"] == pytest.approx({"a": -0.4, "b": 0.5, "c": 0.0}, abs=1e-5)
    assert result["estimate"] == pytest.approx(result["least_squares"], abs=1e-5)
    assert (desk.folder / "exp/base/fit.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(("words", "told"), [
    (("process.a=0.7",), "not stationary: a + b < 1 fails, 0.7 + 0.5 = 1.2"),
    (("process.standard_error=0.001",), "take samples=750000"),
    (("head=gausian",), "head='gausian' is unknown"),
    (("head=categorical", "process=transient"), "far below one bin"),
    (("bins=1",), "bins=1 must be a whole number of at least 2"),
])  # fmt: skip
def test_what_cannot_work_is_told_before_anything_is_made(desk, words, told):
    answer = desk.run(*words, small=False)
    assert answer.code == 2 and told in answer.err
    assert not (desk.folder.parent / "DATA").exists() and not (desk.folder / "exp").exists()
