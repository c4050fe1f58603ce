"""From logits and a uniform number to a code: the inverse of the cumulative distribution."""
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from core_scripts import streams
from core_scripts.constants import STREAM_GENERATION


def utterance_uniforms(seed: int, names: Sequence[str], lengths: Sequence[int], first: int = 0) -> Tensor:
    """Uniform numbers (longest, B), float64, in [0, 1), for the samples from `first` on.

    A column depends on the seed and its own name only.
    """
    uniforms = np.zeros((max(lengths), len(names)))
    for column, (name, length) in enumerate(zip(names, lengths, strict=True)):
        index = streams.index_of(name)
        uniforms[:length, column] = streams.uniforms(seed, STREAM_GENERATION, index=index, count=length, first=first)
    return torch.from_numpy(uniforms)


def code_probabilities(logits: Tensor, temperature: float) -> Tensor:
    """softmax(logits / temperature) over the last axis, float64; temperature 0 puts all on the largest logit."""
    if temperature == 0:
        return torch.zeros_like(logits, dtype=torch.float64).scatter_(-1, logits.argmax(-1, keepdim=True), 1.0)
    return torch.softmax(logits.double() / temperature, -1)


def draw_codes(logits: Tensor, uniforms: Tensor, temperature: float) -> Tensor:
    """Codes (B,) from logits (B, levels) and one uniform number each (B,): the first code whose CDF exceeds it.

    In float64, so that engines that agree to rounding draw the same codes. Temperature 0 is the most probable code.
    """
    if temperature == 0:
        return logits.argmax(1)
    cumulative = code_probabilities(logits, temperature).cumsum_(1)
    threshold = uniforms[:, None] * cumulative[:, -1:]
    return torch.searchsorted(cumulative, threshold, right=True).squeeze(1).clamp_(max=logits.shape[1] - 1)
