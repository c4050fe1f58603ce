"""The first losses of recipe 01, number by number: whoever changes them must say so.

tests/golden/01-wavenet-vocoder.txt holds the first 20 training losses with tiny.yaml on the synthetic corpus, computed
with one thread, and in its first line the machine they come from. On the same torch and the same kind of CPU they must
be equal to the last digit, elsewhere to a relative 1e-4, which is what other vector units change in sums. After an
intended change write the file anew with `RECITAL_WRITE_GOLDEN=1 python -m pytest tests/recipes/test_golden_losses.py`
and explain it in CHANGELOG.md.
"""
import hashlib
import os
from pathlib import Path

import pytest
import torch
from desk import copy_recipe
from recipe_stage import begin_run, set_recipe

from core_scripts.nn_manager.grouping import Group
from core_scripts.nn_manager.nn_manager import train_step

pytestmark = pytest.mark.slow
GOLDEN = Path(__file__).parents[1] / "golden" / "01-wavenet-vocoder.txt"
STEPS = 20
TOLERANCE = 1e-4


def describe_machine() -> str:
    """torch, its vector unit, and a digest of the CPU's flags."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        kind = "\n".join(sorted({line for line in lines if line.startswith(("flags", "model name", "Features"))}))
    except OSError:
        kind = "unknown"
    return f"torch {torch.__version__} {torch.backends.cpu.get_cpu_capability()} " + hashlib.sha256(
        kind.encode()).hexdigest()[:16]


@pytest.fixture(scope="module")
def losses(tmp_path_factory, synthetic) -> list[float]:
    folder = copy_recipe(tmp_path_factory.mktemp("golden") / "01-wavenet-vocoder")
    stage = set_recipe(folder, "--config-file", str(folder / "tiny.yaml"), f"data={synthetic}")
    torch.set_num_threads(1)
    run, data = begin_run(stage)
    data.set_position(run.position)
    found = []
    for batch in data.get_loader():
        found += train_step(run, batch, Group(1, True)).parts
        if len(found) == STEPS:
            return found
    raise AssertionError(f"the corpus has only {len(found)} batches")


def test_the_first_losses_are_those_on_record(losses):
    if os.environ.get("RECITAL_WRITE_GOLDEN"):
        GOLDEN.write_text("\n".join([describe_machine(), *map(repr, losses)]) + "\n")
    machine, *stored = GOLDEN.read_text().splitlines()
    assert len(stored) == STEPS
    if machine == describe_machine():
        assert losses == [float(line) for line in stored]
    else:
        assert losses == pytest.approx([float(line) for line in stored], rel=TOLERANCE)


def test_the_first_loss_is_that_of_knowing_nothing(losses):
    assert losses[0] == pytest.approx(5.545, abs=0.1)
    assert losses[-1] < losses[0]
