"""Work on many files in several processes that never outlive the one that started them."""
import math
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection
from typing import Any

from core_scripts import log
from core_scripts.errors import EXIT_PREEMPTED, RecitalError

_FILES_PER_PROCESS = 32  # with fewer, starting a process takes longer than it saves
_MOST_AT_ONCE = 8  # files handed out together


def choose_workers(asked: int, files: int) -> int:
    """Processes to use; asked 0: as many as there are cores for this process, and no more than pay off."""
    return asked or max(1, min(len(os.sched_getaffinity(0)), math.ceil(files / _FILES_PER_PROCESS)))


def map_files(function: Callable[[Any], Any], jobs: Sequence[Any], workers: int) -> Iterator[Any]:
    """function(job) for every job, in the order of the jobs; `function` is a module's, not a closure.

    Raises: whatever the function raises; RecitalError if a process was killed.
    """
    if workers <= 1:
        yield from map(function, jobs)
        return
    context = multiprocessing.get_context("forkserver")  # fork is not safe once libraries have threads
    context.set_forkserver_preload([function.__module__])
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)
    try:
        yield from pool.map(function, jobs, chunksize=min(_MOST_AT_ONCE, math.ceil(len(jobs) / workers / 4) or 1))
    except BrokenProcessPool:
        raise RecitalError("a process that worked on the files was killed (out of memory?); start the same command "
                           "again, what is done is kept; --num-workers 1 needs the least memory") from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def tell_how_to_go_on() -> Iterator[None]:
    """SIGTERM ends the work inside as an error of ours, so that processes and half-written files are cleared away.

    After it and after Ctrl-C the user is told what to do.
    """
    def stop(number: int, place: Any) -> None:
        error = RecitalError("stopped by SIGTERM; start the same command again, what is done is kept")
        error.exit_code = EXIT_PREEMPTED
        raise error

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        log.note("start the same command again to go on; what is done is kept")
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets it as well, and ends us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
