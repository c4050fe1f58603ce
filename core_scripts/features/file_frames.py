"""Frames of a waveform in memory, as of a file that goes on with silence on both sides."""
import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from core_scripts.features.framing import aligned_frames_count
from core_scripts.geometry.span import Span


@functools.cache
def built(record: Any) -> torch.nn.Module:
    """The module of a feature's record, once per process."""
    return record.build().eval()


def compute_frames(record: Any, wave: Tensor, frames: Span) -> Tensor:
    """These frames, (F, dim), of a waveform (T,); they may lie outside of it."""
    needed, file = record.geometry.needs(frames), Span(0, len(wave))
    inner = needed.intersect(file)
    with torch.no_grad():
        return built(record)(functional.pad(wave[inner.start : inner.stop], needed.beyond(file)))


def file_frames(record: Any, wave: np.ndarray) -> np.ndarray:
    """All frames of a waveform (N,), (ceil(N / hop), dim) float32, as they are stored and as recipes compute them."""
    samples = torch.from_numpy(np.ascontiguousarray(wave, dtype=np.float32))
    return compute_frames(record, samples, Span(0, aligned_frames_count(len(wave), record.hop))).numpy()
