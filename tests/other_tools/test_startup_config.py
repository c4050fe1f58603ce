"""Seeds, device, threads."""
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
