"""Recordings whose correlations are known: levels that change like syllables, series of few coefficients, silence."""
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

from core_scripts.data_io.file_io import write_frames

RATE_HZ = 16000


def syllables(samples: int, seed: int, length_samples: float) -> np.ndarray:
    """Noise whose level is itself a slow series, of a correlation length about `length_samples`."""
    dice = np.random.default_rng(seed)
    decay = np.exp(-1 / length_samples)
    level = lfilter([np.sqrt(1 - decay**2)], [1.0, -decay], dice.normal(size=samples))
    return 0.05 * np.exp(0.5 * level) * dice.normal(size=samples)


def second_order(samples: int, seed: int) -> np.ndarray:
    """x_t = -0.4 x_{t-1} + 0.5 x_{t-2} + noise, which remembers for 14 samples and needs two."""
    return 0.05 * lfilter([1.0], [1.0, 0.4, -0.5], np.random.default_rng(seed).normal(size=samples))


def write_set(folder: Path, waves: list[np.ndarray], rate_hz: int = RATE_HZ) -> Path:
    """NAME.wav in the folder: a00, a01, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, wave in enumerate(waves):
        write_frames(folder / f"a{number:02}.wav", np.clip(wave, -1, 1), rate_hz)
    return folder
