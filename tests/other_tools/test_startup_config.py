"""Seeds, device, threads."""
import os
import random
from argparse import Namespace

import numpy as np
import pytest
import torch

from core_scripts.errors import UsageError
from core_scripts.startup_config import choose_device, set_num_threads, set_random_seed

needs_no_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is there")


def draw() -> list[float]:
    return [random.random(), float(np.random.rand()), float(torch.rand(()))]


def test_the_same_seed_draws_the_same_numbers_everywhere():
    set_random_seed(3)
    first = draw()
    set_random_seed(3, Namespace())
    assert draw() == first
    set_random_seed(4)
    assert all(one != other for one, other in zip(draw(), first, strict=True))


def test_seeds_beyond_32_bits_and_below_zero_serve():
    set_random_seed(2**40 + 1)
    set_random_seed(-1)


def test_on_demand_operations_that_are_not_deterministic_are_refused_and_else_nothing_is_switched(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")  # so that it is put back afterwards
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    set_random_seed(1, Namespace(deterministic=False))
    assert not torch.are_deterministic_algorithms_enabled() and "CUBLAS_WORKSPACE_CONFIG" not in os.environ
    try:
        set_random_seed(1, Namespace(deterministic=True))
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
        with pytest.raises(RuntimeError, match="does not have a deterministic implementation"):
            torch.nn.functional.max_unpool1d(torch.ones(1, 1, 1), torch.zeros(1, 1, 1, dtype=torch.long), 2)
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("args", [Namespace(no_cuda=True), Namespace(device="cpu"), None])
def test_the_device_is_said_in_one_line(args, capsys):
    device = choose_device(args)
    if args is not None:
        assert device == torch.device("cpu")
    assert capsys.readouterr().err.count("\n") == 1


def test_contradicting_wishes_for_a_device_are_refused():
    with pytest.raises(UsageError, match="--device cuda:0 and --no-cuda contradict"):
        choose_device(Namespace(device="cuda:0", no_cuda=True))


@needs_no_cuda
@pytest.mark.parametrize("name", ["cuda", "cuda:1"])
def test_cuda_where_there_is_none_is_refused(name):
    with pytest.raises(UsageError, match=f"--device {name}: 0 CUDA devices found.*use --device cpu"):
        choose_device(Namespace(device=name))


def test_threads_are_set_or_left():
    before = torch.get_num_threads()
    try:
        set_num_threads(1)
        assert torch.get_num_threads() == 1
        choose_device(Namespace(device="cpu", num_threads=0))
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
