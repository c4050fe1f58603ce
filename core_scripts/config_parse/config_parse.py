"""From config.py, a config file and the command line to the settings of a run, all faults told together.

A project's config.py is values: plain ones and frozen records. It may also declare
`presets = {"net": {"small": NetConfig(...), ...}}`, so that `net=small` picks a record by name, and a function
`faults(conf) -> list[str]` that looks at the resolved settings and names what does not go together.
"""
import configparser
import dataclasses
import sys
import traceback
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import yaml

from core_scripts import log
from core_scripts.config_parse.arg_parse import Command
from core_scripts.config_parse.options import SETTINGS, Option
from core_scripts.config_parse.overrides import Edit, amend, children, edits_of_file, edits_of_words, fit, parse
from core_scripts.config_parse.suggest import did_you_mean, near_files
from core_scripts.errors import ConfigError, RecitalError, UsageError, all_faults

_ONLY_TYPED = ("config_file", "module_config", "inference", "epoch2pt", "debug", "json")  # read before config.py is
_RESERVED = ("path", "as_dict", "as_plain", "differences")  # attributes of ProjectConfig
_DECLARATIONS = ("presets", "faults")


class ConfigParse:
    """Reader of ini files (upstream's name)."""

    def __init__(self, config_path: str | Path):
        self.path = Path(config_path)
        self._parser = configparser.ConfigParser()
        try:
            with self.path.open(encoding="utf-8") as file:
                self._parser.read_file(file)
        except FileNotFoundError:
            raise ConfigError(f"ini file {self.path} not found{near_files(self.path)}") from None
        except (OSError, UnicodeDecodeError, configparser.Error) as error:
            raise ConfigError(f"ini file {self.path} cannot be read: {error}") from None

    def f_retrieve(self, keyword: str, section_name: str | None = None, config_type: str | None = None) -> Any:
        """The value of `keyword` in a section (None: the first one that has it) as 'int', 'float', 'bool' or str."""
        sections = self._parser.sections() if section_name is None else [section_name]
        section = next((name for name in sections if self._parser.has_option(name, keyword)), None)
        if section is None:
            where = f"section [{section_name}] of " if section_name else ""
            known = [key for name in self._parser.sections() for key in self._parser[name]]
            raise ConfigError(f"{where}{self.path} has no key {keyword}{did_you_mean(keyword, known)}")
        getters = {"int": self._parser.getint, "float": self._parser.getfloat, "bool": self._parser.getboolean}
        try:
            return getters.get(config_type, self._parser.get)(section, keyword)
        except ValueError:
            text = self._parser.get(section, keyword)
            raise ConfigError(f"[{section}] {keyword} = {text} in {self.path} is not of type {config_type}") from None


class ProjectConfig(SimpleNamespace):
    """The settings of a project, by attribute as in its config module."""

    def __init__(self, path: Path, values: dict[str, Any], recipe: dict[str, Any] | None = None):
        super().__init__(**values)
        self._path = path
        self._recipe = values if recipe is None else recipe

    @property
    def path(self) -> Path:
        """The config.py that this came from."""
        return self._path

    def as_dict(self) -> dict[str, Any]:
        """Every public name with its value as it is: records, functions and all."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def as_plain(self) -> dict[str, Any]:
        """Everything that can be set, as plain values for a YAML file; what holds code is left out."""
        settings = {name: _plain(value) for name, value in _settings(vars(self)).items()}
        return {name: value for name, value in settings.items() if value is not Ellipsis}

    def differences(self) -> list[tuple[str, Any, Any]]:
        """(dotted key, value in config.py, resolved value) of everything that was changed from outside."""
        before, after = _leaves(_settings(self._recipe)), _leaves(_settings(vars(self)))
        pairs = [(key, before.get(key), after.get(key)) for key in sorted({*before, *after})]
        return [(key, old, new) for key, old, new in pairs if old is not new and old != new]


@dataclasses.dataclass(frozen=True)
class Resolved:
    """The settings of a run: those of config.py, and the options."""

    config: ProjectConfig
    args: Namespace

    def as_plain(self) -> dict[str, Any]:
        """Options and settings as plain values; written as YAML, they can be given as --config-file."""
        options = {dest: getattr(self.args, dest) for dest, option in SETTINGS.items()
                   if dest not in _ONLY_TYPED and not option.unused}
        return {**options, **self.config.as_plain()}

    def as_yaml(self) -> str:
        """`as_plain` as text."""
        return yaml.safe_dump(self.as_plain(), sort_keys=False, allow_unicode=True, width=120)

    def differences(self) -> list[tuple[str, Any, Any]]:
        """As ProjectConfig.differences, and the options that differ from their defaults."""
        options = [(dest, option.default, getattr(self.args, dest)) for dest, option in SETTINGS.items()
                   if dest not in vars(self.config) and getattr(self.args, dest) != option.default]
        return options + self.config.differences()


def load_config(module_name: str, project_dir: Path) -> ProjectConfig:
    """Run the config module of that name in `project_dir`, which joins sys.path. Raises: ConfigError with file:line."""
    path = (Path(project_dir) / module_name.replace(".", "/")).with_suffix(".py").resolve()
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    module = ModuleType(module_name)
    module.__file__ = str(path)
    try:
        code = compile(path.read_bytes(), str(path), "exec")
    except OSError:
        raise ConfigError(f"--module-config {module_name}: {path} not found{near_files(path)}") from None
    except (SyntaxError, ValueError) as error:
        raise ConfigError(f"{path}:{getattr(error, 'lineno', None) or 1}: {getattr(error, 'msg', error)}") from None
    sys.modules[module_name] = module  # the recipe's model.py may import its config by name
    try:
        _run_users_code(path, exec, code, vars(module))
    except ConfigError:
        del sys.modules[module_name]
        raise
    values = {name: value for name, value in vars(module).items() if not name.startswith("__")}
    if clash := set(_RESERVED) & set(values):
        raise ConfigError(f"{path}: {', '.join(sorted(clash))} cannot be used as a name of a setting")
    return ProjectConfig(path, values)


def resolve(command: Command, project_dir: Path) -> Resolved:
    """Defaults < config.py < --config-file < key=value < typed flags, checked together. Raises: ConfigError."""
    faults: list[str] = []
    recipe = _collect(faults, load_config, command.args.module_config, project_dir)
    edits: list[Edit] = []
    if command.args.config_file:
        edits += _collect(faults, edits_of_file, Path(command.args.config_file)) or []
    edits += edits_of_words(command.overrides)
    if recipe is None:
        raise all_faults(ConfigError, "configuration", faults)
    values = dict(vars(recipe))
    chosen, others = _split(edits, values, faults)
    args = Namespace(**{**vars(command.args), **{key: chosen[key] for key in chosen if key not in command.given}})
    for key, changes in others.items():
        values[key] = amend(key, values[key], changes, values.get("presets", {}), faults)
    values |= {name: getattr(args, name) for name in _settings(values) if name in SETTINGS}
    config = ProjectConfig(recipe.path, values, vars(recipe))
    if isinstance(values.get("faults"), FunctionType):
        faults += _collect(faults, _run_users_code, recipe.path, values["faults"], config) or []
    if faults:
        raise all_faults(ConfigError, f"configuration {recipe.path}", faults)
    resolved = Resolved(config, args)
    args.config_text = resolved.as_yaml()  # for the checkpoints
    return resolved


def _split(edits: list[Edit], values: dict, faults: list[str]) -> tuple[dict[str, Any], dict[str, list[Edit]]]:
    """Values for options, from config.py and from edits, and the edits of other settings by their first word."""
    settings = _settings(values)
    chosen: dict[str, Any] = {}
    others: dict[str, list[Edit]] = {}
    for edit in [Edit((name,), settings[name], False, "config.py") for name in settings if name in SETTINGS] + edits:
        first, *below = edit.path
        if first in SETTINGS and not below:
            chosen |= _collect(faults, _fit_option, SETTINGS[first], edit) or {}
        elif first in settings:
            others.setdefault(first, []).append(dataclasses.replace(edit, path=tuple(below)))
        else:
            key = ".".join(edit.path)
            known = {*_leaves(settings), *settings, *SETTINGS}
            faults.append(f"{key}: unknown key{did_you_mean(key, known)} [{edit.origin}]")
    for name in chosen:
        if SETTINGS[name].unused:
            log.warn(f"{name} is accepted and does nothing here")
    return chosen, others


def _fit_option(option: Option, edit: Edit) -> dict[str, Any]:
    if option.dest in _ONLY_TYPED:
        raise ConfigError(f"{option.dest} can only be given as --{option.name} [{edit.origin}]")
    try:
        value = parse(edit.value, (option.kind,)) if edit.is_text else edit.value
        return {option.dest: option.check(fit(value, (option.kind,)))}
    except (ConfigError, UsageError) as error:
        raise ConfigError(f"{option.dest}: {error} [{edit.origin}]") from None


def _collect(faults: list[str], function: Callable, *arguments: Any) -> Any:
    """What the function returns; a user's fault is added to `faults` instead of raised, and gives None."""
    try:
        return function(*arguments)
    except RecitalError as error:
        faults.append(str(error))
        return None


def _run_users_code(path: Path, function: Callable, *arguments: Any) -> Any:
    """Call what stands in the file `path`; whatever it raises becomes a ConfigError with the line in that file."""
    try:
        return function(*arguments)
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        kind = "" if isinstance(error, RecitalError) else f"{type(error).__name__}: "
        raise ConfigError(f"{path}:{lines[-1] if lines else 1}: {kind}{error}") from error


def _settings(values: dict[str, Any]) -> dict[str, Any]:
    """What can be set from outside: no private names, CONSTANTS or declarations, no modules, functions or classes."""
    return {name: value for name, value in values.items()
            if not name.startswith("_") and not name.isupper() and name not in _DECLARATIONS
            and not isinstance(value, ModuleType | type) and not _is_function(value)}


def _is_function(value: Any) -> bool:
    return callable(value) and not dataclasses.is_dataclass(value)


def _leaves(values: dict[str, Any], above: str = "") -> dict[str, Any]:
    leaves = {}
    for name, value in values.items():
        below = children(value)
        leaves |= _leaves(below, f"{above}{name}.") if below else {above + name: value}
    return leaves


def _plain(value: Any) -> Any:
    """Maps, lists, numbers, words; Ellipsis for what cannot be written so."""
    if isinstance(value, bool | int | float | str | None):
        return value
    if isinstance(value, Path):
        return str(value)
    if below := children(value):
        parts = {name: _plain(part) for name, part in below.items()}
        return {name: part for name, part in parts.items() if part is not Ellipsis}
    if isinstance(value, list | tuple):
        items = [_plain(item) for item in value]
        return Ellipsis if Ellipsis in items else items
    return Ellipsis
