"""What safety costs: seconds per checkpoint, from restart to the first step, per step, and whether anything grows."""
import itertools
import os
import resource
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from benchmarks.measuring import describe, make_parser, tell_results, time_rounds  # noqa: E402
from benchmarks.training import make_crop  # noqa: E402
from core_scripts.checkpoint.saver import Saver  # noqa: E402
from core_scripts.checkpoint.store import read_checkpoint, write_checkpoint, write_weights  # noqa: E402
from core_scripts.checkpoint.train_state import TrainState  # noqa: E402
from core_scripts.config_parse.data_config import CorpusSpec, DataOptions, LoaderOptions, StreamSpec  # noqa: E402
from core_scripts.constants import STREAM_MODEL  # noqa: E402
from core_scripts.data_io.customize_dataset import NII_MergeDataSetLoader  # noqa: E402
from core_scripts.data_io.position import DataFingerprint, DataPosition  # noqa: E402
from core_scripts.nn_manager.grouping import group_of, is_due  # noqa: E402
from core_scripts.nn_manager.model_base import ModelBase  # noqa: E402
from core_scripts.nn_manager.nn_manager import f_train_wrapper  # noqa: E402
from core_scripts.nn_manager.nn_manager_tools import Losses, seed_model_randomness  # noqa: E402
from core_scripts.nn_manager.observing import RunObserver  # noqa: E402
from core_scripts.nn_manager.training_run import TrainingRun  # noqa: E402
from core_scripts.op_manager.op_manager import OptimizerWrapper  # noqa: E402
from sandbox.block_wavenet import WaveNet  # noqa: E402
from sandbox.config_wavenet import WAVENET_PRESETS  # noqa: E402

RECIPE = ROOT / "project" / "01-wavenet-vocoder"
INTERVAL_SECONDS = 600  # between two checkpoints, for their share of the time
LIMITS = {"checkpoint_share_percent": 1.0, "restart_seconds": 10.0, "step_overhead_percent": 1.0,
          "memory_growth_mb": 8.0, "open_files_growth": 0.0}  # at most


class Trainer:
    """The preset `small` with its optimizer, on crops of recipe 01's size."""

    def __init__(self, batch: int, samples: int) -> None:
        torch.manual_seed(0)
        config = WAVENET_PRESETS["small"]
        self.model = WaveNet(config)
        self.optimizer = torch.optim.Adam(self.model.parameters())
        codes, frames = make_crop(config, samples)
        self._batch = codes.expand(batch, -1), frames.expand(batch, -1, -1), torch.full((batch,), samples)

    def step(self) -> float:
        loss = self.model.loss(*self._batch)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.item()

    def state(self) -> TrainState:
        return TrainState(state_dict=self.model.state_dict(), optimizer=self.optimizer.state_dict())


def measure_saving(trainer: Trainer, folder: Path, rounds: int) -> dict[str, float]:
    """Seconds by the clock, for they wait for the disk, of one full state and of the best weights beside it."""
    path, times = folder / "epoch_000.pt", {"state": [], "weights": [], "read": []}
    works: dict[str, Callable[[], object]] = {
        "state": lambda: write_checkpoint(path, trainer.state().to_dict()),
        "weights": lambda: write_weights(folder / "trained_model.pt", trainer.model.state_dict()),
        "read": lambda: read_checkpoint(path),
    }
    for _, (name, work) in itertools.product(range(rounds), works.items()):
        begun = time.perf_counter()
        work()
        times[name].append(time.perf_counter() - begun)
    megabytes = path.stat().st_size / 1e6
    print(f"small, state of {megabytes:.1f} MB: written in {describe(times['state'], 3)} s, best weights in "
          f"{describe(times['weights'], 3)} s, read and verified in {describe(times['read'], 3)} s", flush=True)
    seconds = median(times["state"]) + median(times["weights"])
    return {"seconds_per_checkpoint": seconds, "checkpoint_share_percent": 100 * seconds / INTERVAL_SECONDS}


def measure_step_overhead(trainer: Trainer, rounds: int) -> dict[str, float]:
    """What a step spends on seeding, position, groups and the question whether to save, in per cent of the step."""
    count, saver, now = 1000, Saver(every_seconds=1e9), time.perf_counter()

    def keep_books() -> DataPosition:
        position = DataPosition(seed=1, fingerprint=DataFingerprint("of the data"))
        for step in range(count):
            seed_model_randomness(1, STREAM_MODEL, step, 0)
            position = position.advance(4)
            group = group_of(step, count, 1)
            if is_due(step, group.size, 10 * count) or saver.is_time(now):
                raise AssertionError("no save is due")
        return position

    seconds = time_rounds({"books": keep_books, "step": trainer.step}, rounds)
    percents = [100 * books / count / step for books, step in zip(seconds["books"], seconds["step"], strict=True)]
    print(f"small, a step: {describe(seconds['step'], 3)} s; seeding, position and questions: "
          f"{describe([1e6 * value / count for value in seconds['books']], 1)} us", flush=True)
    return {"step_overhead_percent": median(percents)}


def measure_restart(folder: Path, rounds: int, settings: list[str]) -> dict[str, float]:
    """Seconds from `python main.py train` beside an existing state to the first step, including its being saved.

    By the clock, which other work on the machine slows, and of processor time, which it does not.
    """
    words = [sys.executable, "main.py", "train", "--save-model-dir", str(folder), "--exp", "benchmark",
             "--save-model-every-n-minibatches", "1", "minibatch_num_train=2", "minibatch_num_val=1", *settings]
    subprocess.run([*words, "--epochs", "1"], cwd=RECIPE, check=True, capture_output=True)
    times, processor = [], []
    for _ in range(rounds):
        before = processor_seconds_of_children()
        begun = time.perf_counter()
        process = subprocess.Popen([*words, "--epochs", "2"], cwd=RECIPE, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        first = next((time.perf_counter() for line in process.stderr if line.startswith("Save ")), None)
        process.kill()
        process.wait()
        process.stderr.close()
        if first is None:
            raise SystemExit(f"the run in {folder} did not go on; see {folder}/log_train.txt")
        times.append(first - begun)
        processor.append(processor_seconds_of_children() - before)
        for path in folder.glob("epoch_001*"):
            path.unlink()
    print(f"restart to first step: {describe(times, 1)} s, {describe(processor, 1)} s of processor time", flush=True)
    return {"restart_seconds": median(times), "restart_processor_seconds": median(processor)}


def processor_seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Line(ModelBase):
    """One product, so that ten thousand steps take a minute."""

    def __init__(self) -> None:
        super().__init__(1, 1, None, None)
        self.layer = nn.Linear(1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


class Loss:
    def compute(self, output: Tensor, target: Tensor) -> Tensor:
        return nn.functional.mse_loss(output, target)


class Gauge(RunObserver):
    """Resident memory in MB and the number of open files, now and then."""

    def __init__(self, every: int) -> None:
        self.every = every
        self.megabytes: list[float] = []
        self.files: list[int] = []

    def after_step(self, run: TrainingRun, losses: Losses) -> None:
        if run.step % self.every == 0:
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
            self.megabytes.append(pages * os.sysconf("SC_PAGESIZE") / 1e6)
            self.files.append(len(os.listdir("/proc/self/fd")))


def measure_growth(folder: Path, steps: int) -> dict[str, float]:
    """Memory and open files after a fifth of `steps` and at the end of a run that saves every 50 steps."""
    items, per_epoch = 40, 20
    corpus = folder / "corpus"
    corpus.mkdir()
    names = tuple(f"n{number:02d}" for number in range(items))
    for name in names:
        np.linspace(0, 1, 10, dtype="<f4").tofile(corpus / f"{name}.x")
    streams = tuple(StreamSpec(directory=corpus, ext=".x", dim=1) for _ in range(2))
    spec = CorpusSpec(name="line", list_source=names, inputs=streams[:1], outputs=streams[1:])
    options = DataOptions(ignore_cache=True, save_mean_std=False, cache_dir=corpus)
    loader = LoaderOptions(batch_size=items // per_epoch, shuffle=True)
    data = NII_MergeDataSetLoader.from_specs([spec], options, loader)
    gauge, model = Gauge(steps // 20), Line()
    args = Namespace(save_model_dir=str(folder), epochs=steps // per_epoch, verbose=0, no_best_epochs=0, lr=1e-3,
                     save_model_every_n_minibatches=50, keep_checkpoints=3, observers=(gauge,))
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        before, sys.stdout, sys.stderr = (sys.stdout, sys.stderr), nowhere, nowhere
        try:
            f_train_wrapper(args, model, Loss(), torch.device("cpu"), OptimizerWrapper(model, args), data)
        finally:
            sys.stdout, sys.stderr = before
    early = len(gauge.files) // 5
    print(f"{steps} steps: {gauge.megabytes[early]:.1f} MB and {gauge.files[early]} open files after a fifth, "
          f"{gauge.megabytes[-1]:.1f} MB and {gauge.files[-1]} at the end", flush=True)
    return {"memory_growth_mb": max(0.0, gauge.megabytes[-1] - gauge.megabytes[early]),
            "open_files_growth": gauge.files[-1] - gauge.files[early]}


def main(argv: list[str] | None = None) -> int:
    """Returns 1 if a limit is not met, unless sizes are those of --quick, which tell nothing."""
    parser = make_parser(__doc__, rounds=5)
    parser.add_argument("--folder", default=None, help="where to write, on the disk in question (default: temporary)")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    trainer = Trainer(*((1, 400) if args.quick else (4, 8000)))
    trainer.step()
    quick = ["--config-file", "tiny.yaml"] if args.quick else []
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        places = [Path(name) / place for place in ("saving", "restart", "growth")]
        for place in places:
            place.mkdir()
        results = measure_saving(trainer, places[0], 4 * args.rounds)
        results |= measure_step_overhead(trainer, args.rounds)
        results |= measure_restart(places[1], args.rounds, quick)
        results |= measure_growth(places[2], 400 if args.quick else 10_000)
    return 0 if tell_results(results, LIMITS, args.json, less_is_better=True) or args.quick else 1


if __name__ == "__main__":
    sys.exit(main())
