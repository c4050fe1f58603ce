"""Being asked to stop: a signal sets a flag, the loop looks at it between two steps.

An exception raised by a handler could tear weights and data position apart; a flag cannot.
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
