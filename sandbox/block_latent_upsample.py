"""From latents to one conditioning vector per sample, for decoders that run on waveforms."""
from collections.abc import Callable

from torch import Tensor, nn

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

    def _mix(self, latents: Tensor, first: int) -> tuple[Tensor, int]:
        """The mixed latents that these give whole, and which of them is the first."""
        mixed = self._mixing.gives(Span(first, first + latents.shape[1]))
        return self.mix(latents.transpose(1, 2)).transpose(1, 2), mixed.start
