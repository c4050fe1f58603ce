"""A small WaveNet in float64, where engines agree to the last code, and frames for it."""
import math
from dataclasses import replace

import torch

from sandbox.block_wavenet import WaveNet
from sandbox.config_wavenet import WaveNetConfig

CONFIG = WaveNetConfig(layers=6, dilation_cycle=3, residual_channels=6, gate_channels=5, skip_channels=12,
                       post_channels=16, bits=6, cond_channels=3, hop=6)
LENGTHS, NAMES = [20, 47, 1, 33], ["a", "b", "c", "d"]


def make_model(dtype=torch.float64, **changes):
    torch.manual_seed(0)
    model = WaveNet(replace(CONFIG, **changes)).to(dtype)
    with torch.no_grad():
        model.logits.weight.mul_(8)
    return model


def make_frames(config, lengths, dtype=torch.float64):
    """Frames (B, F, C), random for each item as far as its length needs them, zero behind."""
    left, right = config.frame_context()
    counts = [left + math.ceil(length / config.hop) + right for length in lengths]
    generator = torch.Generator().manual_seed(2)
    frames = torch.randn(len(lengths), max(counts), 3, generator=generator, dtype=torch.float64).to(dtype)
    for item, count in enumerate(counts):
        frames[item, count:] = 0
    return frames
