"""A tiny corpus of stored frames, small plain models, and training runs of a fraction of a second."""
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from core_scripts.checkpoint.store import read_checkpoint
from core_scripts.config_parse.data_config import CorpusSpec, DataOptions, LoaderOptions, StreamSpec
from core_scripts.data_io.customize_dataset import NII_MergeDataSetLoader
from core_scripts.nn_manager.model_base import ModelBase
from core_scripts.nn_manager.nn_manager import f_train_wrapper
from core_scripts.op_manager.op_manager import OptimizerWrapper

CPU = torch.device("cpu")
TRAINING = tuple("abcdefg")  # 7 utterances: at batch size 2 the last batch is incomplete
VALIDATION = tuple("xyz")
FRAMES = 12  # of every utterance
BATCH = 2
BATCHES = 4  # per epoch


def write_streams(folder: Path) -> None:
    """NAME.x (12, 2) and NAME.y (12, 1), raw float32."""
    folder.mkdir(parents=True)
    for name in TRAINING + VALIDATION:
        rng = np.random.default_rng(ord(name))
        x = rng.normal(1.0, 2.0, (FRAMES, 2)).astype("<f4")
        (folder / f"{name}.x").write_bytes(x.tobytes())
        (folder / f"{name}.y").write_bytes((np.sin(x[:, :1]) + x[:, 1:]).astype("<f4").tobytes())


def load_data(folder: Path, names: tuple[str, ...], *, targets: bool = True, **loader: Any) -> NII_MergeDataSetLoader:
    """The data set of these utterances, with caches of its own per call only in memory."""
    corpus = CorpusSpec(
        name="".join(names),
        list_source=names,
        inputs=(StreamSpec(directory=folder, ext=".x", dim=2),),
        outputs=(StreamSpec(directory=folder if targets else None, ext=".y", dim=1),),
    )
    options = DataOptions(ignore_cache=True, save_mean_std=False, cache_dir=folder)
    return NII_MergeDataSetLoader.from_specs([corpus], options, LoaderOptions(**{"batch_size": BATCH, **loader}))


class Tiny(ModelBase):
    """Two layers with dropout between them: what it learns depends on every random number it draws."""

    def __init__(self, dropout: float = 0.3) -> None:
        super().__init__(2, 1, None, None)
        self.front = nn.Linear(2, 5)
        self.back = nn.Linear(5, 1)
        self.dropout = dropout

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = torch.tanh(self.front(self.normalize_input(x)))
        return self.back(nn.functional.dropout(hidden, self.dropout, self.training))


class Squares:
    """Mean squared error, in upstream's form."""

    def compute(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return nn.functional.mse_loss(output, target)


def make_args(folder: Path, **options: Any) -> Namespace:
    """The options of a run with its files in `folder`."""
    given = {"save_model_dir": str(folder), "epochs": 3, "lr": 0.05, "verbose": 0, "no_best_epochs": 0,
             "metrics_file": folder / "metrics.csv"}
    return Namespace(**{**given, **options})


@dataclass(frozen=True)
class Bench:
    """Where the tiny corpus is and where runs are written."""

    data: Path
    runs: Path

    def train(self, name: str = "run", make_model: Callable[[], nn.Module] = Tiny, *,
              checkpoint: dict | str | None = None, seed: int = 1, validation: bool = True,
              loader: dict | None = None, loss: Any = None, **options: Any) -> nn.Module:
        """Train a new model, its first weights drawn from `seed`, into runs/NAME and return it."""
        folder = self.runs / name
        folder.mkdir(parents=True, exist_ok=True)
        args = make_args(folder, **options)
        torch.manual_seed(seed)
        model = make_model()
        settings = {"shuffle": True, **(loader or {})}
        train_set = load_data(self.data, TRAINING, **settings)
        val_set = load_data(self.data, VALIDATION, num_workers=settings.get("num_workers", 0)) if validation else None
        if isinstance(checkpoint, str):
            checkpoint = read_checkpoint(self.runs / checkpoint)
        optimizer = OptimizerWrapper(model, args)
        f_train_wrapper(args, model, loss or Squares(), CPU, optimizer, train_set, val_set, checkpoint)
        return model

    def state(self, name: str) -> dict:
        """The content of a checkpoint below the runs."""
        return read_checkpoint(self.runs / name)


def weights(model: nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in model.state_dict().items()}


def is_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Bit by bit."""
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def same_state(one: dict, other: dict) -> bool:
    """Whether two full checkpoints agree in all but the seconds that were needed."""
    moments = [state["optimizer"]["state"] for state in (one, other)]
    return (
        is_same(one["state_dict"], other["state_dict"])
        and is_same(one["averaged"], other["averaged"])
        and moments[0].keys() == moments[1].keys()
        and all(is_same(moments[0][index], moments[1][index]) for index in moments[0])
        and all(_untimed(one[key]) == _untimed(other[key]) for key in ("train_log", "val_log"))
        and all(one[key] == other[key] for key in ("position", "step", "lr_scheduler"))
    )


def _untimed(record: dict) -> dict:
    return {epoch: {key: value for key, value in sums.items() if key != "seconds"}
            for epoch, sums in record["epochs"].items()}


def at_call(number: int, act: Callable[[], None], *, validating: bool = False) -> type[Tiny]:
    """A Tiny that does something in its `number`-th forward pass of training, or of validation."""

    class Acting(Tiny):
        calls = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if self.flag_validation == validating:
                Acting.calls += 1
                if Acting.calls == number:
                    act()
            return super().forward(x)

    return Acting
