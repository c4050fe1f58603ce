"""A recipe's config.py with other values: its text, where the right sides of some assignments are new. No torch."""
import ast
import dataclasses
import os
import pprint
from pathlib import Path
from typing import Any

from core_scripts.errors import ConfigError, DataError, UsageError
from core_scripts.files import temporary_path

_WIDTH = 112
_MOST_NUMBERED = 1000


def rewrite_config(source: str, values: dict[str, Any], about: str, origin: str = "config.py") -> str:
    """The text of a configuration with new values for names that it assigns at its top level, comments kept.

    about: its docstring. Records are written as calls of their class, which is imported. Raises: ConfigError with the
    names that it does not assign.
    """
    tree = ast.parse(source)
    found = {node.targets[0].id: node for node in tree.body
             if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)}
    missing = [name for name in values if name not in found]
    if missing:
        raise ConfigError(f"{origin} assigns no {', '.join(missing)}; such settings can only be given on the command "
                          f"line, or run this in a recipe that has them, such as 01-wavenet-vocoder")
    lines = source.encode("utf-8").splitlines(keepends=True)
    for name in sorted(values, key=lambda name: -found[name].lineno):
        node = found[name]
        behind = lines[node.end_lineno - 1][node.end_col_offset:]
        lines[node.lineno - 1:node.end_lineno] = [f"{name} = {format_value(values[name])}".encode() + behind]
    kinds = {type(value) for value in values.values() if dataclasses.is_dataclass(value)}
    added = [_import(tree, lines, kind) for kind in sorted(kinds, key=str)]
    first = tree.body[0].end_lineno if ast.get_docstring(tree) is not None else 0
    place = max((node.end_lineno for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)), default=first)
    head = '"""' + about.replace("\\", "\\\\").replace('"""', "'''").strip() + '\n"""\n'
    return (head.encode() + b"".join([*lines[first:place], *added, *lines[place:]])).decode("utf-8")


def _import(tree: ast.Module, lines: list[bytes], kind: type) -> bytes:
    """A line that imports the class; nothing if it is imported, or could join a line that imports from its module."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == kind.__module__ and node.lineno == node.end_lineno:
            names = [alias.name for alias in node.names if alias.asname is None]
            if kind.__name__ not in names and len(names) == len(node.names):
                joined = ", ".join(sorted([*names, kind.__name__], key=lambda name: (not name.isupper(), name)))
                lines[node.lineno - 1] = f"from {kind.__module__} import {joined}\n".encode()
            if len(names) == len(node.names):
                return b""
    return f"from {kind.__module__} import {kind.__name__}\n".encode()


def format_value(value: Any) -> str:
    """As Python code: records by what differs from their defaults, long lists over several lines."""
    if dataclasses.is_dataclass(value):
        parts = [f"{field.name}={getattr(value, field.name)!r}" for field in dataclasses.fields(value)
                 if field.init and getattr(value, field.name) != field.default]
        return _wrap(f"{type(value).__name__}(", parts, ")")
    return pprint.pformat(value, width=_WIDTH, compact=True)


def write_new(path: Path, text: str) -> None:
    """The file whole, unless there is one of that name. Raises: UsageError if there is; DataError."""
    temporary = temporary_path(path)
    try:
        temporary.write_text(text, encoding="utf-8")
        try:
            os.link(temporary, path)  # unlike a rename it never replaces
        finally:
            temporary.unlink()
    except FileExistsError:
        raise UsageError(f"{path} is there already and is never overwritten; move it, or name another file") from None
    except OSError as fault:
        raise DataError(f"{path} cannot be written: {fault.strerror}") from None


def free_name(path: Path) -> Path:
    """`path`, or with the first number behind its stem that is not taken."""
    numbered = (path.with_stem(f"{path.stem}_{number}") for number in range(2, _MOST_NUMBERED))
    return path if not path.exists() else next(other for other in numbered if not other.exists())


def _wrap(head: str, parts: list[str], tail: str) -> str:
    lines, line = [], head
    for number, part in enumerate(parts):
        piece = part + ("," if number < len(parts) - 1 else tail)
        if len(line) + len(piece) + 1 > _WIDTH:
            lines, line = [*lines, line.rstrip()], "    "
        line += piece + " "
    return "\n".join([*lines, (line if parts else head + tail).rstrip()])
