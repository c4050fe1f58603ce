"""A desk to work at, fresh or with a trained run."""
import shutil
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from desk import Desk, copy_recipe, write_corpus  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Path:
    """For reading only."""
    return write_corpus(tmp_path_factory.mktemp("entry") / "corpus")


@pytest.fixture
def desk(tmp_path, corpus) -> Desk:
    """Recipe 01, nothing run yet."""
    return Desk(copy_recipe(tmp_path / "project" / "01-wavenet-vocoder"), corpus)


@pytest.fixture
def own_corpus(tmp_path, corpus) -> Path:
    """A corpus that the test may spoil."""
    return Path(shutil.copytree(corpus, tmp_path / "own"))


@pytest.fixture(scope="session")
def first_run(tmp_path_factory, corpus) -> Desk:
    """A run of one epoch; for reading only."""
    desk = Desk(copy_recipe(tmp_path_factory.mktemp("trained") / "01-wavenet-vocoder"), corpus)
    answer = desk.run("train")
    assert answer.code == 0, answer.err
    return desk


@pytest.fixture
def trained(first_run, tmp_path) -> Desk:
    """A copy of the run of one epoch."""
    return Desk(Path(shutil.copytree(first_run.folder, tmp_path / "01-wavenet-vocoder")), first_run.data)
