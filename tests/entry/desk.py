"""A copy of recipe 01 with tiny corpora beside it, and the commands run there, in this process or in one of its own."""
import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import wave
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core_scripts.entry import run_command

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / "project" / "01-wavenet-vocoder"
NAMES = ("aa", "bb", "cc", "dd")
SAMPLES = 2000  # of every utterance: 25 frames
SMALL = ("truncate_seq=800", "epochs=1", "minibatch_num_train=2", "minibatch_num_val=1", "device=cpu", "num_threads=1")
NET = ("net.layers=4", "net.dilation_cycle=4", "net.residual_channels=8", "net.gate_channels=8", "net.skip_channels=8",
       "net.post_channels=8")


@dataclass(frozen=True)
class Answer:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        """The messages on stderr that tell why it ended."""
        return [line for line in self.err.splitlines() if line.startswith("error: ")]


@dataclass(frozen=True)
class Desk:
    """A recipe's folder and the corpus that its commands work on."""

    folder: Path
    data: Path

    def run(self, *words: str, small: bool = True) -> Answer:
        """`python main.py WORDS` in this process; `small`: on the tiny corpus with a tiny network, seconds at most."""
        verbs = 1 if words and not words[0].startswith("-") and "=" not in words[0] else 0
        settings = (*SMALL, *NET, f"data={self.data}") if small else ()
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), forget_recipe():
            try:
                code = run_command([*words[:verbs], *settings, *words[verbs:]], self.folder)
            except SystemExit as left:
                code = left.code
        return Answer(code, out.getvalue(), err.getvalue())

    def start(self, *words: str, script: str = "main.py", fault: str = "") -> Answer:
        """`python main.py WORDS` as a user types it, on a machine without CUDA; fault: of core_scripts/fault.py."""
        env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "FAULT": fault}
        done = subprocess.run([sys.executable, script, *words], cwd=self.folder, env=env, capture_output=True,
                              text=True, timeout=300, start_new_session=True, preexec_fn=heed_interrupts)
        return Answer(done.returncode, done.stdout, done.stderr)

    def on(self, data: Path) -> "Desk":
        """The same recipe on another corpus."""
        return replace(self, data=data)

    def files(self, *kinds: str) -> list[str]:
        """Files of the runs, all or those with one of these endings."""
        found = (self.folder / "exp").rglob("*")
        return sorted(str(path.relative_to(self.folder / "exp")) for path in found
                      if path.is_file() and (not kinds or path.suffix in kinds))


def heed_interrupts() -> None:
    """Shells start what runs in the background with SIGINT ignored, and tests may be run so."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def forget_recipe():
    """Recipes are modules called `model` and `config`; the next one must not find those of the one before."""
    path = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = path
        for name in ("model", "config"):
            sys.modules.pop(name, None)


def copy_recipe(folder: Path, recipe: Path = RECIPE) -> Path:
    """A fresh copy of a recipe, of 01 as a rule, without its runs."""
    return Path(shutil.copytree(recipe, folder, ignore=shutil.ignore_patterns("exp", "__pycache__")))


def write_wav(path: Path, samples: int = SAMPLES, rate_hz: int = 16000, channels: int = 1) -> Path:
    """Noise, 16-bit PCM, the same for the same name."""
    noise = np.random.default_rng(sum(path.name.encode())).normal(0, 3000, (samples, channels)).astype("<i2")
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, rate_hz, 0, "NONE", ""))
        file.writeframes(noise.tobytes())
    return path


def write_corpus(folder: Path) -> Path:
    """wav/NAME.wav and the three lists: two utterances to train, one to validate, one to generate."""
    for name in NAMES:
        write_wav(folder / "wav" / f"{name}.wav")
    for kind, names in (("train", NAMES[:2]), ("val", NAMES[2:3]), ("test", NAMES[3:])):
        (folder / f"{kind}.lst").write_text("".join(f"{name}\n" for name in names))
    return folder
