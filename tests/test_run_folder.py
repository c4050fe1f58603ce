"""exp/NAME belongs to one process at a time, and to nobody once that one is dead."""
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core_scripts.errors import RecitalError
from core_scripts.run_folder import RunFolder

ROOT = Path(__file__).resolve().parents[1]
HOLDER = """
import multiprocessing, sys, time
from pathlib import Path
from core_scripts.run_folder import RunFolder
def work(begun):
    begun.set()
    time.sleep(60)
with RunFolder(Path(sys.argv[1])):
    context = multiprocessing.get_context("fork")
    begun = context.Event()
    worker = context.Process(target=work, args=(begun,))
    worker.start()
    begun.wait()  # before that it may not have let go of the lock yet
    print(worker.pid, flush=True)
    time.sleep(60)
"""


def test_the_folder_is_free_when_the_main_process_is_dead_though_a_worker_lives_on(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True,
                              env={"PYTHONPATH": str(ROOT)})
    worker = int(holder.stdout.readline())
    try:
        with pytest.raises(RecitalError, match=f"is in use by process {holder.pid}") as busy, \
                RunFolder(tmp_path / "run"):
            pass
        assert busy.value.exit_code == 5
        holder.kill()
        holder.wait()
        os.kill(worker, 0)  # it lives
        with RunFolder(tmp_path / "run"):
            pass
    finally:
        holder.stdout.close()
        os.kill(worker, signal.SIGKILL)


def test_a_worker_that_ends_leaves_the_folder_locked(tmp_path):
    with RunFolder(tmp_path / "run"):
        if (child := os.fork()) == 0:
            os._exit(0)
        os.waitpid(child, 0)
        with pytest.raises(RecitalError, match="is in use by process"), RunFolder(tmp_path / "run"):
            pass


def test_a_folder_that_cannot_be_locked_is_told(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("core_scripts.run_folder.fcntl.flock", refuse)
    with pytest.raises(RecitalError, match=r"run cannot be locked \(No locks available\).*take another folder"), \
            RunFolder(tmp_path / "run"):
        pass
