"""A few thousand samples learnt by heart: the shortest test of model, conditioning, loss and generation together."""
import math

import numpy as np
import pytest
import torch

from core_scripts.corpus.recipe import CorpusRecipe
from core_scripts.corpus.score import write_score
from core_scripts.corpus.speech import synthesise
from core_scripts.corpus.voices import VOICES
from core_scripts.features.config_mel import MelConfig
from core_scripts.features.mulaw import encode
from core_scripts.generation.engine import GenerationOptions, generate
from sandbox.block_wavenet import WaveNet
from sandbox.config_wavenet import WaveNetConfig

RATE_HZ = 16000
SAMPLES = RATE_HZ // 4
START = 16000  # behind the pause at the beginning
MEL = MelConfig(rate_hz=RATE_HZ)
CONFIG = WaveNetConfig(layers=14, dilation_cycle=7)


def make_speech():
    """A quarter of a second out of the first utterance of the synthetic corpus, float32 in [-1, 1]."""
    wave, _ = synthesise(write_score(CorpusRecipe().seed, 0, VOICES[0]), RATE_HZ, CorpusRecipe().seed, 0)
    return torch.from_numpy(np.asarray(wave[START : START + SAMPLES], dtype=np.float32))


def make_frames(wave):
    """The normalised frames (1, F, 80) of [0, SAMPLES) with the model's context, silence around the file."""
    left, right = CONFIG.frame_context()
    covered = MEL.geometry.taps(-left)[0], MEL.geometry.taps(SAMPLES // MEL.hop + right - 1)[-1] + 1
    frames = MEL.build()(torch.cat([torch.zeros(-covered[0]), wave, torch.zeros(covered[1] - SAMPLES)])[None])
    return (frames - frames.mean((0, 1))) / frames.std((0, 1))


@pytest.mark.slow
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
    assert bits < 0.1, f"{bits} bits after {steps} steps"
    generated = generate(model, frames, [SAMPLES], ["speech"], GenerationOptions(temperature=0, rate_hz=RATE_HZ))
    assert (generated == codes[:, field:]).float().mean() >= 0.99
