"""Does a run that is killed, stopped and damaged again and again end with the weights of one that was left in peace?

    python benchmarks/soak.py --minutes 10 [--seed 1] [--device cuda] [--json]

Recipe 01 with tiny.yaml on the synthetic corpus is trained once undisturbed. Then runs are trained from the beginning
while, at random: the process is killed (kill -9) at a random moment or at a named place, it or its whole group gets
SIGTERM, SIGINT or SIGUSR1, its newest checkpoint is damaged before it is started again, and the number of workers
changes. Each run must end by itself and hold, bit by bit, the weights of the undisturbed one in its last state and in
trained_model.pt; on a GPU with --deterministic. A wrong exit code, a traceback or another weight fails the benchmark
(exit code 1).
"""
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core_scripts import log  # noqa: E402
from core_scripts.checkpoint.store import list_checkpoints, read_checkpoint  # noqa: E402
from core_scripts.checkpoint.train_state import weights_of  # noqa: E402
from core_scripts.corpus.synthetic import ensure_corpus  # noqa: E402
from core_scripts.errors import EXIT_INTERRUPTED, EXIT_PREEMPTED, RecitalError  # noqa: E402

RECIPE = ROOT / "project" / "01-wavenet-vocoder"
CORPUS = ROOT / "project" / "DATA" / "synthetic"
SETTINGS = ("--config-file", "tiny.yaml", "minibatch_num_train=40", "minibatch_num_val=6", "epochs=4",
            "save_model_every_n_minibatches=5", "keep_checkpoints=4", "verbose=0", "num_threads=1")
ON_DEVICE = {"cpu": ("device=cpu",), "cuda": ("device=cuda", "deterministic=true")}
PLACES = ("step", "stepped", "validation", "epoch", "saving", "written", "renamed", "pruning", "loading", "finished")
SIGNALS = {"SIGINT": EXIT_INTERRUPTED, "SIGTERM": EXIT_PREEMPTED, "SIGUSR1": EXIT_PREEMPTED}
DAMAGES = ("bit flipped", "cut", "zeros", "emptied", "foreign")
PATIENCE_SECONDS = 300.0  # of a process that should have ended long ago
LATEST_SECONDS = 6.0  # after its first step a process is disturbed


@dataclass(frozen=True)
class Bench:
    """A copy of the recipe's folder, and what the runs in it compute on."""

    place: Path
    device: str


@dataclass
class Tally:
    """What has been done to the runs, and what came of it."""

    faults: Counter = field(default_factory=Counter)
    runs: int = 0
    failures: list[str] = field(default_factory=list)


def main(argv: list[str]) -> int:
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="begin no further run after them")
    parser.add_argument("--seed", type=int, default=1, help="of what is done to the runs")
    parser.add_argument("--device", choices=tuple(ON_DEVICE), default="cpu", help="what runs compute on [%(default)s]")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args(argv)
    try:
        ensure_corpus(CORPUS)
        with tempfile.TemporaryDirectory() as folder:
            tally = soak(options, Path(folder))
    except RecitalError as error:
        log.note(f"error: {error}")
        return error.exit_code
    kinds = ", ".join(f"{kind} {count}" for kind, count in tally.faults.most_common())
    identical = not tally.failures and tally.runs > 0
    verdict = "final weights equal bit by bit" if identical else "FAILED: " + "; ".join(tally.failures)
    log.say(f"{tally.runs} runs survived {sum(tally.faults.values())} faults ({kinds}): {verdict}")
    if options.json:
        log.say(json.dumps({"faults": sum(tally.faults.values()), "kinds": len(tally.faults), "identical": identical,
                            "runs": tally.runs, "by_kind": dict(tally.faults)}))
    return 0 if identical else 1


def soak(options: Namespace, folder: Path) -> Tally:
    """Disturbed runs until the time is over, the last one brought to its end."""
    begun, chance, tally = time.monotonic(), random.Random(options.seed), Tally()
    place = shutil.copytree(RECIPE, folder / RECIPE.name, ignore=shutil.ignore_patterns("exp", "__pycache__"))
    bench = Bench(Path(place), options.device)
    run_to_end(bench, folder / "undisturbed", 0)
    wanted = fingerprint(folder / "undisturbed")
    log.say(f"undisturbed: {time.monotonic() - begun:.0f} s, weights {wanted[0][:12]}, best {wanted[1][:12]}")
    while time.monotonic() - begun < 60 * options.minutes and not tally.failures:
        run = folder / f"run{tally.runs}"
        while not tally.failures and disturb(bench, run, chance, tally, begun + 60 * options.minutes):
            pass
        if not tally.failures and fingerprint(run) != wanted:
            tally.failures.append(f"run {tally.runs} has other weights")
        tally.runs += 1
        log.say(f"{time.monotonic() - begun:5.0f} s: run {tally.runs}, {sum(tally.faults.values())} faults so far")
        shutil.rmtree(run, ignore_errors=True)
    return tally


def disturb(bench: Bench, run: Path, chance: random.Random, tally: Tally, until: float) -> bool:
    """Start the run where it is and do something to it; whether it has yet to be started again."""
    if newest_states(run) and chance.random() < 0.25:
        tally.faults[f"checkpoint {damage(newest_states(run)[0], chance)}"] += 1
    workers, kind = chance.choice((0, 0, 1, 2)), chance.random()
    if time.monotonic() > until:
        run_to_end(bench, run, workers)
        return False
    if kind < 0.4:
        where = chance.choice(PLACES)
        process = start(bench, run, workers, f"{where}:{chance.randint(1, 40 if 'step' in where else 3)}")
        what, expected = f"kill -9 at {where}", -signal.SIGKILL
    else:
        process = start(bench, run, workers)
        name = chance.choice(["SIGKILL"] * 2 + [*SIGNALS])
        to_group = name != "SIGKILL" and chance.random() < 0.4
        what, expected = "kill -9" if name == "SIGKILL" else f"{name}{' to the group' * to_group}", SIGNALS.get(name)
        if name == "SIGKILL":
            expected = -signal.SIGKILL
        if not wait_for_training(process, run, chance.uniform(0.0, LATEST_SECONDS)):
            what = ""
        elif to_group:
            os.killpg(process.pid, getattr(signal, name))
        else:
            process.send_signal(getattr(signal, name))
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)  # to the end of its workers too, which hold the pipe
    if process.returncode == expected and what:
        tally.faults[what] += 1
        return True
    if process.returncode != 0 or "Traceback" in output:
        tally.failures.append(f"exit code {process.returncode} after {what or 'nothing'}:\n{output[-2000:]}")
    return False


def start(bench: Bench, run: Path, workers: int, fault: str = "") -> subprocess.Popen:
    """`python main.py train` in a group of its own."""
    words = [sys.executable, "main.py", "train", "--save-model-dir", str(run), "--num-workers", str(workers),
             f"data={CORPUS}", *SETTINGS, *ON_DEVICE[bench.device]]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "FAULT": fault}
    env |= {"CUDA_VISIBLE_DEVICES": ""} if bench.device == "cpu" else {}
    return subprocess.Popen(words, cwd=bench.place, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, start_new_session=True)


def run_to_end(bench: Bench, run: Path, workers: int) -> None:
    """Raises: RecitalError if it does not get there."""
    process = start(bench, run, workers)
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    if process.returncode:
        raise RecitalError(f"a run that nobody disturbed ended with exit code {process.returncode}:\n{output[-2000:]}")


def wait_for_training(process: subprocess.Popen, run: Path, seconds: float) -> bool:
    """Wait until the process is in its loop, and then so long; False if it has ended by itself."""
    while process.poll() is None:
        try:
            if json.loads((run / "status.json").read_text())["process"] == process.pid:
                break
        except (OSError, ValueError, KeyError):
            pass
        time.sleep(0.02)
    until = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    return process.poll() is None


def newest_states(run: Path) -> list[Path]:
    """Full states of the run, the newest first, if there is one to fall back to."""
    found = list_checkpoints(run, "epoch", ".pt") if run.is_dir() else []
    return found if len(found) > 1 else []


def damage(path: Path, chance: random.Random) -> str:
    """Spoil the file; returns how."""
    content = bytearray(path.read_bytes())
    how = chance.choice(DAMAGES) if len(content) > 1 else "foreign"  # it may be empty from the time before
    if how == "bit flipped":
        place = chance.randrange(len(content))
        content[place] ^= 1 << chance.randrange(8)
    elif how == "cut":
        content = content[: chance.randrange(1, len(content))]
    elif how == "zeros":
        content = bytearray(len(content))
    elif how == "emptied":
        content = bytearray()
    else:
        content = bytearray(b"this is no checkpoint\n")
    path.write_bytes(content)
    return how


def fingerprint(run: Path) -> tuple[str, str]:
    """Of the weights of the last state and of trained_model.pt: names, shapes and bits."""
    last = list_checkpoints(run, "epoch", ".pt")[0]
    return hash_weights(last), hash_weights(run / "trained_model.pt")


def hash_weights(path: Path) -> str:
    digest = hashlib.sha256()
    for name, value in weights_of(read_checkpoint(path)).items():
        digest.update(f"{name} {value.dtype} {tuple(value.shape)} ".encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
