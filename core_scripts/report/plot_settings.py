"""How curves are drawn, as a record that a file and the command line fill. No torch."""
import json
import re
import typing
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from core_scripts.config_parse.overrides import MAX_BYTES, fit, load_yaml
from core_scripts.errors import ConfigError, all_faults, did_you_mean, near_files

EXTENSIONS = ("png", "pdf", "jpg", "svg")
_CONTROL = {"\a": "\\a", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\v": "\\v", "\f": "\\f", "\r": "\\r"}


@dataclass(frozen=True, kw_only=True)
class PlotSettings:
    """What to draw, and how it is labelled; texts may hold TeX between dollars. Raises: ConfigError, all faults."""

    plot_name: str = ""  # of the pictures, without extension; empty: plot, beside the first table
    plot_title: str = ""
    x_axis_title: str | None = None  # None: the column's name
    y_axis_title: str = ""
    extensions: tuple[str, ...] = ("png",)
    x: str = "epoch"  # column along the horizontal axis
    columns: tuple[str, ...] = ("train_loss", "val_loss")
    labels: tuple[str, ...] = ()  # one per curve; empty: named by run and column
    log_y: bool = False
    grid: bool = True
    tex: bool = False  # labels by LaTeX, where it is installed, and not by matplotlib's mathtext
    width: float = 7.0  # inches
    height: float = 4.0
    dpi: int = 120  # of png and jpg

    def __post_init__(self) -> None:
        faults = [f"extensions: {one!r} is none of {', '.join(EXTENSIONS)}{did_you_mean(one, EXTENSIONS)}"
                  for one in self.extensions if one not in EXTENSIONS]
        faults += [f"{name} is empty; give one at least" for name in ("extensions", "columns")
                   if not getattr(self, name)]
        faults += [f"{name}={value} must lie in ({low}, {high}]" for name, value, low, high in (
            ("width", self.width, 0, 100), ("height", self.height, 0, 100), ("dpi", self.dpi, 0, 2400))
            if not low < value <= high]
        suffix = Path(self.plot_name).suffix[1:]
        if suffix in EXTENSIONS:
            faults.append(f"plot_name={self.plot_name!r} has an extension; leave it out and set extensions={suffix}")
        if faults:
            raise all_faults(ConfigError, "plot", faults)


def settle(file: Path | None, given: dict[str, Any]) -> PlotSettings:
    """Defaults < file < `given`, by the names of the record's fields. Raises: ConfigError, all faults together."""
    return build(([] if file is None else [(str(file), read_settings(file))]) + [("command line", given)])


def build(sources: Iterable[tuple[str, dict[str, Any]]]) -> PlotSettings:
    """The record from (where it comes from, values by name), later ones over earlier ones. Raises: ConfigError."""
    hints, values, faults = typing.get_type_hints(PlotSettings), {}, []
    for origin, own in sources:
        for key, value in own.items():
            name = key.replace("-", "_")
            if name not in hints:
                faults.append(f"{key}: unknown key{did_you_mean(name, hints)} [{origin}]")
                continue
            try:
                values[name] = _keep_backslashes(fit(_as_list(value, hints[name]), hints[name]))
            except ConfigError as fault:
                faults.append(f"{key}: {fault} [{origin}]")
    if faults:
        raise all_faults(ConfigError, "plot", faults)
    return PlotSettings(**values)


def read_settings(path: Path) -> dict[str, Any]:
    """The keys and values in a JSON or YAML file. Raises: ConfigError with line and column."""
    try:
        size = path.stat().st_size
        text = path.read_text(encoding="utf-8-sig") if size <= MAX_BYTES else ""
    except FileNotFoundError:
        raise ConfigError(f"settings of plot: {path} not found{near_files(path)}") from None
    except (OSError, ValueError) as fault:
        raise ConfigError(f"settings of plot: {path} cannot be read: {fault}") from None
    if size > MAX_BYTES:
        raise ConfigError(f"settings of plot: {path} has {size} bytes, more than {MAX_BYTES}")
    tree = _read_json(text, path) if path.suffix.lower() == ".json" else _read_yaml(text, path)
    if not isinstance(tree, dict):
        raise ConfigError(f"settings of plot: {path} holds a {type(tree).__name__}, not a map of keys and values")
    return tree


def field_names() -> tuple[str, ...]:
    """All keys."""
    return tuple(field.name for field in fields(PlotSettings))


def _read_json(text: str, path: Path) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as fault:
        hint = '; in JSON a backslash is written twice, "$\\\\mu$"' if "escape" in fault.msg else ""
        raise ConfigError(f"settings of plot: {path}, line {fault.lineno}, column {fault.colno}: {fault.msg}{hint}"
                          ) from None
    except RecursionError:
        raise ConfigError(f"settings of plot: {path} is nested too deeply") from None


def _read_yaml(text: str, path: Path) -> Any:
    try:
        return load_yaml(text) or {}
    except ConfigError as fault:
        raise ConfigError(f"settings of plot: {path}, {fault}") from None


def _as_list(value: Any, hint: Any) -> Any:
    """One word serves as a list of one."""
    return [value] if typing.get_origin(hint) is tuple and isinstance(value, str) else value


def _keep_backslashes(value: Any) -> Any:
    """Between dollars a control character was a backslash: JSON makes a tab and "au" of "\\tau"."""
    if isinstance(value, tuple):
        return tuple(map(_keep_backslashes, value))
    if not isinstance(value, str):
        return value
    return re.sub(r"\$[^$]*\$", lambda math: "".join(_CONTROL.get(letter, letter) for letter in math[0]), value)
