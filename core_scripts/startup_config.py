"""What is set once before anything else: seeds, deterministic switches, device, threads."""
import os
import random
from argparse import Namespace

import numpy as np
import torch

from core_scripts import log
from core_scripts.config_parse.run_options import option_value
from core_scripts.errors import UsageError


def set_random_seed(random_seed: int, args: Namespace | None = None) -> None:
    """Seed torch (all devices), numpy and Python; with CUDA also set cuDNN's two switches from `args`.

    --deterministic lets torch refuse whatever may come out otherwise the next time; cuBLAS needs its variable for that
    before it is first used.
    """
    torch.manual_seed(random_seed)
    random.seed(random_seed)
    np.random.seed(random_seed % 2**32)
    os.environ["PYTHONHASHSEED"] = str(random_seed % 2**32)  # for processes that are started from here
    if option_value(args, "deterministic"):
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(random_seed)
        torch.backends.cudnn.deterministic = option_value(args, "cudnn_deterministic_toggle")
        torch.backends.cudnn.benchmark = option_value(args, "cudnn_benchmark_toggle")


def choose_device(args: Namespace | None = None) -> torch.device:
    """The device of --device and --no-cuda; "auto" takes CUDA where there is one. Says in one line what is used.

    Raises: UsageError if CUDA is asked for and not there.
    """
    set_num_threads(option_value(args, "num_threads"))
    asked = option_value(args, "device")
    no_cuda = option_value(args, "no_cuda")
    if no_cuda and asked.startswith("cuda"):
        raise UsageError(f"--device {asked} and --no-cuda contradict each other: give one of them")
    if asked == "auto":
        asked = "cuda" if torch.cuda.is_available() and not no_cuda else "cpu"
    device = torch.device(asked)
    if device.type == "cuda":
        _require_cuda(device)
        log.note(f"Device: {device} ({torch.cuda.get_device_name(device)})")
    else:
        log.note(f"Device: cpu ({torch.get_num_threads()} threads)")
    return device


def set_num_threads(count: int) -> None:
    """CPU threads inside one operation; 0 leaves what torch chose."""
    if count > 0:
        torch.set_num_threads(count)


def _require_cuda(device: torch.device) -> None:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if (device.index or 0) >= count:
        built = torch.version.cuda or "no CUDA"
        raise UsageError(f"--device {device}: {count} CUDA devices found, torch is built for {built}; use --device cpu")
