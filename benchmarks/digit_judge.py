"""Judges of recorded and generated digits: who speaks, and which digit it is."""
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from benchmarks.digit_takes import Take
from core_scripts import log
from core_scripts.evaluation.probes import Judge, fit_judge, score_conversion
from core_scripts.features import mulaw
from core_scripts.features.config_mel import MelConfig
from core_scripts.features.file_frames import compute_frames
from core_scripts.geometry.span import Span

_RMS, _FLOOR = 0.15, 0.02


def make_judge(mel: MelConfig, names: Sequence[str], train: Sequence[Take], test: Sequence[Take]) -> Judge:
    """Trained on natural takes and on copies with white noise and mu-law, which generators have."""
    rng = np.random.default_rng(0)
    waves = [wave for take in train for wave in (take.wave, add_noise(take.wave, rng))]
    takes = [take for take in train for _ in range(2)]
    judge = fit_judge([judged_mel(mel, wave) for wave in waves], [names.index(take.speaker) for take in takes],
                      [take.digit for take in takes])
    speakers = [names.index(take.speaker) for take in test]
    natural = score_conversion(judge, [judged_mel(mel, take.wave) for take in test], speakers, speakers,
                               [take.digit for take in test])
    log.note(f"  the judge on natural test takes: speaker {natural.target:.3f}, digit {natural.content_kept:.3f}")
    return judge


def add_noise(wave: Tensor, rng: np.random.Generator) -> Tensor:
    """With 12 to 40 dB of signal over noise, through mu-law."""
    noise = rng.standard_normal(len(wave)).astype(np.float32) * rms(wave) * 10 ** (-rng.uniform(12, 40) / 20)
    return mulaw.decode(mulaw.encode((wave + torch.from_numpy(noise)).clamp(-1, 1), 256), 256)


def rms(wave: Tensor) -> float:
    return float(wave.square().mean().sqrt())


def judged_mel(mel: MelConfig, wave: Tensor) -> np.ndarray:
    """Log-mel frames at one level for all, quiet parts cut off."""
    return log_mel(replace(mel, floor=_FLOOR), wave * (_RMS / (rms(wave) + 1e-5)))


def log_mel(mel: MelConfig, wave: Tensor) -> np.ndarray:
    """All whole frames of a waveform."""
    return compute_frames(mel, wave, Span(0, max(2, len(wave) // mel.hop))).numpy()
