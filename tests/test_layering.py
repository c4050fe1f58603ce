"""The shape of the house: who may import whom, how large files get, and that the flow chart's page tells the truth."""
import ast
import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

from core_scripts.analysis.flow_chart import read_boxes

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(path for top in ("core_scripts", "sandbox") for path in (ROOT / top).rglob("*.py"))

# A module may import from its own level and from those before it.
LEVELS = [
    {"errors", "log", "constants", "streams", "permutation", "progress", "fault", "files", "option"},
    {"geometry"},
    {"features", "config_parse", "other_tools", "verbs"},
    {"startup_config", "data_io", "op_manager", "checkpoint", "generation"},
    {"nn_manager", "run_folder"},
    {"evaluation", "analysis", "report", "corpus"},
    {"flow"},
    {"tasks"},
    {"entry", "wavenetlike"},  # the second drives a recipe as the first does, from a program and not a command line
]
TORCH_FREE = ["core_scripts/geometry", "core_scripts/config_parse", "core_scripts/features/config_mel.py",
              "core_scripts/corpus/ar2.py",
              "core_scripts/features/config_mfcc.py", "sandbox/config_wavenet.py", "sandbox/config_autoencoder.py",
              "sandbox/config_bottleneck.py", "core_scripts/entry.py", "core_scripts/errors.py", "core_scripts/log.py"]
FIVE_PACKAGES = ["config_parse", "startup_config.py", "data_io", "op_manager", "nn_manager"]
CORE_LINES = 4000  # of code: blank lines, comments and docstrings are not counted
REQUIRED = {"torch", "numpy", "scipy", "soundfile", "yaml"}
OPTIONAL = {"tqdm", "matplotlib", "soxr"}


def imports_of(path: Path) -> list[tuple[str, bool]]:
    """(dotted name, whether it is imported at the top of the file)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = []
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        found += [(name, node in tree.body) for name in names]
    return found


def level_of(name: str) -> int:
    return next(number for number, members in enumerate(LEVELS) if name in members)


@pytest.mark.parametrize("path", [path for path in SOURCES if path.parts[-2] != "sandbox"], ids=str)
def test_core_imports_go_downwards_only(path):
    relative = path.relative_to(ROOT / "core_scripts")
    if relative.name == "__init__.py" and len(relative.parts) == 1:
        return
    own = level_of(relative.parts[0].removesuffix(".py"))
    for name, _ in imports_of(path):
        parts = name.split(".")
        if parts[0] == "core_scripts" and len(parts) > 1 and parts[1] in set().union(*LEVELS):
            assert level_of(parts[1]) <= own, f"{relative} imports {name} from above"
        assert parts[0] not in ("project", "sandbox"), f"{relative} imports {name}"


@pytest.mark.parametrize("path", sorted((ROOT / "sandbox").glob("*.py")), ids=lambda path: path.name)
def test_sandbox_imports_no_manager(path):
    allowed = {"errors", "log", "constants", "streams", "geometry", "features"}
    for name, _ in imports_of(path):
        parts = name.split(".")
        if parts[0] == "core_scripts":
            assert parts[1] in allowed, f"{path.name} imports {name}"


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_only_the_five_libraries_are_imported_at_the_top(path):
    known = REQUIRED | {"core_scripts", "sandbox", "__future__"} | set(sys.stdlib_module_names)
    for name, at_top in imports_of(path):
        first = name.split(".")[0]
        assert first in known or (first in OPTIONAL and not at_top), f"{path.name} imports {name}"


@pytest.mark.parametrize("place", TORCH_FREE)
def test_configuration_and_geometry_never_import_torch(place):
    paths = sorted((ROOT / place).glob("*.py")) if (ROOT / place).is_dir() else [ROOT / place]
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths if path.name != "__init__.py"]
    code = f"import importlib, sys; [importlib.import_module(m) for m in {modules!r}]; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_files_and_functions_keep_their_size(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 300, f"{path} has {text.count(chr(10))} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            documented = ast.get_docstring(node) or ""
            lines = node.end_lineno - node.lineno + 1 - documented.count("\n")
            assert lines <= 60, f"{path.name}:{node.lineno} {node.name} has {lines} lines"


def code_lines(path: Path) -> int:
    """Lines that hold code: neither blank, nor comments, nor docstrings."""
    text = path.read_text(encoding="utf-8")
    documented: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            documented |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    held: set[int] = set()
    silent = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in silent:
            held |= set(range(token.start[0], token.end[0] + 1))
    return len(held - documented)


def test_the_five_packages_stay_within_their_budget():
    lines = 0
    for place in (ROOT / "core_scripts" / name for name in FIVE_PACKAGES):
        lines += sum(code_lines(path) for path in (place.glob("*.py") if place.is_dir() else [place]))
    assert lines <= CORE_LINES


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_nobody_but_the_entry_ends_the_process_or_prints(path):
    text = path.read_text(encoding="utf-8")
    if path.name not in ("entry.py",):
        assert "sys.exit(" not in text, path
    if path.name not in ("log.py", "errors.py", "display.py"):
        assert not re.search(r"(?<![\w.])print\(", text), path


@pytest.mark.parametrize("box", read_boxes(), ids=lambda box: box.title)
def test_every_box_of_the_flow_chart_is_where_the_page_says(box):
    tree = ast.parse((ROOT / box.file).read_text(encoding="utf-8"))
    for part in box.function.split("."):
        found = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == part]
        assert found, f"{box.file} has no {box.function}"
        tree = found[0]


def test_the_flow_chart_has_its_boxes():
    assert len(read_boxes()) >= 30
