"""Half-open intervals of absolute integer positions: samples of a file, frames, hidden positions of a network."""
import operator
from collections.abc import Callable
from dataclasses import dataclass, fields

from core_scripts.errors import ConfigError, all_faults


def as_integer(name: str, value: object) -> int:
    """A plain int from anything that counts exactly (numpy's integers too). Raises: ConfigError for 1.5, "3", None."""
    try:
        return operator.index(value)
    except TypeError:
        raise ConfigError(f"{name}={value!r} is not an integer; positions and sizes are counted exactly") from None


def as_count(name: str, value: object) -> int:
    """As `as_integer`, and at least 1. Raises: ConfigError."""
    count = as_integer(name, value)
    if count < 1:
        raise ConfigError(f"{name}={count} is below 1")
    return count


def check_fields(record: object, counts: tuple[str, ...] = ()) -> None:
    """Make each field of a frozen record a plain int; those named in `counts` must be at least 1.

    Raises: ConfigError that lists all fields at fault.
    """
    faults: list[str] = []
    for name in (field.name for field in fields(record)):
        check: Callable[[str, object], int] = as_count if name in counts else as_integer
        try:
            object.__setattr__(record, name, check(name, getattr(record, name)))
        except ConfigError as fault:
            faults.append(str(fault))
    if faults:
        raise all_faults(ConfigError, str(record), faults)


@dataclass(frozen=True)
class Span:
    """The positions start, start + 1, ..., stop - 1. Either end may be negative; start == stop is empty.

    An empty span is false in a condition and has no place: only its emptiness means something.
    Raises: ConfigError if stop < start or either is no integer.
    """

    start: int
    stop: int

    def __post_init__(self) -> None:
        check_fields(self)
        if self.stop < self.start:
            raise ConfigError(f"span {self} ends before it starts; give start <= stop")

    def __len__(self) -> int:
        return self.stop - self.start

    def __contains__(self, position: int) -> bool:
        return self.start <= position < self.stop

    def __str__(self) -> str:
        return f"[{self.start}, {self.stop})"

    @property
    def is_empty(self) -> bool:
        """Whether no position lies in it."""
        return self.start == self.stop

    def shift(self, steps: int) -> "Span":
        """The same length, `steps` positions later."""
        return Span(self.start + steps, self.stop + steps)

    def intersect(self, other: "Span") -> "Span":
        """The positions in both; empty if there are none."""
        start = max(self.start, other.start)
        return Span(start, max(start, min(self.stop, other.stop)))

    def cover(self, other: "Span") -> "Span":
        """The smallest span with the positions of both (and those between them)."""
        if self.is_empty or other.is_empty:
            return other if self.is_empty else self
        return Span(min(self.start, other.start), max(self.stop, other.stop))

    def beyond(self, inner: "Span") -> tuple[int, int]:
        """How many positions of this span lie before `inner` and how many behind it.

        With `inner` the file [0, n) these are the zeros to put on the left and on the right of what is read.
        """
        left = min(len(self), max(0, inner.start - self.start))
        right = min(len(self), max(0, self.stop - inner.stop))
        return left, right

    def within(self, whole: "Span") -> slice:
        """Where this span lies in an array that holds the positions of `whole`.

        Raises: ConfigError if the array does not hold all of it.
        """
        if not self.is_empty and (self.start < whole.start or self.stop > whole.stop):
            left, right = self.beyond(whole)
            raise ConfigError(f"{self} is not inside {whole}: {left} positions before it, {right} behind it; "
                              f"take a wider array or a narrower span")
        return slice(self.start - whole.start, self.stop - whole.start)
