"""From config.py, a config file and the command line to the settings of a run, all faults told together.

A project's config.py is values: plain ones and frozen records. It may also declare
`presets = {"net": {"small": NetConfig(...), ...}}`, so that `net=small` picks a record by name, a function
`derive(conf) -> dict` of what follows from the resolved settings (values that nobody has to keep in step by hand), and
a function `faults(conf) -> list[str]` that looks at both and names what does not go together.
"""
import configparser
import dataclasses
import sys
import traceback
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import yaml

from core_scripts import log
from core_scripts.config_parse.arg_parse import Command
from core_scripts.config_parse.options import SETTINGS, Option
from core_scripts.config_parse.overrides import Edit, amend, children, edits_of_file, edits_of_words, put_over
from core_scripts.config_parse.run_options import OptimizerOptions
from core_scripts.errors import ConfigError, RecitalError, all_faults, did_you_mean, near_files

_ONLY_TYPED = ("config_file", "module_config", "inference", "epoch2pt", "debug", "json")  # read before config.py is
_RESERVED = ("path", "as_dict")  # attributes of ProjectConfig
_DECLARATIONS = ("presets", "derive", "faults")


class ConfigParse:
    """Reader of ini files (upstream's name)."""

    def __init__(self, config_path: str | Path):
        self._path, self._parser = Path(config_path), configparser.ConfigParser()
        try:
            if not self._parser.read(config_path, encoding="utf-8"):
                raise ConfigError(f"ini file {config_path} not found{near_files(self._path)}")
        except (UnicodeDecodeError, configparser.Error) as error:
            raise ConfigError(f"ini file {config_path} cannot be read: {error}") from None

    def f_retrieve(self, keyword: str, section_name: str | None = None, config_type: str | None = None) -> Any:
        """The value of `keyword` in a section (None: the first one that has it) as 'int', 'float', 'bool' or str."""
        ini = self._parser
        read = {"int": ini.getint, "float": ini.getfloat, "bool": ini.getboolean}.get(config_type, ini.get)
        sections = ini.sections() if section_name is None else [section_name]
        try:
            return next(read(section, keyword) for section in sections if ini.has_option(section, keyword))
        except StopIteration:
            near = did_you_mean(keyword, (key for section in ini.sections() for key in ini[section]))
            raise ConfigError(f"{self._path} [{section_name or '*'}] has no key {keyword}{near}") from None
        except (ValueError, configparser.Error) as error:
            raise ConfigError(f"{keyword} in {self._path}: {error}") from None


class ProjectConfig(SimpleNamespace):
    """The settings of a project, by attribute as in its config module."""

    def __init__(self, path: Path, values: dict[str, Any]):
        super().__init__(**values)
        self._path = path

    @property
    def path(self) -> Path:
        """The config.py that this came from."""
        return self._path

    def as_dict(self) -> dict[str, Any]:
        """Every public name with its value as it is: records, functions and all."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}


@dataclasses.dataclass(frozen=True)
class Resolved:
    """The settings of a run: those of config.py, and the options."""

    config: ProjectConfig
    args: Namespace
    recipe: ProjectConfig  # config.py as it is in the file

    def as_plain(self) -> dict[str, Any]:
        """All that can be set as plain values; written as YAML, they can be given as --config-file."""
        options = {dest: getattr(self.args, dest) for dest, option in SETTINGS.items()
                   if dest not in _ONLY_TYPED and not option.unused}
        return _plain(options | self._own_settings())

    def as_yaml(self) -> str:
        """`as_plain` as text."""
        return yaml.safe_dump(self.as_plain(), sort_keys=False, allow_unicode=True, width=120)

    def differences(self) -> list[tuple[str, Any, Any]]:
        """(dotted key, before, after) of options that differ from their defaults, and of changed settings."""
        defaults = {dest: option.default for dest, option in SETTINGS.items() if dest not in vars(self.config)}
        before = defaults | _reachable(_settings(vars(self.recipe)))
        after = {dest: getattr(self.args, dest) for dest in defaults} | _reachable(self._own_settings())
        pairs = [(key, before.get(key), after.get(key)) for key in {**before, **after}]
        return [(key, old, new) for key, old, new in pairs if old is not new and old != new and not children(new)]

    def _own_settings(self) -> dict[str, Any]:
        """Settings without what is only derived from them, which cannot be given."""
        return {name: value for name, value in _settings(vars(self.config)).items() if name in vars(self.recipe)}


def load_config(module_name: str, project_dir: Path) -> ProjectConfig:
    """Run the config module of that name in `project_dir`, which joins sys.path. Raises: ConfigError with file:line."""
    path = (Path(project_dir) / module_name.replace(".", "/")).with_suffix(".py").resolve()
    if not path.is_file():
        raise ConfigError(f"--module-config {module_name}: {path} not found{near_files(path)}")
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    module = ModuleType(module_name)
    module.__file__ = str(path)
    sys.modules[module_name] = module  # the recipe's model.py may import its config by name
    _run_users_code(path, lambda: exec(compile(path.read_bytes(), str(path), "exec"), vars(module)))
    values = {name: value for name, value in vars(module).items() if not name.startswith("__")}
    if clash := set(_RESERVED) & set(values):
        raise ConfigError(f"{path}: {', '.join(sorted(clash))} cannot be used as a name of a setting")
    return ProjectConfig(path, values)


def resolve(command: Command, project_dir: Path) -> Resolved:
    """Defaults < config.py < --config-file < key=value < typed flags, checked together. Raises: ConfigError."""
    faults: list[str] = []
    recipe = _collect(faults, load_config, command.args.module_config, project_dir)
    file = command.args.config_file
    edits = put_over(file and _collect(faults, edits_of_file, Path(file)) or {}, edits_of_words(command.overrides))
    if recipe is None:
        raise all_faults(ConfigError, "configuration", faults)
    values, settings = dict(vars(recipe)), _settings(vars(recipe))
    edits = {name: Edit(settings[name], "config.py") for name in settings if name in SETTINGS} | edits
    args = Namespace(**vars(command.args))
    for dest in [key for key in edits if key in SETTINGS]:
        value = _collect(faults, _fit_option, SETTINGS[dest], edits.pop(dest))
        if value is not None and dest not in command.given:
            setattr(args, dest, value)
    for name, value in settings.items():
        values[name] = getattr(args, name) if name in SETTINGS else amend(
            name, value, edits, values.get("presets", {}), faults)
    known = {*_reachable(settings), *SETTINGS}
    faults += [f"{key}: unknown key{did_you_mean(key, known)} [{edit.origin}]" for key, edit in edits.items()]
    _collect(faults, OptimizerOptions.from_args, args)
    config = ProjectConfig(recipe.path, values)
    if isinstance(values.get("derive"), FunctionType):
        derived = None if faults else _collect(faults, _run_users_code, recipe.path, values["derive"], config)
        config = None if derived is None else ProjectConfig(recipe.path, values | derived)
    if config is not None and isinstance(values.get("faults"), FunctionType):
        faults += _collect(faults, _run_users_code, recipe.path, values["faults"], config) or []
    if faults:
        raise all_faults(ConfigError, f"configuration {recipe.path}", faults)
    resolved = Resolved(config, args, recipe)
    args.config_text = resolved.as_yaml()  # for the checkpoints
    return resolved


def _fit_option(option: Option, edit: Edit) -> Any:
    if option.dest in _ONLY_TYPED:
        raise ConfigError(f"{option.dest} can only be given as --{option.name} [{edit.origin}]")
    if option.unused:
        log.warn(f"{option.dest} is accepted and does nothing here")
    try:
        return option.check(edit.fit(option.kind))
    except (ConfigError, ArgumentTypeError) as error:
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
        lines = lines or [error.lineno if isinstance(error, SyntaxError) else 1]
        kind = "" if isinstance(error, RecitalError) else f"{type(error).__name__}: "
        raise ConfigError(f"{path}:{lines[-1]}: {kind}{error}") from error


def _settings(values: dict[str, Any]) -> dict[str, Any]:
    """What can be set from outside: no private names, CONSTANTS or declarations, no modules, functions or classes."""
    return {name: value for name, value in values.items()
            if not name.startswith("_") and not name.isupper() and name not in _DECLARATIONS
            and not isinstance(value, ModuleType | type) and (dataclasses.is_dataclass(value) or not callable(value))}


def _reachable(values: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Settings and their parts by dotted key."""
    found = {}
    for name, value in values.items():
        found |= {above + name: value} | _reachable(children(value), f"{above}{name}.")
    return found


def _plain(value: Any) -> Any:
    """Maps, lists, numbers, words; Ellipsis for what cannot be written so, which maps leave out."""
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
