"""The optimizer of a model with its schedule."""
from argparse import Namespace

import torch

from core_scripts import log
from core_scripts.config_parse.run_options import OPTIMIZERS, OptimizerOptions
from core_scripts.errors import ConfigError
from core_scripts.op_manager.lr_scheduler import LRScheduler

_CLASSES = {name: vars(torch.optim)[name] for name in OPTIMIZERS}


class OptimizerWrapper:
    """`optimizer` and `lr_scheduler` for all parameters of `model`, as the options in `args` want them.

    Raises: ConfigError if options are out of range, or the model has no parameters.
    """

    def __init__(self, model: torch.nn.Module, args: Namespace | None) -> None:
        options = OptimizerOptions.from_args(args)
        self.lr = options.lr
        self.epochs = options.epochs
        self.minutes = options.minutes
        self.no_best_epochs = options.no_best_epochs
        self.grad_clip_norm = options.grad_clip_norm
        self._weight_decay = options.weight_decay
        # Frozen parameters (mean, std) are handed over too: an optimizer state counts parameters, upstream's does so.
        self.optimizer = _make_optimizer(list(model.parameters()), options)
        self.lr_scheduler = LRScheduler(self.optimizer, options)

    def print_info(self) -> None:
        """The settings in force, on stdout."""
        clip = f", gradient norm <= {self.grad_clip_norm:g}" if self.grad_clip_norm > 0 else ""
        log.say(f"Optimizer {type(self.optimizer).__name__}: learning rate {self.lr:g}, "
                f"weight decay {self._weight_decay:g}{clip}; {self.lr_scheduler.describe()}")
        stops = self.no_best_epochs > 0 and self.lr_scheduler.allows_early_stop
        patience = f"fewer after {self.no_best_epochs} without a new best one" if stops else "no early stop"
        end = f"as many as fit into {self.minutes:g} minutes" if self.minutes > 0 else f"{self.epochs}"
        log.say(f"Epochs: {end}, {patience}")

    def set_weight_decay(self) -> None:
        """That of the options, over the one that a loaded state brought."""
        for group in self.optimizer.param_groups:
            group["weight_decay"] = self._weight_decay

    def set_rate_share(self, share: float) -> None:
        """The learning rate as a share of the first one."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * share

    def get_epoch_num(self) -> int:
        """Epochs at most."""
        return self.epochs

    def get_no_best_epoch_num(self) -> int:
        """Epochs without a new best one after which training stops."""
        return self.no_best_epochs

    def get_lr_info(self) -> str:
        """The learning rate in force, as in the table."""
        return f" LR -> {self.lr_scheduler.rate:.2e} "


def _make_optimizer(parameters: list[torch.nn.Parameter], options: OptimizerOptions) -> torch.optim.Optimizer:
    if not parameters:
        raise ConfigError("the model has no parameters; nothing can be trained")
    # Explicit, since AdamW would decay by 0.01 of its own accord.
    return _CLASSES[options.name](parameters, lr=options.lr, weight_decay=options.weight_decay)
