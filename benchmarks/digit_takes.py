"""Recorded digits in memory, as batches of the recipe 02-vqvae: crops that begin at a unit, and whole takes."""
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from torch import Tensor
from torch.nn import functional

from core_scripts.data_io.collate import Batch
from core_scripts.data_io.seq_info import SeqInfo
from core_scripts.errors import DataError
from core_scripts.features.file_frames import compute_frames
from core_scripts.geometry.ops import ceil_div
from core_scripts.geometry.span import Span

PEAK = 0.9  # of every take: speakers' levels differ by 22 dB
LEFT_OUT = "nicolas"  # whose takes are of 8 bits


@dataclass(frozen=True)
class Take:
    """One recording, its features reaching as far beyond it as crops do."""

    name: str
    digit: int
    speaker: str
    number: int  # of the take
    wave: Tensor  # (T,)
    units: int
    frames: Tensor  # (F, C) MFCC from the left context of the first unit on
    mel: Tensor  # (F', bands) from the file's first frame on


class Takes:
    """The takes of one list for the settings of one decoder, with silence before and behind.

    crop: units of a training crop, which may be longer than a take.
    """

    def __init__(self, folder: Path, kind: str, conf: Any, crop: int) -> None:
        self.conf, self.paths, self.crop, self.hop = conf, conf.paths, crop, conf.paths.latent_hop
        self.left, self.right = self.paths.frame_context()
        names = (folder / f"{kind}.lst").read_text(encoding="utf-8").split()
        self.items = [self._read(folder, name) for name in names if name.split("_")[1] != LEFT_OUT]
        shares = np.array([take.units for take in self.items], dtype=np.float64)
        self._shares = shares / shares.sum()

    def mean_std(self) -> tuple[np.ndarray, ...]:
        """Mean and deviation of input and target frames inside the files; 0 and 1 for waveforms."""
        stride = self.conf.encoder.stride
        frames = torch.cat([take.frames[self.left : self.left + stride * take.units] for take in self.items])
        found = [frames.mean(0).numpy(), frames.std(0).numpy()]
        if self.conf.decoder == "wavenet":
            return (*found, np.zeros(1, np.float32), np.ones(1, np.float32))
        mel = torch.cat([take.mel[: ceil_div(len(take.wave), self.conf.mel.hop)] for take in self.items])
        return (*found, mel.mean(0).numpy(), mel.std(0).numpy())

    def draw(self, rng: np.random.Generator, items: int) -> Batch:
        """Crops of different takes that begin at any unit."""
        chosen = [self.items[which] for which in rng.choice(len(self.items), items, p=self._shares)]
        firsts = [int(rng.integers(0, max(0, take.units - self.crop) + 1)) for take in chosen]
        return self._batch(chosen, firsts, self.crop)

    def whole(self, takes: Sequence[Take]) -> Batch:
        """Whole takes, padded to the longest."""
        return self._batch(takes, [0] * len(takes), max(take.units for take in takes))

    def spread_batches(self, count: int) -> list[Batch]:
        """As a data set has it, of the batch size of the settings."""
        size = self.conf.batch_size
        places = np.arange(count * size) * len(self.items) // (count * size)
        groups = [[self.items[place] for place in places[first : first + size]]
                  for first in range(0, len(places), size)]
        return [self._batch(group, [0] * len(group), self.crop) for group in groups]

    def _batch(self, takes: Sequence[Take], firsts: Sequence[int], units: int) -> Batch:
        lengths = [min(len(take.wave) - first * self.hop, units * self.hop)
                   for take, first in zip(takes, firsts, strict=True)]
        pairs = list(zip(takes, firsts, strict=True))
        info = tuple(SeqInfo(length, take.name, 0, first * self.hop, place).print_to_str()
                     for place, ((take, first), length) in enumerate(zip(pairs, lengths, strict=True)))
        inputs = torch.stack([self._frames(take, first, units) for take, first in pairs])
        targets = torch.stack([self._target(take, first, units) for take, first in pairs])
        return Batch(inputs, targets, info, torch.arange(len(takes)), torch.tensor(lengths))

    def _frames(self, take: Take, first: int, units: int) -> Tensor:
        stride = self.conf.encoder.stride
        start, size = first * stride, self.left + units * stride + self.right
        return _padded(take.frames[start : start + size], size)

    def _target(self, take: Take, first: int, units: int) -> Tensor:
        if self.conf.decoder != "wavenet":
            size, per_unit = units * self.hop // self.conf.mel.hop, self.hop // self.conf.mel.hop
            return _padded(take.mel[first * per_unit :][:size], size)
        wanted = Span(first * self.hop - self.conf.wavenet.receptive_field, (first + units) * self.hop)
        inner = wanted.intersect(Span(0, len(take.wave)))
        return functional.pad(take.wave[inner.start : inner.stop], wanted.beyond(Span(0, len(take.wave))))[:, None]

    def _read(self, folder: Path, name: str) -> Take:
        wave, rate_hz = soundfile.read(folder / "wav" / f"{name}.wav", dtype="float32")
        if rate_hz != self.conf.wav_samp_rate:
            raise DataError(f"{name}.wav has {rate_hz} Hz, not {self.conf.wav_samp_rate}; take the published files")
        wave = wave - wave.mean()
        wave = torch.from_numpy(wave * (PEAK / np.abs(wave).max()))
        digit, speaker, number = name.split("_")
        units, stride = ceil_div(len(wave), self.hop), self.conf.encoder.stride
        most = max(units, self.crop)
        frames = Span(-self.left, stride * most + self.right)
        mel = Span(0, most * self.hop // self.conf.mel.hop)
        return Take(name, int(digit), speaker, int(number), wave, units, compute_frames(self.conf.mfcc, wave, frames),
                    compute_frames(self.conf.mel, wave, mel))


def _padded(rows: Tensor, size: int) -> Tensor:
    """Rows repeated at the end where there are too few: they lie behind the file and count for nothing."""
    return rows if len(rows) == size else torch.cat([rows, rows[-1:].expand(size - len(rows), -1)])
