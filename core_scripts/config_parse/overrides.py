"""Settings from a file or from `key=value` words, fitted into records without changing their types."""
import dataclasses
import json
import math
import re
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any

import yaml

from core_scripts.config_parse.suggest import did_you_mean, near_files
from core_scripts.errors import ConfigError, RecitalError

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True)
class Edit:
    """One value for one key; `path` is what remains of the dotted key below the value being edited."""

    path: tuple[str, ...]
    value: Any
    is_text: bool  # a word of the command line, still to be given a type
    origin: str

    @property
    def depth(self) -> int:
        return len(self.path) - (self.path[-1:] == ("preset",))


def edits_of_words(pairs: Sequence[tuple[str, str]]) -> list[Edit]:
    """Command line overrides; whole records (presets) before their parts."""
    edits = [Edit(_path(key), text, True, "command line") for key, text in pairs]
    return sorted(edits, key=lambda edit: edit.depth)


def edits_of_file(path: Path) -> list[Edit]:
    """A YAML or JSON file of settings; nested maps are parts of records. Raises: ConfigError."""
    return sorted(_flatten(_read_file(path), (), str(path)), key=lambda edit: edit.depth)


def _flatten(tree: dict, above: tuple[str, ...], origin: str) -> list[Edit]:
    edits = []
    for key, value in tree.items():
        if not isinstance(key, str):
            raise ConfigError(f"{origin}: the key {key!r} is not a name")
        path = (*above, *key.split(".")) if above else _path(key)
        edits += _flatten(value, path, origin) if isinstance(value, dict) else [Edit(path, value, False, origin)]
    return edits


def _path(key: str) -> tuple[str, ...]:
    """Parts of a dotted key; a flag's name may be written with its dashes."""
    first, *below = key.split(".")
    return (first.replace("-", "_"), *below)


def amend(name: str, value: Any, edits: Sequence[Edit], presets: dict, faults: list[str], hint: Any = None) -> Any:
    """`value` with `edits` applied in order, each record rebuilt once; what does not fit is added to `faults`."""
    parts: dict[str, list[Edit]] = {}
    known = len(faults)
    for edit in edits:
        if edit.path and not (edit.path == ("preset",) and name in presets):
            parts.setdefault(edit.path[0], []).append(dataclasses.replace(edit, path=edit.path[1:]))
            continue
        parts = {}  # a later whole value replaces earlier parts
        try:
            value = _choose(name, value, edit, presets, hint)
        except ConfigError as error:
            faults.append(f"{name}: {error} [{edit.origin}]")
    if not parts:
        return value
    present = children(value)
    hints = _hints(value)
    changes = {}
    for part, below in parts.items():
        if part in present:
            changes[part] = amend(f"{name}.{part}", present[part], below, presets, faults, hints.get(part))
        else:
            faults.append(f"{name}.{part}: unknown key{did_you_mean(part, present)} [{below[0].origin}]")
    if len(faults) > known:
        return value
    try:
        return {**value, **changes} if isinstance(value, dict) else dataclasses.replace(value, **changes)
    except (RecitalError, ValueError, TypeError) as error:
        faults.append(f"{name}: {error}")
        return value


def children(value: Any) -> dict[str, Any]:
    """What dotted keys can reach below `value`: fields of a record, entries of a dict; nothing below other values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return value
    return {}


def fit(value: Any, kinds: tuple[type, ...], present: Any = None) -> Any:
    """`value` as one of `kinds` (none: anything); an int may serve as float, a list as tuple. Raises: ConfigError."""
    if value == "None" and (NoneType in kinds or not kinds):
        return None
    for kind in kinds:
        if type(value) is kind or (isinstance(value, kind) and not isinstance(value, bool)):
            return _fit_items(value, present)
    for kind, source in ((float, int), (tuple, list), (Path, str)):
        if type(value) is source and any(issubclass(known, kind) for known in kinds):
            return fit(kind(value), (kind,), present)
    if kinds:
        expected = " or ".join(_kind_name(kind) for kind in kinds)
        raise ConfigError(f"expects {expected}, got {_kind_name(type(value))} {value!r}")
    return value


def parse(text: str, kinds: tuple[type, ...]) -> Any:
    """A word of the command line as one of `kinds`, or as YAML reads it where nothing is known. Raises: ConfigError."""
    if NoneType in kinds and text in ("None", "null"):
        return None
    if bool in kinds and text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    for kind in (int, float):
        try:
            if kind in kinds and not math.isnan(number := kind(text)):
                return number
        except ValueError:
            continue
    if tuple in kinds or list in kinds:
        return _load_yaml(text if text.startswith("[") else f"[{text.removeprefix('(').removesuffix(')')}]")
    if str in kinds or any(issubclass(kind, Path) for kind in kinds):
        return text
    return text if kinds else _load_yaml(text)


def _choose(name: str, present: Any, edit: Edit, presets: dict, hint: Any) -> Any:
    """The new whole value: one of the presets, or the edit's value in the type of the present one."""
    if name in presets and isinstance(edit.value, str):
        if edit.value not in presets[name]:
            hints = did_you_mean(edit.value, presets[name])
            raise ConfigError(f"no preset {edit.value!r}; there are {', '.join(presets[name])}{hints}")
        return presets[name][edit.value]
    if parts := children(present):
        raise ConfigError(f"is a {type(present).__name__}; set its parts, e.g. {name}.{next(iter(parts))}=...")
    kinds = _kinds(hint, present)
    try:
        return fit(parse(edit.value, kinds) if edit.is_text else edit.value, kinds, present)
    except yaml.YAMLError as error:
        raise ConfigError(f"cannot be read: {edit.value!r} ({_first_line(error)})") from None


def _kinds(hint: Any, present: Any) -> tuple[type, ...]:
    """The types that fit: the declared ones, else that of the present value, and None for all but text."""
    if hint is not None:
        is_union = typing.get_origin(hint) in (typing.Union, UnionType)
        plain = tuple(typing.get_origin(one) or one for one in (typing.get_args(hint) if is_union else (hint,)))
        if all(isinstance(kind, type) and kind is not Any for kind in plain):
            return plain
    if present is None:
        return ()
    return (str,) if isinstance(present, str) else (type(present), NoneType)


def _hints(value: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(type(value)) if dataclasses.is_dataclass(value) else {}
    except (NameError, TypeError):  # annotations that name what cannot be imported here
        return {}


def _fit_items(value: Any, present: Any) -> Any:
    """Items of a list must be of the one type that those of the present list have."""
    if not isinstance(value, list | tuple) or not isinstance(present, list | tuple):
        return value
    kinds = {type(item) for item in present}
    if len(kinds) != 1:
        return value
    return type(value)(fit(item, tuple(kinds), present[0]) for item in value)


def _kind_name(kind: type) -> str:
    return "None" if kind is NoneType else "Path" if issubclass(kind, Path) else kind.__name__


def _first_line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}: " if mark is not None else ""
    return f"{place}{getattr(error, 'problem', None) or error}".splitlines()[0]


def _read_file(path: Path) -> dict:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else f"not found{near_files(path)}"
        raise ConfigError(f"config file {path} {what}")
    if path.stat().st_size > MAX_BYTES:
        raise ConfigError(f"config file {path} has {path.stat().st_size} bytes, more than {MAX_BYTES}")
    try:
        text = path.read_text(encoding="utf-8-sig")
        tree = _load_json(text) if path.suffix == ".json" else _load_yaml(text)
    except (yaml.YAMLError, ValueError, RecursionError, OSError) as error:
        raise ConfigError(f"config file {path} cannot be read: {_first_line(error)}") from None
    if tree is not None and not isinstance(tree, dict):
        raise ConfigError(f"config file {path} holds a {type(tree).__name__}, not a map of keys and values")
    return tree or {}


class _StrictLoader(yaml.SafeLoader):
    """YAML without its traps: no aliases, tags or duplicate keys, 1e-4 is a number, 010 and 12:30 are words."""

    yaml_implicit_resolvers: typing.ClassVar[dict] = {}
    depth = 0

    def compose_node(self, parent, index):
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise yaml.composer.ComposerError(None, None, "anchors and aliases are not allowed", event.start_mark)
        if event.tag is not None:
            raise yaml.composer.ComposerError(None, None, f"the tag {event.tag} is not allowed", event.start_mark)
        if self.depth >= MAX_DEPTH:
            raise yaml.composer.ComposerError(None, None, f"nested deeper than {MAX_DEPTH}", event.start_mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is given twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("null", re.compile(r"(?:~|null|)$"), ["~", "n", ""]),
    ("bool", re.compile(r"(?:true|True|false|False|yes|no)$"), list("tTfFyn")),
    ("int", re.compile(r"[-+]?(?:0|[1-9][0-9_]*)$"), list("-+0123456789")),
    ("float", re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?$"), list("-+.0123456789")),
):
    _StrictLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _pattern, _first)


def _load_yaml(text: str) -> Any:
    return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 (a SafeLoader)


def _load_json(text: str) -> Any:
    def refuse(word: str) -> None:
        raise ValueError(f"{word} is not a number")

    def unique(pairs: list[tuple[str, Any]]) -> dict:
        keys = [key for key, _ in pairs]
        if len(set(keys)) < len(keys):
            raise ValueError(f"{next(key for key in keys if keys.count(key) > 1)!r} is given twice")
        return dict(pairs)

    def finite(word: str) -> float:
        return float(word) if math.isfinite(float(word)) else refuse(word)

    return json.loads(text, parse_constant=refuse, parse_float=finite, object_pairs_hook=unique)
