"""The tiny corpus, once."""
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from training_tools import Bench, write_streams  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Products this small are slower on two threads than on one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def streams(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("streams") / "data"
    write_streams(folder)
    return folder


@pytest.fixture
def bench(streams, tmp_path) -> Bench:
    """A place for runs of this test alone."""
    return Bench(streams, tmp_path)
