"""Tiny corpora, and runs of a copied recipe exactly as an upstream user starts them: `python main.py` in its folder."""
import json
import multiprocessing
import os
import re
import runpy
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import wavfile

ROOT = Path(__file__).resolve().parents[2]
RECIPES = Path(__file__).resolve().parent / "recipes"
HOP = 20
FRAMES = {f"utt_{index:02d}": 30 + 6 * (index % 5) for index in range(12)}  # frames of each utterance
TRAINING, VALIDATION, TEST = (list(FRAMES)[start: stop] for start, stop in ((0, 6), (6, 9), (9, 12)))
OTHERS = {f"other_{index}": 45 + index for index in range(3)}  # the second corpus
SEGMENT, MINIMUM = 400, 80  # as in the config: cut at 400 samples, shorter ends than 80 are dropped
SEGMENTS = sum(count * HOP // SEGMENT + (count * HOP % SEGMENT >= MINIMUM) for count in map(FRAMES.get, TRAINING))
FRUGAL = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload(["torch", "torch._dynamo", "scipy.io.wavfile", "soundfile"])
LOSS_CELL = r"[ 0-9.naif-]+"
ROW = re.compile(rf"^([ \d]{{7}}) \| ([ \d.]{{12}}) \| ({LOSS_CELL})\| ({LOSS_CELL})\| +(yes|no)(.*)$")


@dataclass(frozen=True)
class Row:
    """One line of the training table."""

    epoch: int
    train: tuple[float, ...]
    val: tuple[float, ...]
    best: bool
    tail: str
    text: str


def numbers(cell: str) -> tuple[float, ...]:
    """The losses in a cell of the table; a dash stands for none."""
    return tuple(float(word) for word in cell.split() if word != "-")


@dataclass(frozen=True)
class Run:
    """A finished process and the folder in which it ran."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def rows(self) -> list[Row]:
        """The training table."""
        found = [(ROW.match(line), line) for line in self.out.splitlines()]
        return [
            Row(int(m[1]), numbers(m[3]), numbers(m[4]), m[5] == "yes", m[6], line)
            for m, line in found if m
        ]

    @property
    def epochs(self) -> list[int]:
        """The epochs of the training table, in order."""
        return [row.epoch for row in self.rows]

    def calls(self) -> list:
        """What the recipe noted in calls.jsonl."""
        path = self.folder / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()]


def training_items(calls: list) -> list[list[str]]:
    """From what model_meter noted: the file information of each training minibatch, in order."""
    return [call[1:] for call in calls if not call[0]]


def execute_main(folder: Path, options: tuple[str, ...], environment: dict[str, str]) -> None:
    """In a process of its own, forked off one that has imported torch: what `python main.py OPTIONS` does."""
    for number, name in ((1, "stdout.txt"), (2, "stderr.txt")):
        with open(folder / name, "wb") as file:
            os.dup2(file.fileno(), number)
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["main.py", *options]
    sys.path[:0] = [str(folder), str(ROOT)]
    try:
        runpy.run_path("main.py", run_name="__main__")
    except SystemExit:
        raise
    except BaseException:
        sys.excepthook(*sys.exc_info())  # as the interpreter does; the hook may raise SystemExit
        raise SystemExit(1) from None


class Recipe:
    """A recipe folder of its own beside a corpus folder, and the commands run in it."""

    def __init__(self, folder: Path):
        self.folder = folder

    def start(self, *options: str, **environment: str) -> Run:
        """Run `python main.py OPTIONS` here as an upstream user does, whatever comes of it."""
        env = {key: value for key, value in os.environ.items() if not key.startswith("METER_")}
        env |= FRUGAL | {"PYTHONPATH": str(ROOT)} | environment
        command = [sys.executable, "main.py", *options]
        done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=120)
        return Run(done.returncode, done.stdout, done.stderr, self.folder)

    def run(self, *options: str, **environment: str) -> Run:
        """The same without the two seconds of importing torch; it must succeed."""
        process = FORKSERVER.Process(target=execute_main, args=(self.folder, options, environment))
        with pytest.MonkeyPatch.context() as patch:
            for name, value in FRUGAL.items():
                patch.setenv(name, value)  # for the server, which the first process starts
            process.start()
        process.join(120)
        code = process.exitcode
        process.kill() if code is None else process.close()
        out, err = ((self.folder / name).read_text() for name in ("stdout.txt", "stderr.txt"))
        assert code == 0, f"{options} ended with {code}\n{out[-2000:]}\n{err[-3000:]}"
        return Run(code, out, err, self.folder)

    def copy(self, folder: Path) -> "Recipe":
        """This recipe with everything it has produced, elsewhere, with the same data."""
        shutil.copytree(self.folder, folder / self.folder.name)
        (folder / "data").symlink_to((self.folder.parent / "data").resolve())
        return Recipe(folder / self.folder.name)


def write_corpus(folder: Path, frames: dict[str, int], seed: int) -> None:
    """Waveform, 4-dimensional mel and F0 (every third frame unvoiced) under each name."""
    rng = np.random.default_rng(seed)
    for kind in ("mel", "f0", "wav"):
        (folder / kind).mkdir(parents=True)
    for name, count in frames.items():
        mel = rng.normal(2.0, 3.0, (count, 4)).astype("<f4")
        f0 = np.where(np.arange(count) % 3 == 0, 0.0, rng.uniform(80, 200, count)).astype("<f4")
        carrier = np.sin(2 * np.pi * np.arange(HOP) / HOP)
        wave = 0.25 * np.tanh(mel[:, :1]) * carrier + 0.01 * rng.normal(size=(count, HOP))
        mel.tofile(folder / "mel" / f"{name}.mel")
        f0.tofile(folder / "f0" / f"{name}.f0")
        wavfile.write(folder / "wav" / f"{name}.wav", 16000, (wave.reshape(-1) * 2**15).astype(np.int16))


def copy_recipe(name: str, folder: Path, data: Path) -> Recipe:
    """A fresh copy of recipes/NAME beside the data."""
    shutil.copytree(RECIPES / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "data").symlink_to(data)
    return Recipe(folder / name)


def generated(folder: Path) -> dict[str, np.ndarray]:
    """The waveforms under `folder` by file name, in 16-bit steps."""
    found = {path.name: wavfile.read(path) for path in sorted(folder.glob("*.wav"))}
    assert all(rate == 16000 and wave.dtype == np.int16 and wave.ndim == 1 for rate, wave in found.values())
    return {name: wave.astype(int) for name, (_, wave) in found.items()}


def steps_taken(checkpoint: Path) -> int:
    """How many steps Adam has counted for the parameters that it trains."""
    states = torch.load(checkpoint)["optimizer"]["state"].values()
    return int(max(state["step"] for state in states))
