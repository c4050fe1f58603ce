"""FAULT=place[:N[:action]]: this process fails when it reaches a place for the N-th time. For tests of what survives it.

Without the variable nothing happens. Places are named where they stand (`reach`); PLACES tells when each is reached.
Actions: kill (the default, as kill -9), term, int, usr1 (that signal), group (SIGTERM to the whole process group, as
schedulers send it), full (as if the disk were), raise (as an error of ours would).
"""
import errno
import os
import signal

from core_scripts.errors import UsageError, did_you_mean

PLACES = {
    "loading": "a checkpoint has been read and is about to be taken up",
    "step": "a step of training is about to begin",
    "stepped": "weights and position have moved on",
    "validation": "a pass of validation is about to begin",
    "epoch": "an epoch is over, nothing of that is saved yet",
    "saving": "a file is about to be written",
    "written": "it stands complete under its temporary name",
    "renamed": "it has its name",
    "pruning": "an older file is about to be removed",
    "finished": "the last epoch is saved",
}
_SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "int": signal.SIGINT, "usr1": signal.SIGUSR1}
_ACTIONS = (*_SIGNALS, "group", "full", "raise")


class FaultPlan:
    """What the variable asks for. Raises: UsageError if it is not of the form place[:N[:action]]."""

    def __init__(self, text: str) -> None:
        place, _, rest = text.partition(":")
        number, _, action = rest.partition(":")
        number, action = number or "1", action or "kill"
        if place not in PLACES or not number.isdecimal() or int(number) < 1 or action not in _ACTIONS:
            near = did_you_mean(place, PLACES) if place not in PLACES else ""
            raise UsageError(f"FAULT={text}: expected place[:N[:action]] with a place of {', '.join(PLACES)} and an "
                             f"action of {', '.join(_ACTIONS)}{near}")
        self._place, self._left, self._action = place, int(number), action

    def reach(self, place: str) -> None:
        """Fail, if this is the place and the time for it."""
        if place != self._place:
            return
        self._left -= 1
        if self._left == 0:
            self._act()

    def _act(self) -> None:
        if self._action == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self._action == "raise":
            raise RuntimeError(f"FAULT at {self._place}")
        if self._action == "group":
            os.killpg(0, signal.SIGTERM)
        else:
            os.kill(os.getpid(), _SIGNALS[self._action])


_plan = FaultPlan(os.environ["FAULT"]) if os.environ.get("FAULT") else None


def reach(place: str) -> None:
    """Called where a process may be made to fail; costs nothing unless FAULT is set."""
    if _plan is not None:
        _plan.reach(place)
