"""Every optional hook of upstream's managers; what happens is noted in calls.jsonl, in order."""
import json

import torch
import torch.nn.functional as torch_nn_func
from model import Loss as PlainLoss
from model import Model as PlainModel


def note(*words):
    """Append one event."""
    with open("calls.jsonl", "a") as file:
        file.write(json.dumps(words) + "\n")


class Model(PlainModel):
    """The attributes g_flag_validation, flag_validation and g_epoch_idx belong to the manager."""

    def __init__(self, *args):
        super().__init__(*args)
        self.g_pretrained_model_path = ["front.pt"]
        self.g_pretrained_model_prefix = ["front"]
        self.flag_validation = False
        self.g_flag_validation = False
        self.g_epoch_idx = -1
        self.generated = 0

    def other_setups(self):
        """Called once before training; the pre-trained part is loaded after it."""
        note("other_setups")
        with torch.no_grad():
            self.front.weight.fill_(7.0)

    def forward(self, x):
        """As in the plain model."""
        if self.generated == 0:
            self.generated = 1
            note("front", self.front.weight.flatten()[0].item())
        note("epoch", self.g_epoch_idx, self.flag_validation, self.g_flag_validation, self.training)
        return super().forward(x)

    def loss(self, output, target):
        """Goes before Loss.compute, and sees the target as it is in the file."""
        note("loss", target.abs().max().item() <= 1.0)
        return torch_nn_func.mse_loss(output, self.normalize_target(target).squeeze(-1))

    def inference(self, x):
        """Nothing for the second utterance."""
        self.generated += 1
        note("inference", self.training, torch.is_grad_enabled())
        return None if self.generated == 2 else super().forward(x)

    def finish_up_inference(self):
        """Called once after the last utterance."""
        note("finish_up_inference")


class Loss(PlainLoss):
    """Not to be called, since the model has a loss of its own."""

    def compute(self, output, target):
        """Note the mistake."""
        note("Loss.compute")
        return super().compute(output, target)
