"""The verb plot: curves of one or several runs."""
from pathlib import Path
from typing import Any

from core_scripts import log
from core_scripts.config_parse.config_parse import Resolved
from core_scripts.errors import DataError, all_faults, near_files
from core_scripts.report.plot import draw_plot, read_curves
from core_scripts.report.plot_settings import PlotSettings, field_names, settle
from core_scripts.run_folder import METRICS_NAME, RunFolder

DEFAULT_NAME = "plot"
LISTS = {"extensions": ",", "columns": ",", "labels": ";"}  # what stands between their entries on the command line


def plot(resolved: Resolved, folder: RunFolder) -> None:
    """Draw the tables that the command line names as its settings say, and tell the files; nothing else is touched."""
    args = resolved.args
    settings = settle(Path(args.plot_settings) if args.plot_settings else None, given_settings(args))
    runs = [*args.words, *args.exps] or [args.exp]
    tables = find_tables(runs, resolved.config.path.parent)
    place = Path(settings.plot_name) if settings.plot_name else tables[0].parent / DEFAULT_NAME
    for path in draw_plot(read_curves(tables, settings), settings, place):
        log.say(f"drawn: {path}")


def given_settings(args: Any) -> dict[str, Any]:
    """What the command line sets, by the names of `PlotSettings`; the rest is left to the file."""
    found = {}
    for name in field_names():
        if f"plot_{name}" in args.given:
            value = getattr(args, f"plot_{name}")
            found[name] = [part.strip() for part in value.split(LISTS[name])] if name in LISTS else value
    return {name: value == "yes" if isinstance(getattr(PlotSettings, name), bool) else value
            for name, value in found.items()}


def find_tables(words: list[str], project: Path) -> list[Path]:
    """The file behind each word: itself, or the metrics of the folder or run of this name. Raises: DataError."""
    found, faults = [], []
    for word in words:
        choices = [Path(word), Path(word) / METRICS_NAME, project / "exp" / word / METRICS_NAME]
        table = next((path for path in choices if path.is_file()), None)
        if table is not None:
            found.append(table)
        elif choices[2].parent.is_dir() or choices[0].is_dir():
            faults.append(f"{word}: no {METRICS_NAME} in it yet; a run writes it at the end of its first epoch")
        else:
            near = near_files(choices[2].parent) or near_files(choices[0])
            faults.append(f"{word}: no such file, and no run {choices[2].parent}{near}")
    if faults:
        raise all_faults(DataError, "nothing is drawn", faults)
    return found
