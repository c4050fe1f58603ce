"""Fixtures: the tiny corpora, and recipes fresh or trained."""
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from contract_tools import (  # noqa: E402
    FRAMES,
    OTHERS,
    TEST,
    TRAINING,
    VALIDATION,
    Recipe,
    Run,
    copy_recipe,
    write_corpus,
)


@pytest.fixture(autouse=True)
def keep_excepthook(monkeypatch):
    """f_args_parsed installs a hook for uncaught errors, which is not for this process."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)


@pytest.fixture(scope="session")
def contract_data(tmp_path_factory) -> Path:
    """A folder with two corpora and their lists: trn has 6 utterances, val 3, test 3; the second corpus has 3."""
    folder = tmp_path_factory.mktemp("contract") / "data"
    write_corpus(folder, FRAMES, seed=1)
    write_corpus(folder / "second", OTHERS, seed=2)
    lists = {"trn": TRAINING, "val": VALIDATION, "test": TEST, "second": list(OTHERS)}
    for name, members in lists.items():
        (folder / f"{name}.lst").write_text("\n".join(members) + "\n")
    return folder


@pytest.fixture
def corpus(contract_data, tmp_path):
    """A corpus of this test's own, to be damaged at will."""
    shutil.copytree(contract_data, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def plain(tmp_path, contract_data) -> Recipe:
    """The plain recipe, nothing run yet."""
    return copy_recipe("plain", tmp_path, contract_data)


@pytest.fixture(scope="session")
def first_training(tmp_path_factory, contract_data) -> tuple[Recipe, Run]:
    """The plain recipe after two epochs; for reading only."""
    recipe = copy_recipe("plain", tmp_path_factory.mktemp("trained"), contract_data)
    run = recipe.start("--epochs", "2", "--lr", "0.01")
    assert run.code == 0, run.err
    return recipe, run


@pytest.fixture
def trained(first_training, tmp_path) -> Recipe:
    """A copy of the plain recipe after two epochs."""
    return first_training[0].copy(tmp_path)


@pytest.fixture(scope="module")
def gan(tmp_path_factory, contract_data) -> Recipe:
    """The GAN recipe, shared by its module."""
    return copy_recipe("gan", tmp_path_factory.mktemp("gan"), contract_data)
