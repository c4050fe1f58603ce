"""Printing for recipes (upstream's names). Colours only where a terminal shows them."""
import datetime
import sys
from typing import Any

from core_scripts import log
from core_scripts.errors import EXIT_FAILURE, FatalError

_COLOURS = {"warning": "\033[91m", "error": "\033[91m", "highlight": "\033[92m", "ok": "\033[94m"}
_END_OF_COLOUR = "\033[0m"
_RULE = "-" * 62


def f_print(message: Any, opt: str = "ok", end: str = "\n", flush: bool = False) -> None:
    """To stdout, in the colour of `opt`: warning, error (red), highlight (green), ok (blue); others plain."""
    colour = _COLOURS.get(opt, "") if sys.stdout.isatty() else ""
    f_print_message(f"{colour}{message}{_END_OF_COLOUR if colour else ''}", flush, end)


def f_print_message(message: Any, flush: bool = False, end: str = "\n") -> None:
    """To stdout; whole lines also go to the log file of the run."""
    if end == "\n":
        log.say(str(message))
        return
    sys.stdout.write(f"{message}{end}")
    if flush:
        sys.stdout.flush()


def f_print_w_date(message: Any, level: str = "h") -> None:
    """To stdout with date and time; level 'h': between two rules, 'm': inside dashes, else plain."""
    dated = f"{message} {datetime.datetime.now()}"
    log.say({"h": f"{_RULE}\n{dated}\n{_RULE}", "m": f"---{dated}---"}.get(level, dated))


def f_eprint(*args: Any, sep: str = " ", end: str = "\n", **_: Any) -> None:
    """As print(), to stderr."""
    text = sep.join(str(arg) for arg in args)
    if end == "\n":
        log.note(text)
    else:
        sys.stderr.write(text + end)
        sys.stderr.flush()


def f_die(message: Any) -> None:
    """End the program with exit code 1 and the message on stderr. Raises: FatalError, which is a SystemExit."""
    log.note(f"Error: {message}")
    raise FatalError(EXIT_FAILURE)
