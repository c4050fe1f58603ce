"""Settings from a file or from `key=value` words, fitted into records without changing their types."""
import dataclasses
import re
import typing
from collections.abc import Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any

import yaml

from core_scripts.errors import ConfigError, RecitalError, did_you_mean, near_files

MAX_BYTES = 1_000_000
COMMAND_LINE = "command line"
_SERVES_AS = {float: int, tuple: list, Path: str}  # what a value may be given as


@dataclasses.dataclass(frozen=True)
class Edit:
    """A new value and where it comes from; one from the command line is a text, still to be given a type."""

    value: Any
    origin: str

    def fit(self, hint: Any) -> Any:
        """The value in the type `hint`. Raises: ConfigError."""
        return fit(parse(self.value, hint) if self.origin == COMMAND_LINE else self.value, hint)


Edits = dict[str, Edit]  # by dotted key


def edits_of_words(pairs: Sequence[tuple[str, str]]) -> Edits:
    """Those of the command line."""
    return {_key(key): Edit(text, COMMAND_LINE) for key, text in pairs}


def edits_of_file(path: Path) -> Edits:
    """Those of a YAML file (JSON is YAML); nested maps are parts of records. Raises: ConfigError."""
    try:
        size = path.stat().st_size
        tree = load_yaml(path.read_text(encoding="utf-8-sig")) if size <= MAX_BYTES else None
    except FileNotFoundError:
        raise ConfigError(f"config file {path} not found{near_files(path)}") from None
    except (ConfigError, ValueError, OSError) as error:
        raise ConfigError(f"config file {path} cannot be read: {error}") from None
    if size > MAX_BYTES:
        raise ConfigError(f"config file {path} has {size} bytes, more than {MAX_BYTES}")
    if not isinstance(tree, dict | None):
        raise ConfigError(f"config file {path} holds a {type(tree).__name__}, not a map of keys and values")
    return {_key(key): Edit(value, str(path)) for key, value in _flatten(tree or {})}


def put_over(below: Edits, above: Edits) -> Edits:
    """Both, where those above count; a whole record there also replaces the parts of it below."""
    return {key: edit for key, edit in below.items() if not any(key.startswith(f"{new}.") for new in above)} | above


def amend(name: str, value: Any, edits: Edits, presets: dict, faults: list[str], hint: Any = None) -> Any:
    """`value` with the edits of it and of its parts, which are taken out of `edits`; each record is rebuilt once.

    What does not fit is added to `faults`.
    """
    known = len(faults)
    if edit := edits.pop(name, None):
        try:
            value = _choose(name, value, edit, presets, hint)
        except ConfigError as error:
            faults.append(f"{name}: {error} [{edit.origin}]")
    hints, changes = _hints(value), {}
    for part, old in children(value).items():
        new = amend(f"{name}.{part}", old, edits, presets, faults, hints.get(part))
        if new is not old:
            changes[part] = new
    if not changes or len(faults) > known:
        return value
    try:
        return value | changes if isinstance(value, dict) else dataclasses.replace(value, **changes)
    except (RecitalError, ValueError, TypeError) as error:
        faults.append(f"{name}: {error}")
        return value


def children(value: Any) -> dict[str, Any]:
    """What dotted keys can reach below `value`: fields of a record, entries of a dict; nothing below other values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
    return value if isinstance(value, dict) and all(isinstance(key, str) for key in value) else {}


def parse(text: str, hint: Any) -> Any:
    """A word of the command line as YAML reads it; as it is where text or a path is expected. Raises: ConfigError."""
    kinds = [typing.get_origin(option) or option for option in _options(hint)]
    if str in kinds or Path in kinds:
        return None if text == "None" and NoneType in kinds else text
    if (tuple in kinds or list in kinds) and not text.startswith(("[", "None")):
        text = f"[{text.removeprefix('(').removesuffix(')')}]"  # brackets are a nuisance in a shell
    return load_yaml(text)


def fit(value: Any, hint: Any) -> Any:
    """`value` if it is of the type `hint`; an int may serve as float, a list as tuple. Raises: ConfigError."""
    if type(value) is str and value == "None" and (hint is Any or NoneType in _options(hint)):
        return None
    for option in _options(hint):
        kind, items = typing.get_origin(option) or option, {*typing.get_args(option)} - {Ellipsis}
        if kind is Any or not isinstance(kind, type):
            return value  # a Literal is checked by its record
        if type(value) is _SERVES_AS.get(kind):
            value = kind(value)
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            is_list = kind in (list, tuple) and len(items) == 1
            return kind(fit(item, *items) for item in value) if is_list else value
    raise ConfigError(f"expects {_name(hint)}, got {_name(type(value))} {value!r}")


def _key(text: str) -> str:
    """A dotted key; a flag's name may have its dashes, and `net.preset` stands for `net` beside parts of it."""
    first, dot, rest = text.removesuffix(".preset").partition(".")
    return first.replace("-", "_") + dot + rest


def _flatten(tree: dict, above: str = "") -> list[tuple[str, Any]]:
    flat = []
    for key, value in tree.items():
        flat += _flatten(value, f"{above}{key}.") if isinstance(value, dict) else [(above + key, value)]
    return flat


def _choose(name: str, present: Any, edit: Edit, presets: dict, hint: Any) -> Any:
    """The new whole value: one of the presets, or the edit's value in the type of the present one."""
    if name in presets and isinstance(edit.value, str):
        if edit.value not in presets[name]:
            near = did_you_mean(edit.value, presets[name])
            raise ConfigError(f"no preset {edit.value!r}; there are {', '.join(presets[name])}{near}")
        return presets[name][edit.value]
    if parts := children(present):
        raise ConfigError(f"is a {type(present).__name__}; set its parts, e.g. {name}.{next(iter(parts))}=...")
    return edit.fit(_hint_of(present) if hint is None else hint)


def _hints(value: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(type(value)) if dataclasses.is_dataclass(value) else {}
    except (NameError, TypeError):  # annotations that name what cannot be imported here
        return {}


def _hint_of(present: Any) -> Any:
    """What may replace a value whose type is not declared: a value of the same type, or None, except for text."""
    if present is None or isinstance(present, str):
        return Any if present is None else str
    kind = _kind(present)
    items = set(map(_kind, present)) if kind in (list, tuple) else ()
    return (kind[*items] if len(items) == 1 else kind) | None


def _kind(value: Any) -> type:
    return Path if isinstance(value, Path) else type(value)


def _options(hint: Any) -> tuple:
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, UnionType) else (hint,)


def _name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint)


def load_yaml(text: str) -> Any:
    """Maps with words as keys, lists, words and numbers. Raises: ConfigError with the line."""
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 (a SafeLoader)
    except RecursionError:
        raise ConfigError("nested too deeply") from None
    except yaml.MarkedYAMLError as error:
        raise ConfigError(f"line {error.problem_mark.line + 1}: {error.problem}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(str(error)) from None


class _StrictLoader(yaml.SafeLoader):
    """YAML without its traps: no aliases, tags or duplicate keys, 1e-4 is a number, 010 and 12:30 are words."""

    yaml_implicit_resolvers: typing.ClassVar[dict] = {}

    def compose_node(self, parent, index):
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or event.anchor or event.tag:
            raise yaml.MarkedYAMLError(None, None, "anchors, aliases and tags are not allowed", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node, deep=False):
        names = set()
        for key, _ in node.value:
            is_name = key.tag == "tag:yaml.org,2002:str"
            if not is_name or key.value in names:
                fault = "is given twice" if is_name else "is not a name"
                raise yaml.MarkedYAMLError(None, None, f"the key {key.value!r} {fault}", key.start_mark)
            names.add(key.value)
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("null", r"(?:~|null|)$", ["~", "n", ""]),
    ("bool", r"(?:true|True|false|False|yes|no)$", list("tTfFyn")),
    ("int", r"[-+]?(?:0|[1-9][0-9_]*)$", list("-+0123456789")),
    ("float", r"[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?$", list("-+.0123456789")),
):
    _StrictLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)
