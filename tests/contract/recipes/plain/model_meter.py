"""A loss whose value is 1.25 and whose gradient is exactly 1 per minibatch, to read the manager's arithmetic off it.

METER_NAN_FROM=N in the environment makes the loss NaN from epoch N on.
"""
import os

import torch
from model import Model as PlainModel


class Model(PlainModel):
    """One number, `dial`, is trained; with SGD at rate 1 it counts (negatively) the minibatches that were used."""

    def __init__(self, *args):
        super().__init__(*args)
        self.dial = torch.nn.Parameter(torch.zeros(1))
        self.g_epoch_idx = 0
        for part in (self.front, self.modulation):
            part.requires_grad_(False)

    def forward(self, x):
        """The loss itself."""
        value = float("nan") if self.g_epoch_idx >= int(os.environ.get("METER_NAN_FROM", "1000")) else 1.25
        return (self.dial - self.dial.detach()).sum() + value


class Loss:
    """The model has computed the loss."""

    def __init__(self, args):
        pass

    def compute(self, output, target):
        """Hand it on."""
        return output
