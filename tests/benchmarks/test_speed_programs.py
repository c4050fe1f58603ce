"""The benchmark programs run, and say what they are asked for; how fast anything is, is not tested here."""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import checkpoint, soak
from benchmarks.checkpoint import LIMITS
from benchmarks.measuring import describe, ratios, tell_results, time_rounds
from benchmarks.permutation import chi_square_of_differences, chi_square_of_places, count_adjacent, judge
from benchmarks.training import TARGETS, make_variants
from sandbox.config_wavenet import WaveNetConfig

ROOT = Path(__file__).resolve().parents[2]


GENERATION_KEYS = {f"{size}_{precision}_b{batch}_{what}" for size in ("small", "standard", "ae")
                   for precision in ("fp32", "bf16") for batch in (1, 8, 32)
                   for what in ("xrt", "ratio_eager", "share_of_floor")}
GENERATION_KEYS |= {"standard_fp32_b1_ratio_naive", "standard_bf16_2cores_16_xrt"}


def run_program(name: str, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, f"benchmarks/{name}.py", *words], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize(("name", "keys"), [
    ("training", set(TARGETS)), ("generation", GENERATION_KEYS),
    ("data_loading", {"segments_per_s", "ratio_to_whole_files"}),
    ("permutation", {"us_per_batch_1e9", "us_per_batch_1e12", "orders_without_gaps",
                     *(f"{kind}_{what}" for kind in ("computed", "stored")
                       for what in ("places", "differences", "pairs"))}),
])
def test_the_last_line_is_one_json_object_with_the_keys(name, keys):
    done = run_program(name, "--quick", "--rounds", "1", "--json")
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout.splitlines()[-1])
    assert set(results) == keys
    assert all(value > 0 for value in results.values())


@pytest.mark.slow
def test_the_price_of_safety_is_told(tmp_path):
    done = run_program("checkpoint", "--quick", "--rounds", "1", "--json", "--folder", str(tmp_path))
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout.splitlines()[-1])
    assert set(LIMITS) | {"seconds_per_checkpoint", "restart_processor_seconds"} == set(results)
    assert results["open_files_growth"] == 0 and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("value", "words", "code"), [(0.5, (), 0), (99.0, (), 1), (99.0, ("--quick",), 0)])
def test_a_limit_that_is_not_met_is_told_by_the_exit_code(monkeypatch, capsys, value, words, code):
    for name in ("measure_saving", "measure_step_overhead", "measure_restart", "measure_growth"):
        monkeypatch.setattr(checkpoint, name, lambda *_: dict.fromkeys(LIMITS, 0.0) | {"restart_seconds": value})
    monkeypatch.setattr(checkpoint.Trainer, "step", lambda trainer: 0.0)
    assert checkpoint.main([*words]) == code
    assert ("restart_seconds 99.00, at most 10: NOT met" in capsys.readouterr().out) == (value > 10)


def test_results_at_their_targets_are_met(capsys):
    assert tell_results({"a": 2.0, "b": 1.0}, {"a": 2.0}, as_json=False)
    assert not tell_results({"a": 2.0}, {"a": 2.1}, as_json=False)
    assert capsys.readouterr().out.splitlines() == ["a 2.00, target 2: met", "a 2.00, target 2.1: NOT met"]


@pytest.mark.slow
def test_a_short_soak_brings_its_run_to_the_undisturbed_weights():
    done = run_program("soak", "--minutes", "0.5", "--seed", "3", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(done.stdout.splitlines()[-1])
    assert results["identical"] and results["runs"] == 1 and results["faults"] == sum(results["by_kind"].values())
    assert "final weights equal bit by bit" in done.stdout


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is there")
@pytest.mark.slow
def test_a_soak_on_a_device_that_is_not_there_says_so():
    done = run_program("soak", "--device", "cuda", "--minutes", "0.1")
    assert done.returncode == 1 and "--device cuda: 0 CUDA devices found" in done.stderr


@pytest.mark.parametrize("device", soak.ON_DEVICE)
def test_a_soak_hides_gpus_from_runs_on_the_cpu_and_keeps_the_others_to_equal_bits(monkeypatch, tmp_path, device):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(soak.subprocess, "Popen", lambda words, env, **_: (words, env))
    words, env = soak.start(soak.Bench(tmp_path, device), tmp_path / "run", 0)
    assert f"device={device}" in words
    assert ("deterministic=true" in words) == (device == "cuda")
    assert (env.get("CUDA_VISIBLE_DEVICES") == "") == (device == "cpu")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["training", "data_loading", "checkpoint", "permutation"])
def test_help_is_answered(name):
    assert "--rounds" in run_program(name, "--help").stdout


def test_all_variants_compute_the_same_loss():
    threads = torch.get_num_threads()
    variants = make_variants(WaveNetConfig(layers=4, dilation_cycle=2, kernel_size=3), 50)
    losses = {name: run() for name, run in variants.items()}
    assert losses["ours fp32"] == pytest.approx(losses["plain fp32"], abs=1e-5)
    assert losses["ours bf16"] == pytest.approx(losses["plain fp32"], abs=2e-2)
    assert torch.get_num_threads() == threads


def test_the_first_round_is_not_counted_and_ratios_are_taken_round_by_round():
    calls = []
    seconds = time_rounds({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 2)
    assert calls == ["a", "b"] * 3
    assert [len(times) for times in seconds.values()] == [2, 2]
    assert ratios({"a": [2.0, 9.0], "b": [1.0, 3.0]}, "a", "b") == [2.0, 3.0]
    assert describe([3.0, 1.0, 2.0]) == "2.00 (1.50 to 2.50)"


def test_an_order_that_mixes_badly_is_a_fault_and_so_is_a_control_that_does_not():
    faults = []
    judge("fine", 1.01, 0.01, faults)
    judge("control", 5.0, 0.01, faults, control=True)
    assert faults == []
    judge("bad", 1.05, 0.01, faults)
    judge("weak test", 1.0, 0.01, faults, control=True)
    assert faults == ["bad: 1.050", "weak test: 1.000"]


def test_the_measures_of_mixing_see_an_order_that_is_none():
    plain = [np.arange(10_000)]
    assert count_adjacent(plain) == 9999
    assert chi_square_of_places(plain) > 50
    assert chi_square_of_differences(plain) > 1000
