"""Folders of recordings for the tests of prepare: speech-like tones, and what can be wrong with them."""
import shutil
import wave
import zlib
from pathlib import Path

import numpy as np

from core_scripts.config_parse.config_parse import ProjectConfig, load_config
from core_scripts.corpus.prepare import Request, prepare

RECIPE = Path(__file__).resolve().parents[2] / "project" / "01-wavenet-vocoder"
RATE = 16000


def syllables(seed: int, samples: int = 6000, rate_hz: int = RATE, level: float = 0.3) -> np.ndarray:
    """A tone with noise that comes and goes, another one for each seed, (samples,) in [-1, 1]."""
    time = np.arange(samples) / rate_hz
    noise = np.random.default_rng(seed).normal(0, 0.05, samples)
    return level * (np.sin(2 * np.pi * (150 + 3 * (seed % 97)) * time) + noise) * np.sin(2 * np.pi * 4 * time) ** 2


def write(path: Path, samples: np.ndarray, rate_hz: int = RATE, channels: int = 1) -> Path:
    """16-bit PCM."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pcm = np.clip(np.rint(np.asarray(samples) * 2**15), -(2**15), 2**15 - 1).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, rate_hz, 0, "NONE", ""))
        file.writeframes(np.repeat(pcm, channels).tobytes())
    return path


def record(folder: Path, *names: str, rate_hz: int = RATE) -> Path:
    """A good recording under each name."""
    for name in names:
        write(folder / f"{name}.wav", syllables(zlib.crc32(name.encode()), rate_hz=rate_hz), rate_hz)
    return folder


def recipe_config() -> ProjectConfig:
    """The settings of recipe 01."""
    return load_config("config", RECIPE)


def run(source: Path, out: Path, **others) -> Path:
    """Prepare with one process, quietly; returns `out`."""
    request = {"lists": {}, "workers": 1, "is_quiet": True} | others
    prepare(Request(wav_dir=source, out=out, **request), recipe_config())
    return out


def content(folder: Path) -> dict[str, bytes]:
    """Every file by its path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file()}


def names_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def clear(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
