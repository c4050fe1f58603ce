"""What runs code or trusts bytes stands in few places, each of them named here with its reason."""
import ast
import pickle
from pathlib import Path

import pytest
import torch

from core_scripts.checkpoint.store import read_checkpoint
from core_scripts.errors import CheckpointError

ROOT = Path(__file__).resolve().parents[1]
TOPS = ("core_scripts", "sandbox", "project", "benchmarks")
SOURCES = sorted(path for top in TOPS for path in (ROOT / top).rglob("*.py") if "exp" not in path.parts)
SCRIPTS = sorted(path for path in ROOT.rglob("*.sh") if ".venv" not in path.parts)
MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "torch.load", "torch.hub.load",
         "torch.jit.load", "yaml.load", "yaml.unsafe_load", "yaml.full_load"}
ALLOWED = {
    ("core_scripts/checkpoint/store.py", "torch.load"),  # the one place that reads checkpoints, with weights_only=True
    ("core_scripts/checkpoint/store.py", "pickle"),  # the name of its error
    ("core_scripts/config_parse/config_parse.py", "exec"),  # config.py, which is the user's own program
    ("core_scripts/config_parse/config_parse.py", "compile"),
    ("core_scripts/config_parse/overrides.py", "yaml.load"),  # with a SafeLoader that also refuses tags
}


def dotted(node: ast.expr) -> str:
    """os.path.join as "os.path.join"; "" for what is no plain name."""
    if isinstance(node, ast.Attribute) and (stem := dotted(node.value)):
        return f"{stem}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def keywords(call: ast.Call) -> dict[str, str]:
    return {word.arg or "**": ast.unparse(word.value) for word in call.keywords}


def dangers(source: str) -> set[str]:
    """What a program does of the above, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            module = node.module if isinstance(node, ast.ImportFrom) else ""
            names = {(module or alias.name).split(".")[0] for alias in node.names}
            found |= names & MODULES
            found |= {f"{module}.{alias.name}" for alias in node.names} & CALLS  # from os import system
        if isinstance(node, ast.Call):
            given = keywords(node)
            found |= {dotted(node.func)} & CALLS
            harmless = {"shell": "False", "allow_pickle": "False", "weights_only": "True"}
            found |= {f"{name}={given[name]}" for name, value in harmless.items() if given.get(name, value) != value}
    return found


def test_nothing_dangerous_stands_in_another_place_and_nothing_is_allowed_in_vain():
    found = {(str(path.relative_to(ROOT)), danger) for path in SOURCES for danger in dangers(path.read_text("utf-8"))}
    assert found == ALLOWED


def test_the_loader_of_checkpoints_says_that_it_takes_weights_only():
    tree = ast.parse((ROOT / "core_scripts/checkpoint/store.py").read_text("utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and dotted(node.func) == "torch.load"]
    assert [keywords(call)["weights_only"] for call in calls] == ["True"]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_evaluate_nothing_that_they_read(path):
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        assert "eval" not in line.split("#")[0].split(), f"{path.name}:{number}"


@pytest.mark.parametrize(("source", "danger"), [
    ("x = eval(text)", "eval"), ("import pickle as p", "pickle"), ("from joblib import load", "joblib"),
    ("np.load(path, allow_pickle=True)", "allow_pickle=True"), ("np.load(p, allow_pickle=flag)", "allow_pickle=flag"),
    ("run(words, shell=True)", "shell=True"), ("torch.load(path, weights_only=False)", "weights_only=False"),
    ("from os import system", "os.system"), ("import os\nos.system('ls')", "os.system"),
    ("yaml.load(text)", "yaml.load"),
])
def test_the_search_itself_finds_what_it_looks_for(source, danger):
    assert danger in dangers(source)
    assert dangers("model.eval()\nnp.load(p, allow_pickle=False)\nre.compile(x)\nself.exec(1)") == set()


class Bomb:
    """Unpickled by a loader that trusts it, makes the canary's file."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return Path.touch, (self.canary,)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("kind", ["zip", "legacy", "bare", "in an attribute"])
def test_a_pickle_that_runs_code_is_refused_and_does_not_run(tmp_path, kind):
    path, canary = tmp_path / "epoch_000.pt", tmp_path / "canary"
    bomb = {"state_dict": {}, "optimizer": Bomb(canary)}
    if kind == "bare":
        path.write_bytes(pickle.dumps(bomb))
    elif kind == "in an attribute":
        weights = torch.nn.Linear(1, 1).state_dict()
        weights.digest = Bomb(canary)
        torch.save(weights, path)
    else:
        torch.save(bomb, path, _use_new_zipfile_serialization=kind == "zip")
    with pytest.raises(CheckpointError, match=r"epoch_000\.pt is damaged or not a checkpoint"):
        read_checkpoint(path)
    assert not canary.exists()
    if kind in ("zip", "bare"):  # it is a bomb
        torch.load(path, weights_only=False) if kind == "zip" else pickle.loads(path.read_bytes())
        assert canary.exists()
