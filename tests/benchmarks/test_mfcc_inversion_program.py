"""The benchmark of recipe 03: its sums, its bounds and its mistakes; the bounds themselves need minutes."""
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks import mfcc_inversion
from core_scripts.data_io.collate import Batch

TABLE = SimpleNamespace(model=4.0, swap_gap=0.9, marginal=6.2, bigram=4.9, flac=4.7)
SOUND = {"cepstral_distance": 3.0, "cepstral_distance_other": 6.0, "vuv_error": 0.2, "vuv_error_griffin_lim": 0.4}
FACTS = {"samples": 1, "parameters": 1, "steps": 1, "cpu_s": 1.0}


@pytest.fixture(autouse=True)
def recipe_forgotten(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in ("model", "config"):
        sys.modules.pop(name, None)


def test_distance_leaves_the_level_and_the_slopes_out_and_is_a_mean_over_frames():
    one, other = (np.zeros((count, 39)) for count in (3, 3))
    other[:, 0], other[:, 13:] = 100, 100
    assert mfcc_inversion.distance([one], [other]) == 0
    other[0, 3] = 6
    assert mfcc_inversion.distance([one, one], [other, one]) == pytest.approx(1.0)


def test_voicing_error_is_the_share_of_frames_voiced_in_one_only():
    true, found = np.array([0.0, 100, 100, 0]), np.array([0.0, 90, 0, 120])
    assert mfcc_inversion.voicing_error([true, true], [found, true]) == 0.25


def test_an_unconditional_model_sees_one_frame_everywhere_and_the_same_samples():
    batch = Batch(inputs=torch.randn(2, 5, 3), targets=torch.randn(2, 9, 1), info=("a", "b"),
                  index=torch.arange(2), lengths=torch.tensor([9, 9]))
    data = SimpleNamespace(get_loader=lambda: [batch])
    (held,) = mfcc_inversion.HeldData(data, torch.ones(3)).get_loader()
    assert (held.inputs == 1).all() and held.inputs.shape == batch.inputs.shape and held.targets is batch.targets


@pytest.mark.parametrize(("bits", "changes", "gap", "told"), [
    (4.1, {}, 0.9, "passed"),
    (3.9, {}, 0.9, "FAILED: bits per test sample is 4.000, the bound 3.900"),
    (4.1, {"vuv_error": 0.5, "cepstral_distance": 3.9}, 0.5,
     "the swap gap in bits is 0.500, the bound 0.700; the ratio of cepstral distances is 0.650, the bound 0.600; the "
     "V/UV error is 0.500, the bound 0.400"),
])
def test_each_missed_bound_is_told_with_its_value(capsys, bits, changes, gap, told):
    table = SimpleNamespace(**vars(TABLE) | {"swap_gap": gap})
    result = mfcc_inversion.judge(table, bits, SOUND | changes, FACTS)
    assert told in capsys.readouterr().out and result.passed == (told == "passed")
    assert {"bits_test", "bits_unconditional", "swap_gap_bits", "cepstral_distance_ratio", "vuv_error",
            "vuv_error_griffin_lim"} <= set(json.loads(json.dumps(vars(result))))


def test_absent_data_is_told_with_the_ways_to_name_it(tmp_path, capsys):
    assert mfcc_inversion.main(["--data", str(tmp_path)]) == 2
    assert "--data DIR, or set RECITAL_DATA" in capsys.readouterr().err


@pytest.mark.slow
def test_a_few_steps_give_all_figures_and_miss_a_bound(capsys):
    place = os.environ.get("RECITAL_DATA")
    if not place or not (Path(place) / "fsdd" / "wav").is_dir():
        pytest.skip("fsdd is not there: set RECITAL_DATA to the folder it lies in")
    assert mfcc_inversion.main(["--data", place, "--steps", "2", "--json"]) == 1
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["bits_test"] > 6 and result["vuv_error_griffin_lim"] > 0.2 and not result["passed"]
