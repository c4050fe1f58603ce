"""GAN training: another step over the same epochs. Inference is the ordinary one, on the generator."""
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from core_scripts import log
from core_scripts.checkpoint.train_state import require_same_step
from core_scripts.constants import STREAM_MODEL, STREAM_VALIDATION
from core_scripts.data_io.collate import Batch
from core_scripts.errors import ConfigError, NonFiniteLossError
from core_scripts.nn_manager.grouping import Group
from core_scripts.nn_manager.model_base import adapt_model
from core_scripts.nn_manager.nn_manager import start_run, train_epochs
from core_scripts.nn_manager.nn_manager_tools import Losses, call_model, describe_fault, seed_model_randomness
from core_scripts.nn_manager.steps import clip_gradients
from core_scripts.nn_manager.training_run import Player, TrainingRun, prepare_new_run, take_up


@dataclass(frozen=True)
class GANLosses:
    """The losses of the two players as functions of (natural, generated, condition).

    `auxiliary` (feature distances of the generator) may be absent.
    """

    discriminator: Callable[..., torch.Tensor]
    generator: Callable[..., torch.Tensor]
    auxiliary: Callable[..., torch.Tensor] | None


def f_train_wrapper_GAN(
    args, pt_model_G, pt_model_D, loss_wrapper, device, optimizer_G_wrapper, optimizer_D_wrapper,
    train_dataset_wrapper, val_dataset_wrapper=None, checkpoint_G=None, checkpoint_D=None,
) -> None:  # fmt: skip
    """Train a generator against a discriminator. Files carry _G and _D; best is the lowest sum of both losses.

    Losses come from the models (`D.loss_for_D`, `D.loss_for_G`, `G.loss_aux`) or, in the older form, from
    loss_wrapper (`compute_gan_D_real`, `compute_gan_D_fake`, `compute_gan_G`, optional `compute_aux`).
    Raises: as f_train_wrapper; ConfigError if neither form is there.
    """
    generator = Player(adapt_model(pt_model_G), optimizer_G_wrapper, "_G")
    discriminator = Player(adapt_model(pt_model_D), optimizer_D_wrapper, "_D")
    run = start_run(args, (generator, discriminator), device, train_dataset_wrapper)
    if run.options.accumulate > 1:
        raise ConfigError("--size-accumulate-grad is for one model with one loss; GAN training has no use for it")
    if run.options.amp != "none" or run.options.polyak:
        raise ConfigError("--amp and --polyak are for one model with one loss; leave them out of GAN training")
    require_same_step((checkpoint_G, checkpoint_D))
    take_up(run, generator, checkpoint_G)
    take_up(run, discriminator, checkpoint_D, history=False)
    prepare_new_run(run, train_dataset_wrapper)
    for player in run.players:
        player.optimizer.print_info()
        log.say(f"Model {type(player.hooks.module).__name__} on {device}")
    losses = adapt_gan_losses(pt_model_G, pt_model_D, loss_wrapper)

    def step(run: TrainingRun, batch: Batch, group: Group) -> Losses:
        return gan_step(run, losses, batch)

    def validation_step(run: TrainingRun, batch: Batch, group: Group) -> Losses:
        return gan_validation_step(run, losses, batch)

    train_epochs(run, train_dataset_wrapper, val_dataset_wrapper, step, validation_step)


def gan_step(run: TrainingRun, losses: GANLosses, batch: Batch) -> Losses:
    """One generation, one update of the discriminator on it, one of the generator; then the data position moves on.

    Raises: NonFiniteLossError, which ends the run; the discriminator may have been updated then.
    """
    seed_model_randomness(run.options.seed, STREAM_MODEL, run.step, 0)
    for player in run.players:
        player.hooks.schedule(run.step)
    generator, discriminator = run.players
    natural, condition = batch.targets, batch.inputs
    generated = call_model(generator.hooks.module, batch, generator.hooks, run.call)

    loss_d = losses.discriminator(natural, generated.detach(), condition)
    _update(discriminator, loss_d, batch)
    loss_g = losses.generator(natural, generated, condition)
    if losses.auxiliary is not None:
        loss_g = loss_g + losses.auxiliary(natural, generated, condition)
    _update(generator, loss_g, batch)
    run.position, run.step = run.position.advance(len(batch.index)), run.step + 1
    return _both(loss_g, loss_d)


def gan_validation_step(run: TrainingRun, losses: GANLosses, batch: Batch) -> Losses:
    """Both losses without an update."""
    seed_model_randomness(run.options.seed, STREAM_VALIDATION, run.position.epoch, int(batch.index[0]))
    hooks = run.players[0].hooks
    generated = call_model(hooks.module, batch, hooks, run.call)
    loss_g = losses.generator(batch.targets, generated, batch.inputs)
    if losses.auxiliary is not None:
        loss_g = loss_g + losses.auxiliary(batch.targets, generated, batch.inputs)
    return _both(loss_g, losses.discriminator(batch.targets, generated, batch.inputs))


def adapt_gan_losses(generator: Any, discriminator: Any, loss_wrapper: Any) -> GANLosses:
    """The losses in whichever of the two forms the recipe defines them. Raises: ConfigError if in neither."""
    on_model = [getattr(discriminator, name, None) for name in ("loss_for_D", "loss_for_G")]
    if all(map(callable, on_model)):
        return GANLosses(on_model[0], on_model[1], getattr(generator, "loss_aux", None))
    names = ("compute_gan_D_real", "compute_gan_D_fake", "compute_gan_G")
    real, fake, fool = (getattr(loss_wrapper, name, None) for name in names)
    if not all(map(callable, (real, fake, fool))):
        raise ConfigError("GAN losses are missing: define loss_for_D and loss_for_G on D, or "
                          f"{', '.join(names)} on Loss")
    foreign = [name for name in ("compute_feat_match", "flag_wgan") if getattr(loss_wrapper, name, None)]
    if foreign:
        raise ConfigError(f"{', '.join(foreign)} of the Loss has no part in this GAN training; remove it, or put the "
                          "feature distance into compute_aux")
    auxiliary = getattr(loss_wrapper, "compute_aux", None)
    return GANLosses(
        discriminator=lambda natural, generated, condition: (
            real(discriminator(natural, condition)) + fake(discriminator(generated, condition))
        ),
        generator=lambda natural, generated, condition: fool(discriminator(generated, condition)),
        auxiliary=None if auxiliary is None else lambda natural, generated, condition: auxiliary(generated, natural),
    )


def _update(player: Player, loss: torch.Tensor, batch: Batch) -> None:
    _require_finite("loss", float(loss.detach()), batch)
    player.optimizer.optimizer.zero_grad()  # the other player's loss went through this one too
    loss.backward()
    _require_finite("norm of the gradient", clip_gradients(player), batch)
    player.optimizer.optimizer.step()


def _require_finite(what: str, value: float, batch: Batch) -> None:
    """Raises: NonFiniteLossError, which ends the game."""
    if not math.isfinite(value):
        raise NonFiniteLossError(f"{describe_fault(what, value, batch)}; the run ends, and saved states are from "
                                 "before it. Lower --lr, set --grad-clip-norm, or look at these files")


def _both(loss_g: torch.Tensor, loss_d: torch.Tensor) -> Losses:
    return Losses(loss_g + loss_d, (float(loss_g.detach()), float(loss_d.detach())), (True, True))
