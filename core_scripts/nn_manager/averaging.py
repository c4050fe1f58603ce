"""Polyak averaging: a running mean of the weights, which usually scores better than the weights it follows."""
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from core_scripts import log
from core_scripts.checkpoint.model_record import is_record
from core_scripts.errors import ConfigError


class WeightAverage:
    """Exponential mean of a model's state (Polyak and Juditsky 1992 in the form of Kingma and Ba 2015, section 7.2).

    Raises: ConfigError if the decay is not below 1.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        if not 0 < decay < 1:
            raise ConfigError(f"--polyak {decay:g} would never move; take a number below 1, such as 0.999")
        self.decay = decay
        self.weights = OrderedDict((key, value.detach().clone()) for key, value in module.state_dict().items())
        moving = [key for key in self.weights if not is_record(key)]  # writing a record at each step would cost
        self._pairs = [(self.weights[key], *_find_owner(module, key)) for key in moving]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move towards the weights after optimizer step `step`, faster at first to forget the first weights."""
        share = 1 - min(self.decay, (1 + step) / (10 + step))
        for mean, owner, name in self._pairs:
            value = getattr(owner, name)  # looked up, since modules may put another tensor into a buffer's place
            if mean.is_floating_point():
                mean.lerp_(value, share)
            else:
                mean.copy_(value)  # counters

    @contextmanager
    def in_place_of(self, module: nn.Module) -> Iterator[None]:
        """The model has the averaged weights inside, and its own again afterwards."""
        own = OrderedDict((key, value.clone()) for key, value in module.state_dict().items())
        module.load_state_dict(self.weights)
        try:
            yield
        finally:
            module.load_state_dict(own)


def _find_owner(module: nn.Module, key: str) -> tuple[nn.Module, str]:
    """The part of the model that has this entry of its state dict, and its name there."""
    path, _, name = key.rpartition(".")
    return module.get_submodule(path), name


def start_average(module: nn.Module, decay: float, stored: dict[str, Tensor] | None) -> WeightAverage | None:
    """The average of --polyak, from the one stored where there is one, else from the weights as they are; 0: none."""
    if not decay:
        return None
    average = WeightAverage(module, decay)
    if stored:
        for key, value in average.weights.items():
            if not is_record(key):  # that of the model counts, which may know more features by now
                value.copy_(stored[key])
    log.say(f"Validation and the trained model use averaged weights (--polyak {decay:g}); raw ones are scored beside")
    return average
