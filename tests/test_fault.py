"""The hook that makes a process fail at a place: when it acts, how, and what it answers to a wrong plan."""
import subprocess
import sys
from pathlib import Path

import pytest

from core_scripts.errors import UsageError
from core_scripts.fault import PLACES, FaultPlan

ROOT = Path(__file__).resolve().parents[1]
CODE = """
import signal
from core_scripts import fault
signal.signal(signal.SIGTERM, lambda number, frame: print("TERM"))
for number in range(3):
    fault.reach("step")
    fault.reach("stepped")
    print(number)
"""


def run(plan: str | None) -> subprocess.CompletedProcess:
    env = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | ({"FAULT": plan} if plan else {})
    return subprocess.run([sys.executable, "-c", CODE], env=env, capture_output=True, text=True, start_new_session=True)


@pytest.mark.parametrize(("plan", "code", "out"), [
    (None, 0, "0 1 2"), ("step:2", -9, "0"), ("stepped:3:kill", -9, "0 1"), ("step:9", 0, "0 1 2"),
    ("step:2:term", 0, "0 TERM 1 2"), ("stepped:1:group", 0, "TERM 0 1 2"),
])
def test_a_process_fails_where_and_how_it_is_told_and_else_not(plan, code, out):
    done = run(plan)
    assert (done.returncode, done.stdout.split()) == (code, out.split())


def test_a_full_disk_and_a_broken_program_can_be_played():
    assert "No space left on device" in run("step:1:full").stderr
    assert "RuntimeError: FAULT at stepped" in run("stepped:2:raise").stderr


@pytest.mark.parametrize("plan", ["stepp", "step:0", "step:x", "step:1:burn"])
def test_a_plan_that_means_nothing_is_told(plan):
    with pytest.raises(UsageError, match=r"expected place\[:N\[:action\]\] with a place of loading, step, "):
        FaultPlan(plan)


def test_every_place_stands_once_in_the_code():
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "core_scripts").rglob("*.py")]
    for place in PLACES:
        assert sum(text.count(f'fault.reach("{place}")') for text in sources) == 1, place
