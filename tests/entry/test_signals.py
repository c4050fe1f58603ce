"""A signal before the first step, after the last one, and while the process ends: an exit code that means something."""
import pytest
from desk import NET, SMALL

LAST_WORDS = """
import atexit, os, signal
from core_scripts.entry import run_project
for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
    atexit.register(os.kill, os.getpid(), number)
run_project()
"""


@pytest.mark.slow
@pytest.mark.parametrize(("plan", "code", "told"), [
    ("saving:1:term", 75, "SIGTERM: ended at once; start again to go on"),  # run.yaml, before the first step
    ("finished:1:usr1", 75, "SIGUSR1: ended at once; start again to go on"),  # the last epoch is saved
    ("finished:1:int", 130, "interrupted"),
])
def test_outside_of_the_loop_a_signal_ends_the_process_at_once_with_its_documented_code(desk, plan, code, told):
    answer = desk.start("train", *SMALL, *NET, f"data={desk.data}", fault=plan)
    assert answer.code == code, answer.err
    assert told in answer.err.splitlines() and "Traceback" not in answer.err


def test_while_the_process_ends_no_signal_changes_the_exit_code_on_its_way(desk):
    (desk.folder / "last_words.py").write_text(LAST_WORDS)
    assert desk.start("config", f"data={desk.data}", script="last_words.py").code == 0
    assert desk.start("config", "data=/nowhere", script="last_words.py").code == 2
