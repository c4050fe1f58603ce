"""Codebooks collapse on this problem unless they are kept alive: 64 clusters, crops of alike vectors, 256 codes."""
from dataclasses import replace

import pytest
import torch

from sandbox.block_bottleneck import Bottleneck
from sandbox.config_bottleneck import BottleneckConfig

CLUSTERS, WIDTH, CROP, ITEMS, STEPS = 64, 64, 14, 8, 1500
ALIVE = BottleneckConfig(in_channels=WIDTH, dim=16, codes=256)
PLAIN = replace(ALIVE, restart_below=0.0)


class Clusters:
    """Crops that stay near one or two of 64 points, as neighbouring latents of speech do."""

    def __init__(self):
        self.generator = torch.Generator().manual_seed(0)
        self.centres = torch.randn(CLUSTERS, WIDTH, generator=self.generator)

    def draw(self, items):
        drawn = torch.randint(CLUSTERS, (items, 2), generator=self.generator)
        second = torch.arange(CROP)[None] >= torch.randint(4, CROP, (items, 1), generator=self.generator)
        which = torch.where(second, drawn[:, 1:], drawn[:, :1])
        return self.centres[which] + 0.3 * torch.randn(items, CROP, WIDTH, generator=self.generator)


def make_network(inputs):
    return torch.nn.Sequential(torch.nn.Linear(inputs, 128), torch.nn.ReLU(), torch.nn.Linear(128, WIDTH))


def train_and_count(config, is_started):
    """Perplexity of the codes of 200 new crops after training to reconstruct."""
    data, encoder, decoder, bottleneck = Clusters(), make_network(WIDTH), make_network(16), Bottleneck(config)
    modules = torch.nn.ModuleList([encoder, bottleneck, decoder])
    if is_started:
        with torch.no_grad():
            bottleneck.start(encoder(10 * data.draw(200)), seed=1)
    optimizer = torch.optim.Adam(modules.parameters(), lr=1e-3)
    for _ in range(STEPS):
        x = data.draw(ITEMS)
        values, out = bottleneck(encoder(10 * x))
        loss = (decoder(values) - x).square().mean() + out.loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        _, out = bottleneck.eval()(encoder(10 * data.draw(200)))
    shares = torch.bincount(out.codes.flatten(), minlength=256) / out.codes.numel()
    return float(torch.special.entr(shares).sum().exp())


@pytest.mark.slow
def test_running_means_alone_leave_codes_unused_and_a_start_with_restarts_uses_them():
    plain, alive = train_and_count(PLAIN, is_started=False), train_and_count(ALIVE, is_started=True)
    assert plain < 85 and alive > 120
