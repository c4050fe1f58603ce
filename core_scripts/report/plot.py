"""Curves of one or several tables of metrics as pictures, drawn as a record of settings says."""
import csv
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core_scripts import log
from core_scripts.data_io.file_io import write_atomically
from core_scripts.errors import DataError, UsageError, all_faults, did_you_mean
from core_scripts.report.figures import encode_figure, find_pyplot
from core_scripts.report.plot_settings import PlotSettings

_STYLES = ("-", "--", ":", "-.")  # one per column, while each run keeps its colour
_NEEDED_FOR_TEX = ("latex", "dvipng")


@dataclass(frozen=True)
class Table:
    """A file of metrics: columns by name, as they stand there."""

    path: Path
    columns: dict[str, list[str]]

    def read(self, name: str) -> np.ndarray:
        """A column as numbers, NaN where it is empty. Raises: DataError that names the column, or the word in it."""
        if name not in self.columns:
            raise DataError(f"{self.path} has no column {name!r}{did_you_mean(name, self.columns)} (it has "
                            f"{', '.join(self.columns)})")
        try:
            return np.array([float(cell) if cell.strip() else np.nan for cell in self.columns[name]])
        except ValueError as fault:
            raise DataError(f"{self.path}: column {name!r} holds what is no number: {fault}") from None


@dataclass(frozen=True)
class Curve:
    """What is drawn as one line."""

    label: str
    x: np.ndarray
    y: np.ndarray
    run: int  # which table it is of, which decides the colour
    style: str


def read_table(path: Path) -> Table:
    """The table in a CSV file with names in its first line. Raises: DataError if there is none."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise DataError(f"{path} cannot be read as a table: {fault}") from None
    if not rows:
        raise DataError(f"{path} is empty; a run writes its first line at the end of its first epoch")
    names, *lines = rows
    if not lines:
        raise DataError(f"{path} has the names of {len(names)} columns and no line of numbers yet")
    uneven = next((place for place, line in enumerate(lines, 2) if len(line) != len(names)), None)
    if uneven is not None:
        raise DataError(f"{path}: line {uneven} has {len(lines[uneven - 2])} values, the first line names "
                        f"{len(names)} columns")
    return Table(path, dict(zip(names, map(list, zip(*lines, strict=True)), strict=True)))


def read_curves(paths: Sequence[Path], settings: PlotSettings) -> list[Curve]:
    """One curve per table and column. Raises: DataError and UsageError, the faults of all tables together."""
    found: list[Curve] = []
    faults: list[str] = []
    for run, path in enumerate(paths):
        try:
            table = read_table(path)
            x = table.read(settings.x)
        except DataError as fault:
            faults.append(str(fault))
            continue
        for column, style in zip(settings.columns, _STYLES * len(settings.columns), strict=False):
            try:
                found.append(Curve(_name(path, column, len(paths), settings), x, table.read(column), run, style))
            except DataError as fault:
                faults.append(str(fault))
    if faults:
        raise all_faults(DataError, "nothing is drawn", faults)
    if not settings.labels:
        return found
    if len(settings.labels) != len(found):
        raise UsageError(f"{len(settings.labels)} labels for {len(found)} curves; give one for each of "
                         f"{', '.join(curve.label for curve in found)}, in this order")
    return [Curve(label, curve.x, curve.y, curve.run, curve.style)
            for label, curve in zip(settings.labels, found, strict=True)]


def draw_plot(curves: Sequence[Curve], settings: PlotSettings, place: Path) -> list[Path]:
    """Draw the curves to `place` with each extension; returns the files.

    Raises: UsageError without matplotlib, or for a label that cannot be set; DataError if a file cannot be written.
    """
    if find_pyplot() is None:
        raise UsageError("plot draws with matplotlib, which is not installed: pip install matplotlib")
    uses_tex = settings.tex and _finds_tex()
    try:
        return _write(curves, settings, place, uses_tex)
    except RuntimeError as fault:  # LaTeX gave up
        if not uses_tex:
            raise
        log.warn(f"LaTeX cannot set the labels, matplotlib's mathtext does: {str(fault).strip().splitlines()[0]}")
        return _write(curves, settings, place, uses_tex=False)


def _write(curves: Sequence[Curve], settings: PlotSettings, place: Path, uses_tex: bool) -> list[Path]:
    import matplotlib
    from matplotlib import pyplot

    with matplotlib.rc_context({"text.usetex": uses_tex}):
        figure, axes = pyplot.subplots(figsize=(settings.width, settings.height), layout="constrained")
        try:
            _fill(axes, curves, settings)
            written = []
            for extension in settings.extensions:
                path = place.with_name(f"{place.name}.{extension}")
                write_atomically(path, encode_figure(figure, extension, settings.dpi))
                written.append(path)
        except ValueError as fault:  # of mathtext, which quotes the label and points at the place
            raise UsageError(f"a label cannot be set: {' '.join(str(fault).split())}") from None
        finally:
            pyplot.close(figure)
    return written


def _fill(axes: Any, curves: Sequence[Curve], settings: PlotSettings) -> None:
    for curve in curves:
        axes.plot(curve.x, curve.y, curve.style, marker=".", label=curve.label, color=f"C{curve.run}")
    axes.set(xlabel=settings.x if settings.x_axis_title is None else settings.x_axis_title,
             ylabel=settings.y_axis_title, title=settings.plot_title)
    if settings.log_y:
        axes.set_yscale("log")
    if settings.grid:
        axes.grid(True, color="0.9")
    axes.legend(frameon=False)


def _name(path: Path, column: str, tables: int, settings: PlotSettings) -> str:
    """By column, by run, or by both, whichever tells curves apart."""
    run = path.parent.name if path.name == "metrics.csv" else path.stem
    names = [run] * (tables > 1) + [column] * (tables == 1 or len(settings.columns) > 1)
    return " ".join(names).replace("_", " ")  # an underscore begins an index in TeX


def _finds_tex() -> bool:
    missing = [program for program in _NEEDED_FOR_TEX if shutil.which(program) is None]
    if missing:
        log.note(f"no {' and no '.join(missing)} here: labels are set by matplotlib's own mathtext")
    return not missing
