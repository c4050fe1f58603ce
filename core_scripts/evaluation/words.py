"""Is it still the word? A judge of single words, trained on the recordings of the training list.

Logistic regression on the course of log-mel bands in six parts (`probes.content_features`), on recordings and on copies
with white noise and mu-law, which generators have; one level for all, quiet parts cut off. For corpora of one word a
file, such as digits; its own share of right answers is what the row `mu-law` has.
"""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core_scripts import streams
from core_scripts.constants import STREAM_EVALUATION
from core_scripts.data_io.speakers import read_speakers
from core_scripts.errors import DataError, near_files
from core_scripts.evaluation.metric import HIGHER, Family, Figure, Metric, Pair, figure_of, undefined
from core_scripts.evaluation.probes import JUDGE_STRENGTH, Probe, content_features, fit_probe
from core_scripts.evaluation.sound_files import read_sound
from core_scripts.features import mulaw
from core_scripts.features.config_mel import MelConfig
from core_scripts.features.file_frames import compute_frames
from core_scripts.geometry.span import Span

PREFIX = "prefix"
_RMS, _FLOOR = 0.15, 0.02
_BANDS = 40
_NOISE_DB = (12.0, 40.0)  # of signal over noise


@dataclass(frozen=True)
class WordJudge:
    """words: what the numbers of the probe stand for."""

    probe: Probe
    words: tuple[str, ...]
    mel: MelConfig
    recordings: int  # it was trained on

    def hear(self, wave: np.ndarray) -> str:
        """The word that a waveform (N,) is taken for."""
        frames = judged_mel(self.mel, torch.from_numpy(wave.astype(np.float32)))
        return self.words[int(self.probe.choose(content_features(frames)[None])[0])]

    def family(self, spoken: Mapping[str, str]) -> Family:
        """The share of outputs whose word is heard; spoken: NAME to word."""
        metric = Metric("word_kept", "word kept", "", HIGHER,
                        f"logistic regression on {_BANDS} log-mel bands in six parts, trained on {self.recordings} "
                        f"recordings of {len(self.words)} words and noisy copies",
                        "as Serra et al. 2019 judge speakers")
        return Family((metric,), partial(self._measure, spoken), needs_reference=False)

    def _measure(self, spoken: Mapping[str, str], pair: Pair) -> tuple[Figure, ...]:
        if pair.name not in spoken:
            return (undefined(f"no word is given for {pair.name}"),)
        return (figure_of(self.hear(pair.output) == spoken[pair.name], 1),)


def read_words(how: str, names: Sequence[str]) -> dict[str, str]:
    """NAME to word: of a file of lines NAME<TAB>word, or with `prefix` what stands before the first _ or -.

    Raises: DataError if there is no such file, or a line of it is not of that form.
    """
    if how == PREFIX:
        return {name: Path(name).name.replace("-", "_").partition("_")[0] for name in names}
    if not Path(how).is_file():
        raise DataError(f"--words {how} is no file{near_files(Path(how))}; give lines NAME<TAB>word, or {PREFIX} where "
                        f"the word stands before the first _ or - of each name")
    return dict(read_speakers(Path(how)))


def fit_words(recordings: Mapping[str, Path], spoken: Mapping[str, str], rate_hz: int) -> WordJudge:
    """From the recordings, by name, that a word is given for. Raises: DataError if these have fewer than two words."""
    known = {name: path for name, path in recordings.items() if name in spoken}
    words = tuple(sorted({spoken[name] for name in known}))
    if len(words) < 2:
        raise DataError(f"{len(known)} recordings of the training list have {len(words)} different words; a judge "
                        f"needs two at least, so correct --words")
    mel = MelConfig(rate_hz=rate_hz, window=rate_hz // 40, hop=rate_hz // 100, bands=_BANDS,
                    fft=max(256, 1 << (rate_hz // 40 - 1).bit_length()))
    features, labels = [], []
    for number, (name, path) in enumerate(sorted(known.items())):
        wave = torch.from_numpy(read_sound(path)[0].astype(np.float32))
        for heard in (wave, add_noise(wave, number)):
            features.append(content_features(judged_mel(mel, heard)))
            labels.append(words.index(spoken[name]))
    return WordJudge(fit_probe(np.stack(features), labels, JUDGE_STRENGTH), words, mel, len(known))


def add_noise(wave: Tensor, number: int) -> Tensor:
    """With 12 to 40 dB of signal over noise, through mu-law; each number has a noise of its own."""
    low, high = _NOISE_DB
    above_db = low + (high - low) * float(streams.uniforms(1, STREAM_EVALUATION, index=number, count=1)[0])
    noise = streams.normals(2, STREAM_EVALUATION, index=number, count=len(wave)) * rms(wave) * 10 ** (-above_db / 20)
    return mulaw.decode(mulaw.encode((wave + torch.from_numpy(noise).float()).clamp(-1, 1), 256), 256)


def judged_mel(mel: MelConfig, wave: Tensor) -> np.ndarray:
    """Log-mel frames (F, bands) at one level for all, quiet parts cut off."""
    return whole_frames(replace(mel, floor=_FLOOR), wave * (_RMS / (rms(wave) + 1e-5)))


def whole_frames(mel: MelConfig, wave: Tensor) -> np.ndarray:
    """All whole frames of a waveform, two at least."""
    return compute_frames(mel, wave, Span(0, max(2, len(wave) // mel.hop))).numpy()


def rms(wave: Tensor) -> float:
    """Root of the mean square of (N,) samples."""
    return float(wave.square().mean().sqrt())
