"""Being asked to stop: a signal sets a flag, the loop looks at it between two steps.

An exception raised by a handler could tear weights and data position apart; a flag cannot. Before and after the loop
there is nothing to tear, and the process ends at once with the same exit codes.
"""
import signal
import threading
from contextlib import suppress
from types import FrameType

from core_scripts import log
from core_scripts.errors import EXIT_INTERRUPTED, EXIT_PREEMPTED

_EXIT_CODES = {signal.SIGINT: EXIT_INTERRUPTED, signal.SIGTERM: EXIT_PREEMPTED, signal.SIGUSR1: EXIT_PREEMPTED}


class StopRequest:
    """`with StopRequest() as stop:` `stop.exit_code` is None until SIGINT, SIGTERM or SIGUSR1 arrives.

    A second signal aborts at once. Outside the main thread nothing is installed and nothing is ever requested.
    """

    def __init__(self) -> None:
        self.exit_code: int | None = None
        self._previous: dict[signal.Signals, object] = {}

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._receive) for number in _EXIT_CODES}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        if self.exit_code is not None:
            for each in self._previous:
                signal.signal(each, signal.SIG_DFL)
            signal.raise_signal(number)
        self.exit_code = _EXIT_CODES[signal.Signals(number)]
        with suppress(RuntimeError):  # the signal came while something was being printed
            log.note(f"{name}: finishing this step, then saving; once more to abort")


def leave_on_signals() -> None:
    """From now on SIGTERM and SIGUSR1 end this process at once, by SystemExit with the code for "start again".

    SIGINT is a KeyboardInterrupt as ever. A `StopRequest` takes the signals over while it lasts.
    """
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, _leave)


def ignore_signals() -> None:
    """Nothing can stop the work any more, for it is done: the exit code that is on its way shall come out."""
    for number in _EXIT_CODES:
        signal.signal(number, signal.SIG_IGN)


def _leave(number: int, frame: FrameType | None) -> None:
    with suppress(RuntimeError):
        log.note(f"{signal.Signals(number).name}: ended at once; start again to go on")
    raise SystemExit(_EXIT_CODES[signal.Signals(number)])
