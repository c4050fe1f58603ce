"""One row of the tables of options: a flag, its default, its meaning, and what values it takes."""
import math
import re
from argparse import ArgumentTypeError
from dataclasses import dataclass

from core_scripts.errors import did_you_mean

Value = bool | int | float | str


@dataclass(frozen=True)
class Option:
    """One flag `--name`; a truth value as default makes it a switch that turns the default over."""

    name: str
    default: Value
    help: str
    low: float | None = None  # smallest value allowed
    choices: tuple[str, ...] = ()  # ":N" at the end of one stands for any number
    target: str = ""  # set where the flag changes another option's value
    verb: str = ""  # the one verb that knows it; no setting then, so config.py may use its name
    short: str = ""  # one letter, for a flag that is typed often
    repeats: bool = False  # may be given several times: the last one counts, all are in args.NAMEs
    unused: bool = False  # accepted for upstream's command lines, without any effect

    @property
    def dest(self) -> str:
        own = f"{self.verb}-{self.name}" if self.verb else self.name
        return self.target or own.replace("-", "_")

    @property
    def kind(self) -> type:
        return type(self.default)

    def convert(self, text: str) -> Value:
        """The typed value of `text`. Raises: ArgumentTypeError, which the parser tells with the flag's name."""
        try:
            value = self.kind(text)
        except ValueError:
            expected = "a whole number" if self.kind is int else "a number"
            raise ArgumentTypeError(f"expects {expected}, got {text!r}") from None
        return self.check(value)

    def check(self, value: Value) -> Value:
        """`value`, which has the right type, if it is also in range. Raises: ArgumentTypeError."""
        if self.kind is float and not math.isfinite(value):
            raise ArgumentTypeError(f"expects a finite number, got {value}")
        if self.low is not None and value < self.low:
            raise ArgumentTypeError(f"must be at least {self.low:g}, got {value}")
        if self.choices and re.sub(r":\d+$", ":N", str(value)) not in self.choices:
            near = did_you_mean(str(value), self.choices)
            raise ArgumentTypeError(f"got {value!r}; allowed are {', '.join(self.choices)}{near}")
        return value
