"""The strided encoder of an autoencoder (Chorowski et al. 2019)."""
import torch
from torch import Tensor, nn

from core_scripts.errors import DataError
from sandbox.config_autoencoder import EncoderConfig


class Encoder(nn.Module):
    """Rectified convolutions, of which those that keep the rate add their input. Nothing is padded.

    A crop of frames gives the latents that it holds whole: those of `config.geometry`, if its first frame is the first
    that a latent needs.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        widths = (config.in_channels, *[config.channels] * (len(config.kernels) - 1))
        self.layers = nn.ModuleList(
            nn.Conv1d(width, config.channels, kernel, stride)
            for width, kernel, stride in zip(widths, config.kernels, config.strides, strict=True))

    def forward(self, frames: Tensor) -> Tensor:
        """frames: (B, F, C_in); returns (B, L, channels), L = (F - field) // stride + 1.

        Raises: DataError if the frames are fewer than one latent needs.
        """
        field = self.config.geometry.receptive_field()
        if frames.shape[1] < field:
            raise DataError(f"a crop of {frames.shape[1]} frames is shorter than the {field} that one latent needs; "
                            f"take along at least {field - frames.shape[1]} more frames of context")
        values = frames.transpose(1, 2)
        for number, layer in enumerate(self.layers):
            made = torch.relu(layer(values))
            trim = (layer.kernel_size[0] - 1) // 2
            values = made + values[..., trim : values.shape[-1] - trim] if self.config.adds_input(number) else made
        return values.transpose(1, 2)
