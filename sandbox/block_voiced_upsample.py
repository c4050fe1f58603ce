"""Frames that are upsampled, and values of the whole utterance beside them that need no upsampling."""
from collections.abc import Callable

import torch
from torch import Tensor, nn

from core_scripts.geometry.span import Span
from sandbox.block_upsample import CropCondition, FollowedCondition, SampledCondition, Upsample


class VoicedUpsample(nn.Module):
    """An upsampler of the first channels of each frame; the last ones, the same in all frames, go around it.

    So the vector of a speaker reaches every layer as it is (van den Oord et al. 2016, eq. on global conditioning),
    and not mixed into the frames. It has the three ways of `Upsample` to be read.
    """

    points = None

    def __init__(self, local: Upsample, channels: int) -> None:
        super().__init__()
        self.geometry = local.geometry
        self.local = local
        self._channels = channels

    def forward(self, frames: Tensor, first: int, out: Span) -> Tensor:
        """(B, F, C + G) frames to (B, len(out), C' + G) at the sample positions. Raises: DataError, one is missing."""
        own, voice = self._split(frames)
        return _append(self.local(own, first, out), voice[:, None])

    def crop(self, frames: Tensor, first: int, out: Span) -> CropCondition:
        """The same, to be projected."""
        return SampledCondition(self(frames, first, out))

    def follow(self, frames: Tensor, first: int, project: Callable[[Tensor], Tensor]) -> FollowedCondition:
        """The same, sample by sample."""
        own, voice = self._split(frames)

        def project_both(vectors: Tensor) -> Tensor:
            """(B, C') or (T, B, C'), of the first B items: the others have left."""
            return project(_append(vectors, voice[: vectors.shape[-2]]))

        return self.local.follow(own, first, project_both)

    def _split(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Frames (B, F, C), and the values (B, G) beside the first one."""
        own = frames.shape[2] - self._channels
        return frames[..., :own], frames[:, 0, own:]


def _append(vectors: Tensor, voice: Tensor) -> Tensor:
    return torch.cat([vectors, voice.expand(*vectors.shape[:-1], -1)], -1)
