"""A few thousand samples learnt by heart: the shortest test of model, conditioning, loss and generation together."""
import math

import numpy as np
import torch
from scipy.signal import lfilter

from core_scripts.features.config_mel import MelConfig
from core_scripts.features.mulaw import encode
from core_scripts.generation.engine import GenerationOptions, generate
from sandbox.block_wavenet import WaveNet
from sandbox.config_wavenet import WaveNetConfig

RATE_HZ = 16000
SAMPLES = RATE_HZ // 4
MEL = MelConfig(rate_hz=RATE_HZ, bands=40)
CONFIG = WaveNetConfig(layers=14, dilation_cycle=7, skip_channels=64, post_channels=64, cond_channels=40, hop=MEL.hop)


def make_speech():
    """A gliding pulse train and noise through three formants, float32 in [-0.5, 0.5]."""
    time = np.arange(SAMPLES) / RATE_HZ
    phase = np.cumsum(120 + 30 * np.sin(2 * np.pi * 3 * time)) / RATE_HZ
    wave = np.diff(np.floor(phase), prepend=0) + 0.01 * np.random.default_rng(0).standard_normal(SAMPLES)
    for centre_hz, width_hz in ((600, 90), (1300, 120), (2500, 180)):
        radius = math.exp(-math.pi * width_hz / RATE_HZ)
        wave = lfilter([1], [1, -2 * radius * math.cos(2 * math.pi * centre_hz / RATE_HZ), radius**2], wave)
    return torch.from_numpy((0.5 * wave / np.abs(wave).max()).astype(np.float32))


def make_frames(wave):
    """The normalised frames (1, F, 40) of [0, SAMPLES) with the model's context, silence around the file."""
    left, right = CONFIG.frame_context()
    covered = MEL.geometry.taps(-left)[0], MEL.geometry.taps(SAMPLES // MEL.hop + right - 1)[-1] + 1
    frames = MEL.build()(torch.cat([torch.zeros(-covered[0]), wave, torch.zeros(covered[1] - SAMPLES)])[None])
    return (frames - frames.mean((0, 1))) / frames.std((0, 1))


def test_a_quarter_second_is_learnt_in_100_steps_and_comes_back_by_argmax():
    torch.manual_seed(0)
    wave, field = make_speech(), CONFIG.receptive_field
    frames, codes = make_frames(wave), encode(torch.cat([torch.zeros(field), wave])[None], CONFIG.levels)
    model, lengths, bits, steps = WaveNet(CONFIG), torch.tensor([SAMPLES]), 8.0, 0
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    while bits > 0.02 and steps < 100:
        optimizer.zero_grad()
        loss = model.loss(codes, frames, lengths)
        loss.backward()
        optimizer.step()
        bits, steps = loss.item() / math.log(2), steps + 1
    assert bits < 0.1
    generated = generate(model, frames, [SAMPLES], ["speech"], GenerationOptions(temperature=0, rate_hz=RATE_HZ))
    assert (generated == codes[:, field:]).float().mean() >= 0.99
