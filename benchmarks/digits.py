"""The Free Spoken Digit Dataset in memory: features around every token, and crops of them at random places."""
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from core_scripts.errors import DataError
from core_scripts.features.config_mfcc import MfccConfig
from core_scripts.features.file_frames import compute_frames
from core_scripts.geometry.chain import Chain
from core_scripts.geometry.span import Span

RATE_HZ = 8000
MFCC = MfccConfig(rate_hz=RATE_HZ, window=240, hop=80, fft=512, bands=40, high_hz=3800.0, floor=1e-3)
FRAMES_PER_TOKEN = 2
TOKEN_SAMPLES = FRAMES_PER_TOKEN * MFCC.hop  # 50 tokens per second
PEAK = 0.9  # of every utterance: speakers' levels differ by 22 dB


@dataclass(frozen=True)
class Utterance:
    """What is known of one recording; frames and mel reach as far as the decoder looks, silence outside of the file."""

    name: str
    digit: int
    speaker: int
    tokens: int  # that cover the file
    seconds: float
    frames: Tensor  # (F, 39) MFCC for the tokens [-margin, max(tokens, crop) + margin)
    mel: Tensor  # (2 * max(tokens, crop), 40) log-mel frames of the tokens from 0 on


@dataclass(frozen=True)
class Statistics:
    """Mean and deviation of MFCC and log-mel frames inside the training files."""

    frames: tuple[Tensor, Tensor]
    mel: tuple[Tensor, Tensor]


class Digits:
    """Training and test takes, features normalised by those of the training takes.

    paths: from MFCC frames to the tokens, and from the tokens to the mel frames; crop: tokens of a training crop.
    """

    def __init__(self, folder: Path, paths: tuple[Chain, Chain], crop: int) -> None:
        self.encoder, self.decoder, self.crop = *paths, crop
        self.margin = -self.around(Span(0, 1)).start  # tokens that every utterance has before its first
        self.speakers = sorted({name.split("_")[1] for name in _names(folder, "train")})
        raw = {kind: [self._read(folder, name) for name in _names(folder, kind)] for kind in ("train", "test")}
        self.statistics = self._measure(raw["train"])
        self.train, self.test = ([self._normalise(own) for own in raw[kind]] for kind in ("train", "test"))
        self._joined = [torch.cat([getattr(own, part) for own in self.train]) for part in ("frames", "mel")]
        self._starts = [np.cumsum([0] + [len(getattr(own, part)) for own in self.train[:-1]])
                        for part in ("frames", "mel")]
        shares = np.array([own.tokens for own in self.train], dtype=np.float64)
        self._shares = shares / shares.sum()

    def draw(self, rng: np.random.Generator, items: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Crops that begin at any token: MFCC (B, F, 39), log-mel (B, 2 * crop, 40), inside (B, 2 * crop), speakers."""
        chosen = rng.choice(len(self.train), items, p=self._shares)
        tokens = np.array([self.train[which].tokens for which in chosen])
        first = rng.integers(0, np.maximum(tokens - self.crop, 0) + 1)
        made = np.arange(FRAMES_PER_TOKEN * self.crop)
        wide = len(self.encoder.needs(self.around(Span(0, self.crop))))
        frames, mel = (
            joined[torch.from_numpy((starts[chosen] + FRAMES_PER_TOKEN * first)[:, None] + np.arange(length))]
            for joined, starts, length in zip(self._joined, self._starts, (wide, len(made)), strict=True))
        inside = FRAMES_PER_TOKEN * first[:, None] + made < FRAMES_PER_TOKEN * tokens[:, None]
        speakers = torch.tensor([self.train[which].speaker for which in chosen])
        return frames, mel, torch.from_numpy(inside), speakers

    def around(self, tokens: Span) -> Span:
        """These tokens and those around them that the decoder needs for their mel frames."""
        return self.decoder.needs(Span(FRAMES_PER_TOKEN * tokens.start, FRAMES_PER_TOKEN * tokens.stop))

    def _read(self, folder: Path, name: str) -> Utterance:
        wave, rate_hz = soundfile.read(folder / "wav" / f"{name}.wav", dtype="float32")
        if rate_hz != RATE_HZ:
            raise DataError(f"{name}.wav has {rate_hz} Hz, the digits have {RATE_HZ}; take the published files")
        wave = wave - wave.mean()
        wave = torch.from_numpy(wave * (PEAK / np.abs(wave).max()))
        digit, speaker, _ = name.split("_")
        tokens = -(-len(wave) // TOKEN_SAMPLES)
        whole = Span(0, max(tokens, self.crop))
        mel = Span(0, FRAMES_PER_TOKEN * len(whole))
        return Utterance(
            name, int(digit), self.speakers.index(speaker), tokens, len(wave) / RATE_HZ,
            compute_frames(MFCC, wave, self.encoder.needs(self.around(whole))), compute_frames(MFCC.mel, wave, mel))

    def _measure(self, utterances: list[Utterance]) -> Statistics:
        margin = -self.encoder.needs(self.around(Span(0, 1))).start
        frames = torch.cat([own.frames[margin : margin + FRAMES_PER_TOKEN * own.tokens] for own in utterances])
        mel = torch.cat([own.mel[: FRAMES_PER_TOKEN * own.tokens] for own in utterances])
        return Statistics((frames.mean(0), frames.std(0)), (mel.mean(0), mel.std(0)))

    def _normalise(self, own: Utterance) -> Utterance:
        frames, mel = ((value - mean) / std for value, (mean, std) in (
            (own.frames, self.statistics.frames), (own.mel, self.statistics.mel)))
        return Utterance(own.name, own.digit, own.speaker, own.tokens, own.seconds, frames, mel)


def _names(folder: Path, kind: str) -> list[str]:
    return (folder / f"{kind}.lst").read_text(encoding="utf-8").split()
