"""A loss whose value is 1.25 and whose gradient is exactly 1 per minibatch, to read the manager's arithmetic off it.

In the environment, METER_NAN_FROM=N makes the training loss NaN from epoch N on, METER_NAN_AT=N the validation loss
of epoch N, and METER_BREAK_FROM=N the gradient, though not the loss, from epoch N on. Where file information is passed,
it is noted in calls.jsonl as [is validation, info, ...].
"""
import json
import os

import torch
from model import Model as PlainModel


def setting(name, default):
    """A number from the environment."""
    return int(os.environ.get(name, default))


class Model(PlainModel):
    """One number, `dial`, is trained; with SGD at rate 1 it counts (negatively) the minibatches that were used."""

    def __init__(self, *args):
        super().__init__(*args)
        self.dial = torch.nn.Parameter(torch.zeros(1))
        self.g_epoch_idx = 0
        self.flag_validation = False
        for part in (self.front, self.modulation):
            part.requires_grad_(False)

    def forward(self, x, info=()):
        """The loss itself."""
        if info:
            with open("calls.jsonl", "a") as file:
                file.write(json.dumps([self.flag_validation, *info]) + "\n")
        loss = (self.dial - self.dial.detach()).sum() + 1.25
        if self.flag_validation:
            broken = self.g_epoch_idx == setting("METER_NAN_AT", -1)
        else:
            broken = self.g_epoch_idx >= setting("METER_NAN_FROM", 1000)
            if self.g_epoch_idx >= setting("METER_BREAK_FROM", 1000):
                loss = loss + (self.dial - self.dial.detach()).abs().sqrt().sum()
        return loss * float("nan") if broken else loss


class Loss:
    """The model has computed the loss."""

    def __init__(self, args):
        pass

    def compute(self, output, target):
        """Hand it on."""
        return output
