"""metrics.csv as columns of numbers, whatever state it is in."""
import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core_scripts.errors import DataError

_WORDS = {"best": {"yes": 1.0, "no": 0.0}}


@dataclass(frozen=True)
class MetricsTable:
    """Columns by name; None where a cell is empty or no finite number."""

    columns: dict[str, list[float | None]]
    not_finite: int = 0  # cells that hold NaN or an infinity

    @property
    def epochs(self) -> list[float]:
        """The column epoch; rows are numbered where it lacks a number."""
        return [row if value is None else value for row, value in enumerate(self.columns.get("epoch", ()))]

    @property
    def best_row(self) -> int | None:
        """The last row that was the best so far."""
        rows = [row for row, value in enumerate(self.columns.get("best", ())) if value]
        return rows[-1] if rows else None

    def last(self, name: str) -> float | None:
        """The last number of a column."""
        return next((value for value in reversed(self.columns.get(name, ())) if value is not None), None)

    def points(self, name: str) -> list[tuple[float, float | None]]:
        """(epoch, value) of every row."""
        return list(zip(self.epochs, self.columns.get(name, ()), strict=False))

    def has(self, name: str) -> bool:
        """Whether the column holds any number."""
        return self.last(name) is not None


def read_metrics(path: Path) -> MetricsTable:
    """The table in a CSV file; none of its columns where the file is not there or holds no row.

    Raises: DataError if it cannot be read as text with a header.
    """
    if not path.exists():
        return MetricsTable({})
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, restval=""))
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise DataError(f"{path} is no readable CSV file ({fault}); it is written anew by the next training") from None
    if rows and "epoch" not in rows[0]:
        raise DataError(f"{path} has no column epoch, but {', '.join(map(str, list(rows[0])[:8]))}; it is no file of "
                        "metrics of a run")
    found = {name: [_number(name, row[name]) for row in rows] for name in (rows[0] if rows else ()) if name}
    bad = sum(not math.isfinite(value) for column in found.values() for value in column if value is not None)
    return MetricsTable({name: [value if value is not None and math.isfinite(value) else None for value in column]
                         for name, column in found.items()}, bad)


def _number(name: str, text: str) -> float | None:
    words = _WORDS.get(name, {})
    if text in words:
        return words[text]
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def segments(points: list[tuple[float, float | None]]) -> Iterator[list[tuple[float, float]]]:
    """Runs of neighbouring points that have a value."""
    run: list[tuple[float, float]] = []
    for place, value in points:
        if value is None:
            if run:
                yield run
            run = []
        else:
            run.append((place, value))
    if run:
        yield run
