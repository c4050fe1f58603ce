"""Latents to normalised log-mel frames: as the decoder of an autoencoder, or as a guide beside another one."""
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from core_scripts.features.config_mel import MelConfig
from core_scripts.geometry.ops import ceil_div
from core_scripts.geometry.span import Span
from sandbox.block_features_decoder import FeaturesDecoder
from sandbox.config_autoencoder import FeaturesDecoderConfig


class MelDecoder(nn.Module):
    """Latents and a speaker to frames, one every `hop` samples; first: the number of the first latent of a crop."""

    def __init__(self, config: FeaturesDecoderConfig, first: int, hop: int) -> None:
        super().__init__()
        self.first, self.hop = first, hop
        self.net = FeaturesDecoder(config)

    def error(self, latents: Tensor, speakers: Tensor | None, targets: Tensor, lengths: Tensor) -> Tensor:
        """Mean squared error against the frames (B, F, bands); lengths: (B,) samples that belong to each item."""
        made = self.generate(latents, speakers, lengths)[:, : targets.shape[1]]
        places = torch.arange(made.shape[1], device=lengths.device)
        inside = (places < -(-lengths // self.hop)[:, None]).unsqueeze(-1)
        squares = ((made - targets[:, : made.shape[1]]) * inside).square()
        return squares.sum() / (inside.sum() * made.shape[2])

    def generate(self, latents: Tensor, speakers: Tensor | None, lengths: Tensor, names: Sequence[str] = ()) -> Tensor:
        """(B, L, D) latents to frames (B, F, bands), from the first frame of the crop to that of its last sample.

        names: of the utterances; of no use here, where nothing is drawn.
        """
        made = self.net(latents, speakers)
        skipped = -self.net.config.geometry.gives(Span(self.first, self.first + latents.shape[1])).start
        return made[:, skipped : skipped + ceil_div(int(lengths.max()), self.hop)]


class MelGuide(nn.Module):
    """A mel decoder beside another one, which keeps the level and the spectrum in the units while it counts.

    skipped: samples of a target that lie before those of its first frame.
    """

    def __init__(self, decoder: MelDecoder, mel: MelConfig, skipped: int) -> None:
        super().__init__()
        self.decoder, self.mel, self.skipped = decoder, mel.build(), skipped
        self.register_buffer("mean", torch.zeros(mel.bands))
        self.register_buffer("std", torch.ones(mel.bands))

    def frames(self, waves: Tensor) -> Tensor:
        """(B, R + T + overhang, 1) waveforms to the log-mel frames (B, F, bands) of the T samples."""
        return self.mel(waves[:, self.skipped :, 0])

    def start(self, waves: list[Tensor]) -> None:
        """Mean and deviation of the frames, from some waveforms."""
        frames = torch.cat([self.frames(wave).flatten(0, 1) for wave in waves])
        self.mean.copy_(frames.mean(0))
        self.std.copy_(frames.std(0))

    def error(self, latents: Tensor, speakers: Tensor | None, waves: Tensor, lengths: Tensor) -> Tensor:
        """Mean squared error of normalised frames."""
        return self.decoder.error(latents, speakers, (self.frames(waves) - self.mean) / self.std, lengths)
