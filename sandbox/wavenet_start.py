"""First weights of a categorical WaveNet that know what its codes mean."""
import math

import torch
from torch import Tensor

from core_scripts.features import mulaw
from sandbox.block_wavenet import WaveNet

_PLAIN_ROWS = 8  # of the vector of a code: half its companded and half its linear amplitude
_PLAIN_GAINS = (2.0, 4.0)
_SINE_WIDTH = 6.0
_LOGIT_GAIN = 0.3


@torch.no_grad()
def start_smoothly(net: WaveNet, codes: Tensor) -> None:
    """Let neighbouring codes have similar vectors, and the first guess be the frequencies of these codes (N,).

    A vector holds the companded and the linear amplitude and slow random sines of the former. Measured: 5.53 bits
    where usual first weights had 5.69 after 45 s. Heads other than the categorical one are left as they are.
    """
    if net.config.head != "categorical":
        return
    levels, channels = net.config.levels, net.config.residual_channels
    companded = torch.linspace(-1, 1, levels)
    linear = mulaw.decode(torch.arange(levels), levels)
    plain = torch.stack([companded * _PLAIN_GAINS[0], linear * _PLAIN_GAINS[1]], 1).repeat(1, _PLAIN_ROWS // 2)
    waves = max(0, channels - _PLAIN_ROWS)
    sines = torch.sin(companded[:, None] * torch.randn(waves) * _SINE_WIDTH + torch.rand(waves) * 2 * math.pi)
    table = net.embed.table if net.config.input_bias else net.embed.weight
    table.copy_(torch.cat([plain, sines], 1)[:, :channels])
    counts = torch.bincount(codes.flatten().cpu(), minlength=levels).float() + 1
    net.logits.bias.copy_((counts / counts.sum()).log())
    net.logits.weight.mul_(_LOGIT_GAIN)
