"""A loss whose value is 1.25 and whose gradient is exactly 1 per minibatch, to read the manager's arithmetic off it.

METER_NAN_FROM=N in the environment makes the training loss NaN from epoch N on, METER_NAN_AT=N the validation loss
of epoch N. Where file information is passed, it is noted in calls.jsonl as [is validation, info, ...].
"""
import json
import os

import torch
from model import Model as PlainModel


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
        if self.flag_validation:
            broken = self.g_epoch_idx == int(os.environ.get("METER_NAN_AT", "-1"))
        else:
            broken = self.g_epoch_idx >= int(os.environ.get("METER_NAN_FROM", "1000"))
        return (self.dial - self.dial.detach()).sum() + (float("nan") if broken else 1.25)


class Loss:
    """The model has computed the loss."""

    def __init__(self, args):
        pass

    def compute(self, output, target):
        """Hand it on."""
        return output
