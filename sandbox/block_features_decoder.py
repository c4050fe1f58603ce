"""The decoder of a features autoencoder: latents and a speaker in, feature frames out."""
import torch
from torch import Tensor, nn

from core_scripts.errors import DataError
from sandbox.config_autoencoder import FeaturesDecoderConfig


class FeaturesDecoder(nn.Module):
    """Rectified convolutions over latents with the speaker's vector beside each of them, then `frames` frames each.

    Told who speaks, the decoder leaves the latents free of it. Nothing is padded: the frames of a crop are those of
    the latents that are its neighbourhoods' middles, `config.geometry`.
    """

    def __init__(self, config: FeaturesDecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.speaker = nn.Embedding(config.speakers, config.speaker_channels) if config.speakers else None
        width = config.in_channels + (config.speaker_channels if config.speakers else 0)
        layers = []
        for kernel in config.kernels:
            layers += [nn.Conv1d(width, config.channels, kernel), nn.ReLU()]
            width = config.channels
        self.layers = nn.Sequential(*layers, nn.Conv1d(width, config.frames * config.bands, 1))

    def forward(self, latents: Tensor, speakers: Tensor | None = None) -> Tensor:
        """latents: (B, L, C_in), speakers: (B,) int64; returns (B, F, bands), F = frames * (L - sum of (kernel - 1)).

        Raises: DataError if speakers are missing or not wanted, or latents are too few.
        """
        if (speakers is None) != (self.speaker is None):
            wish = "was told none" if speakers is None else "was built without one (speakers=0)"
            raise DataError(f"the decoder knows {self.config.speakers} speakers but {wish}; give both or neither")
        field = 1 + sum(kernel - 1 for kernel in self.config.kernels)
        if latents.shape[1] < field:
            raise DataError(f"{latents.shape[1]} latents are fewer than the {field} that one frame needs; "
                            f"take along at least {field - latents.shape[1]} more of context")
        if self.speaker is not None:
            voice = self.speaker(speakers)[:, None].expand(-1, latents.shape[1], -1)
            latents = torch.cat([latents, voice], 2)
        made = self.layers(latents.transpose(1, 2)).transpose(1, 2)
        return made.unflatten(2, (self.config.frames, self.config.bands)).flatten(1, 2)
