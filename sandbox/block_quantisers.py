"""The five kinds of bottleneck on normalised latents (B, L, P), behind one call."""
import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from sandbox.block_codebook import (
    codebook_loss,
    commitment_loss,
    draw_tokens,
    find_means,
    nearest_codes,
    pass_rotated,
    pass_straight,
    smooth_counts,
    sums_by_code,
)
from sandbox.config_bottleneck import BottleneckConfig

_LOG_VARIANCES = (-14.0, 7.0)  # sigma from 1e-3 to 33
_RESTART_USAGE = 0.5  # of a code that was just restarted, relative to uniform use: time to be chosen
_FSQ_MARGIN = 1e-3  # widens the range so that the outermost levels can be reached (Mentzer et al. 2023, code)


class BottleneckOut(NamedTuple):
    """What a bottleneck tells beside its output."""

    loss: Tensor  # to be added to the reconstruction's: a mean over latents
    latents: Tensor  # (B, L, P) as the kind saw them, normalised; of the vae the means; without gradient
    quantised: Tensor | None = None  # (B, L, P) the codes' own vectors; None of continuous kinds
    codes: Tensor | None = None  # (B, L) int64; None of continuous kinds
    kl_nats: Tensor | None = None  # of the vae: mean divergence per latent, whatever is free


class Pass(nn.Module):
    """ae: no quantisation."""

    def forward(self, latents: Tensor, extra: Tensor, weight: float) -> tuple[Tensor, BottleneckOut]:
        """latents (B, L, P) as they are; extra (M, P) and weight mean nothing here."""
        return latents, BottleneckOut(latents.new_zeros(()), latents.detach())


class Sample(nn.Module):
    """vae: N(mean, variance) per value (Kingma and Welling 2014), with free bits (Kingma et al. 2016)."""

    def __init__(self, config: BottleneckConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, latents: Tensor, extra: Tensor, weight: float) -> tuple[Tensor, BottleneckOut]:
        """latents: (B, L, 2 P) means and log variances; extra: means nothing here; weight: of the divergence.

        Returns (B * samples, L, P) samples in training, those of an item one after the other, else (B, L, P) means.
        The loss is in nats per latent: divide by samples per latent where the reconstruction's is per sample.
        """
        mean, log_variance = latents.chunk(2, -1)
        log_variance = log_variance.clamp(*_LOG_VARIANCES)
        divergence = normal_kl_nats(mean, log_variance)
        loss = weight * spare_free_bits(divergence, self.config.free_bits)
        out = BottleneckOut(loss, mean.detach(), kl_nats=divergence.detach().sum(-1).mean())
        if not self.training:
            return mean, out
        mean, log_variance = (value.repeat_interleave(self.config.samples, 0) for value in (mean, log_variance))
        return mean + (0.5 * log_variance).exp() * torch.randn_like(mean), out


def normal_kl_nats(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(m, v) || N(0, 1)) = (m**2 + v - 1 - ln v) / 2, value by value."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


def spare_free_bits(divergence: Tensor, free_bits: float) -> Tensor:
    """Nats per latent of a divergence (B, L, P), each of the P values counted with free_bits / P bits at least.

    The mean over the batch is taken before the comparison, so that single latents may carry less or more.
    """
    per_value = divergence.flatten(0, -2).mean(0)
    return per_value.clamp(min=free_bits * math.log(2) / len(per_value)).sum()


class VectorQuantiser(nn.Module):
    """vq and vq-ema: the nearest vector of a codebook (van den Oord et al. 2017, running means: appendix A.1).

    Counts are relative to uniform use, 1 for every code if all are used alike, so that thresholds do not depend on the
    batch. All state is in buffers of fixed shapes. It changes in training steps alone: neither in evaluation nor where
    no gradient is wanted. Restarts draw from torch's default generator, which the managers reseed from (seed, step)
    before every step: a function of integers as `streams` are, and on the same footing as dropout and jitter.
    """

    def __init__(self, config: BottleneckConfig) -> None:
        super().__init__()
        self.config = config
        codebook = torch.randn(config.codes, config.inner_dim)
        if config.kind == "vq":
            self.codebook = nn.Parameter(codebook)
        else:
            self.register_buffer("codebook", codebook)
            self.register_buffer("sums", codebook.clone())
        self.register_buffer("usage", torch.ones(config.codes))
        self.register_buffer("restarts", torch.zeros((), dtype=torch.int64))  # since the beginning

    def forward(self, latents: Tensor, extra: Tensor, weight: float) -> tuple[Tensor, BottleneckOut]:
        """latents: (B, L, P); extra: (M, P) more that only count; weight: of the commitment. Returns (B, L, P)."""
        tokens = torch.cat([latents.flatten(0, 1), extra])
        codes = nearest_codes(tokens.detach(), self.codebook.detach())
        chosen = functional.embedding(codes, self.codebook)
        loss = weight * self.config.commitment * commitment_loss(tokens, chosen)
        if self.config.kind == "vq":
            loss = loss + codebook_loss(tokens, chosen)
        if self.training and torch.is_grad_enabled():
            self._follow(tokens.detach(), codes)
        own, chosen = latents.flatten(0, 1), chosen[: latents.shape[0] * latents.shape[1]].detach()
        through = pass_rotated if self.config.gradient == "rotation" else pass_straight
        out = BottleneckOut(loss, latents.detach(), chosen.view_as(latents), codes[: len(own)].view(latents.shape[:2]))
        return through(own, chosen).view_as(latents), out

    def vectors(self, codes: Tensor) -> Tensor:
        """(...) codes to (..., P)."""
        return functional.embedding(codes, self.codebook)

    @torch.no_grad()
    def start(self, tokens: Tensor, seed: int) -> None:
        """Put the codes on the means that k-means finds. Raises: DataError if there are fewer tokens than codes."""
        self.codebook.copy_(find_means(tokens, self.config.codes, seed))
        self.usage.fill_(1.0)
        if self.config.kind == "vq-ema":
            self.sums.copy_(self.codebook)

    @torch.no_grad()
    def _follow(self, tokens: Tensor, codes: Tensor) -> None:
        """Running counts, for vq-ema the codes as running means too, and a new place for codes that are out of use."""
        count, share = self.config.codes, 1 - self.config.decay
        counts, sums = sums_by_code(tokens, codes, count)
        self.usage.lerp_(counts * (count / len(tokens)), share)
        if self.config.kind == "vq-ema":
            self.sums.lerp_(sums * (count / len(tokens)), share)
            self.codebook.copy_(self.sums / smooth_counts(self.usage, self.config.smoothing)[:, None])
        if self.config.restart_below:
            self._restart(self.usage < self.config.restart_below, draw_tokens(tokens, count))

    def _restart(self, is_dead: Tensor, places: Tensor) -> None:
        """places: (K, P), drawn for all codes, so that no step waits to hear how many are dead."""
        self.codebook.copy_(torch.where(is_dead[:, None], places, self.codebook))
        self.usage.masked_fill_(is_dead, _RESTART_USAGE)
        if self.config.kind == "vq-ema":
            self.sums.copy_(torch.where(is_dead[:, None], places * _RESTART_USAGE, self.sums))
        self.restarts += is_dead.sum()


class ScalarQuantiser(nn.Module):
    """fsq: each value bounded by tanh and rounded to one of its levels (Mentzer et al. 2023).

    A code is the number whose digits are the levels, the first value's being the lowest.
    """

    def __init__(self, config: BottleneckConfig) -> None:
        super().__init__()
        levels = torch.tensor(config.levels)
        places = torch.cat([torch.ones(1, dtype=torch.int64), levels.cumprod(0)[:-1]])
        # All follow from the configuration, so checkpoints need not hold them.
        self.register_buffer("levels", levels, persistent=False)
        self.register_buffer("places", places, persistent=False)

    def forward(self, latents: Tensor, extra: Tensor, weight: float) -> tuple[Tensor, BottleneckOut]:
        """latents (B, L, P) to values on a grid in [-1, 1]; extra and weight mean nothing here."""
        bounded = self._bound(latents)
        digits = bounded.round()
        half = self.levels // 2
        codes = ((digits.detach() + half).long() * self.places).sum(-1)
        out = BottleneckOut(latents.new_zeros(()), (bounded / half).detach(), (digits / half).detach(), codes)
        return pass_straight(bounded, digits) / half, out

    def vectors(self, codes: Tensor) -> Tensor:
        """(...) codes to (..., P)."""
        half = self.levels // 2
        return (codes[..., None] // self.places % self.levels - half) / half

    def _bound(self, latents: Tensor) -> Tensor:
        """Into the range whose rounding gives the levels, zero to zero; of an even number one more lies below zero."""
        reach = (self.levels - 1) * (1 + _FSQ_MARGIN) / 2
        offset = torch.where(self.levels % 2 == 0, 0.5, 0.0)
        return torch.tanh(latents + torch.atanh(offset / reach)) * reach - offset


def build_core(config: BottleneckConfig) -> Pass | Sample | VectorQuantiser | ScalarQuantiser:
    """The module for `config.kind`."""
    if config.has_codebook:
        return VectorQuantiser(config)
    kinds = {"ae": lambda config: Pass(), "vae": Sample, "fsq": ScalarQuantiser}
    return kinds[config.kind](config)
