"""From latents to one conditioning vector per sample, for decoders that run on waveforms."""
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from core_scripts.geometry.span import Span
from sandbox.block_upsample import CropCondition, FollowedCondition, TransposedUpsample, take_frames
from sandbox.config_autoencoder import UpsamplerConfig


class LatentUpsample(nn.Module):
    """A convolution over neighbouring latents, then transposed ones, linear throughout (Chorowski et al. 2019).

    It has the three ways of `TransposedUpsample` to be read: `forward`, `crop` and `follow`.
    """

    points = None

    def __init__(self, config: UpsamplerConfig) -> None:
        super().__init__()
        self.geometry = config.geometry
        self._mixing = config.mixing
        self.mix = nn.Conv1d(config.in_channels, config.channels, config.mix)
        self.rise = TransposedUpsample(config.rise, config.channels)
        if config.equalised:
            self._equalise()

    def forward(self, latents: Tensor, first: int, out: Span) -> Tensor:
        """(B, L, C_in) latents, of which latent `first` is the first, to (B, len(out), C) at the sample positions.

        Raises: DataError if a latent is missing.
        """
        latents, held = take_frames(self.geometry, latents, first, out)
        return self.rise(*self._mix(latents, held.start), out)

    def crop(self, latents: Tensor, first: int, out: Span) -> CropCondition:
        """As of `TransposedUpsample`."""
        latents, held = take_frames(self.geometry, latents, first, out)
        return self.rise.crop(*self._mix(latents, held.start), out)

    def follow(self, latents: Tensor, first: int, project: Callable[[Tensor], Tensor]) -> FollowedCondition:
        """As of `TransposedUpsample`."""
        return self.rise.follow(*self._mix(latents, first), project)

    def _equalise(self) -> None:
        width, inputs, _ = self.mix.weight.shape
        with torch.no_grad():
            self.mix.weight.zero_()
            self.mix.bias.zero_()
            middle = torch.empty(width, inputs)
            nn.init.orthogonal_(middle, gain=max(1.0, math.sqrt(width / inputs)))  # each channel keeps the variance
            self.mix.weight[:, :, self.mix.kernel_size[0] // 2] = middle
        equalise(self.mix, self.mix.weight[0].numel())
        for stage in self.rise.stages:
            equalise(stage, width * stage.kernel_size[0] // stage.stride[0])

    def _mix(self, latents: Tensor, first: int) -> tuple[Tensor, int]:
        """The mixed latents that these give whole, and which of them is the first."""
        mixed = self._mixing.gives(Span(first, first + latents.shape[1]))
        return self.mix(latents.transpose(1, 2)).transpose(1, 2), mixed.start


class Scaled(nn.Module):
    """A weight as a constant times what is stored and trained."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, stored: Tensor) -> Tensor:
        return stored * self.scale

    def right_inverse(self, weight: Tensor) -> Tensor:
        return weight / self.scale


def equalise(layer: nn.Module, inputs: int) -> None:
    """Let the layer's weight and bias, as they are, be trained at a pace that suits so many inputs per output."""
    for name in ("weight", "bias"):
        parametrize.register_parametrization(layer, name, Scaled(inputs**-0.5))
