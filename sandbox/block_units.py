"""Frames to units and back to latents: encoder, bottleneck, and which latents belong to an item of a batch.

Position 0 along L is always the first latent that the decoder needs, `paths.latents(...).start`, before the item's own.
"""
import torch
from torch import Tensor, nn
from torch.nn import functional

from sandbox.block_bottleneck import Bottleneck
from sandbox.block_encoder import Encoder
from sandbox.block_quantisers import BottleneckOut
from sandbox.config_autoencoder import EncoderConfig
from sandbox.config_bottleneck import BottleneckConfig
from sandbox.config_vqvae import AutoencoderPaths


class Units(nn.Module):
    """Encoder and bottleneck on batches of items of different lengths; padding never reaches the bottleneck."""

    def __init__(self, encoder: EncoderConfig, bottleneck: BottleneckConfig, paths: AutoencoderPaths) -> None:
        super().__init__()
        self.paths, self.stride = paths, encoder.stride
        self.first = -paths.latents(1).start  # latents before an item's own
        self.encoder = Encoder(encoder)
        self.bottleneck = Bottleneck(bottleneck)

    def forward(self, frames: Tensor, lengths: Tensor, heard: int, weight: float) -> tuple[Tensor, BottleneckOut]:
        """(B, F, C) frames with their context to (heard * S, L, D) latents of the first items, and the bottleneck's
        word on all of them: the others are its extra latents.

        lengths: (B,) samples; weight: of the bottleneck's loss. S samples of a vae in training, one copy of the batch
        after the other, else 1. Latents of which frames are missing are 0.
        """
        z = self.encoder(frames)
        whole = self.whole(lengths, z.shape[1])
        extra = z[heard:][whole[heard:]][None] if heard < len(z) else None
        tokens, out = self.bottleneck(z[:heard][whole[:heard]][None], extra, weight)
        latents = tokens.new_zeros(len(tokens), *whole[:heard].shape, tokens.shape[-1])
        latents[:, whole[:heard]] = tokens
        return latents.flatten(0, 1), out

    def read(self, frames: Tensor, lengths: Tensor) -> tuple[BottleneckOut, list[int]]:
        """What the bottleneck says of the items' own latents, (1, N, ...) one item after the other, and how many each
        has.
        """
        z = self.encoder(frames)
        own = self.own(lengths, z.shape[1])
        return self.bottleneck(z[own][None])[1], own.sum(1).tolist()

    def mean_frames(self, frames: Tensor, lengths: Tensor) -> list[Tensor]:
        """The mean frame of each of an item's own latents, (L, C), of frames with their context."""
        own = frames[:, self.paths.frame_context()[0] :]
        padded = functional.pad(own, (0, 0, 0, -own.shape[1] % self.stride))
        means = padded.unflatten(1, (-1, self.stride)).mean(2)
        return [row[:count] for row, count in zip(means, self.paths.count_own(lengths).tolist(), strict=True)]

    def start(self, batches: list[tuple[Tensor, Tensor]], seed: int) -> None:
        """The first codebook from (frames, lengths) of several batches. Raises: DataError if latents are too few."""
        latents = []
        with torch.no_grad():
            for frames, lengths in batches:
                z = self.encoder(frames)
                latents.append(z[self.whole(lengths, z.shape[1])])
            self.bottleneck.start(torch.cat(latents), seed)

    def decode(self, codes: Tensor, lengths: Tensor, silence: Tensor) -> Tensor:
        """(B, L) int64 codes of whole items to latents (B, L', D), the code `silence` wherever there is no item.

        Raises: DataError if a code lies outside of the codebook.
        """
        behind = len(self.paths.latents(codes.shape[1])) - self.first - codes.shape[1]
        wide = functional.pad(codes, (self.first, behind))
        return self.bottleneck.decode(torch.where(self.own(lengths, wide.shape[1]), wide, silence))

    def silence_code(self, frame: Tensor) -> Tensor:
        """The code of a signal whose frames are all this one, (C,); a scalar int64."""
        frames = frame.expand(1, self.paths.encoder.support(1), -1)
        return self.bottleneck(self.encoder(frames))[1].codes[0, 0]

    def whole(self, lengths: Tensor, size: int) -> Tensor:
        """(B, size) bool, the latents all of whose frames are the item's and not padding of the batch."""
        return _mask(self.paths.count_whole(lengths), size)

    def own(self, lengths: Tensor, size: int) -> Tensor:
        """(B, size) bool, the latents of the items themselves."""
        return functional.pad(_mask(self.paths.count_own(lengths), size - self.first), (self.first, 0))


def _mask(counts: Tensor, size: int) -> Tensor:
    return torch.arange(size, device=counts.device) < counts[:, None]
