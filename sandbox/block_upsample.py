"""From conditioning frames to one vector per sample, at exactly the positions that are asked for."""
from collections.abc import Callable, Sequence
from math import floor
from typing import Protocol

import torch
from torch import Tensor, nn

from core_scripts.errors import DataError
from core_scripts.geometry.chain import Chain
from core_scripts.geometry.ops import Op, TransposedConv
from core_scripts.geometry.span import Span
from sandbox.config_wavenet import WaveNetConfig


class FollowedCondition(Protocol):
    """Conditioning read sample by sample, projected for all layers."""

    def at(self, position: int) -> Sequence[Tensor]:
        """One tensor (B, width) per layer for this sample position."""

    def keep(self, count: int) -> None:
        """Forget all but the first `count` items of the batch."""


class CropCondition(Protocol):
    """Conditioning of a whole crop, projected for one layer after the other."""

    def last(self, count: int, project: Callable[[Tensor], Tensor]) -> Tensor:
        """(count, B, width) at the last positions of the crop; project: (..., C) -> (..., width)."""


class Upsample(Protocol):
    """From frames (B, F, C), of which frame `first` is the first, to one vector per sample; raises DataError if one
    is missing.
    """

    geometry: Chain  # from frames to samples
    points: tuple[tuple[int, float], ...] | None  # `FixedUpsample.point` of the first `hop` samples; None: learned

    def __call__(self, frames: Tensor, first: int, out: Span) -> Tensor:
        """(B, len(out), C) at the sample positions `out`."""

    def crop(self, frames: Tensor, first: int, out: Span) -> CropCondition:
        """The same, to be projected."""

    def follow(self, frames: Tensor, first: int, project: Callable[[Tensor], Tensor]) -> FollowedCondition:
        """The same, sample by sample."""


class SampledCondition:
    """A crop whose conditioning is at hand at every sample, (B, M, C)."""

    def __init__(self, cond: Tensor) -> None:
        self._samples = cond.transpose(0, 1).contiguous()

    def last(self, count: int, project: Callable[[Tensor], Tensor]) -> Tensor:
        return project(self._samples[len(self._samples) - count :])


class FixedUpsample(nn.Module):
    """Repetition or linear interpolation between the two frames around each sample; no weights.

    It commutes with any projection of the vectors, so that frames are projected and not the `hop` times as many
    samples; generation reads the result at `point`.
    """

    def __init__(self, op: Op, is_linear: bool) -> None:
        super().__init__()
        self.geometry = Chain((op,))
        self._hop = int(op.rate)
        self.points = tuple(_point(op, phase, is_linear) for phase in range(self._hop))  # the rest repeats them
        # The samples with the same frame at or before them are a run of `hop`, that of frame 0 begins here.
        self._run_start = next(phase for phase, (offset, _) in enumerate(self.points) if offset == 0)
        self._shares = [share for _, share in self.points[self._run_start :] + self.points[: self._run_start]]

    def forward(self, frames: Tensor, first: int, out: Span) -> Tensor:
        """(B, F, C) frames, of which frame `first` is the first, to (B, len(out), C) at the sample positions `out`.

        Raises: DataError if a frame is missing.
        """
        frames, held = take_frames(self.geometry, frames, first, out)
        return self.spread(frames.transpose(0, 1), held.start, out).transpose(0, 1)

    def crop(self, frames: Tensor, first: int, out: Span) -> CropCondition:
        """The upsampled frames (B, F, C) at the positions `out`, to be projected. Raises: DataError, as above."""
        frames, held = take_frames(self.geometry, frames, first, out)
        return _SpreadFrames(self, frames.transpose(0, 1).contiguous(), held.start, out)

    def spread(self, frames: Tensor, first: int, out: Span) -> Tensor:
        """(F, B, C) to (len(out), B, C), run by run: unlike an index per sample, its gradient is a plain sum."""
        start = (out.start - self._run_start) // self._hop
        stop = (out.stop - 1 - self._run_start) // self._hop + 1
        lower = frames[start - first : stop - first, None]
        if any(self._shares):
            # Where there is no frame behind the last, its share is 0.
            upper = torch.cat([frames, frames[-1:]])[start - first + 1 : stop - first + 1, None]
            runs = torch.lerp(lower, upper, frames.new_tensor(self._shares)[:, None, None])
        else:
            runs = lower.expand(-1, self._hop, -1, -1)
        begin = out.start - start * self._hop - self._run_start
        return runs.flatten(0, 1)[begin : begin + len(out)]

    def follow(self, frames: Tensor, first: int, project: Callable[[Tensor], Tensor]) -> FollowedCondition:
        """The upsampled frames (B, F, C) for reading sample by sample; project: (B, C) -> (layers, B, width)."""
        return _ProjectedFrames(self, frames, first, project)

    def point(self, position: int) -> tuple[int, float]:
        """The frame at or before this sample position, and the share in [0, 1) of the frame after it."""
        block, phase = divmod(position, self._hop)
        offset, share = self.points[phase]
        return block + offset, share


class TransposedUpsample(nn.Module):
    """Transposed convolutions one after the other, without activation; at the start a cascade of linear interpolations.

    Each stage turns (B, C, F) into (B, C, F * factor) less the outputs that lack a tap (Odena et al. 2016 on why the
    kernel is a multiple of the stride: every output has the same number of taps).
    """

    points = None

    def __init__(self, chain: Chain, channels: int) -> None:
        super().__init__()
        self.geometry = chain
        self.stages = nn.ModuleList(_linear_stage(op, channels) for op in chain.ops)

    def forward(self, frames: Tensor, first: int, out: Span) -> Tensor:
        """(B, F, C) frames, of which frame `first` is the first, to (B, len(out), C) at the sample positions `out`.

        Raises: DataError if a frame is missing.
        """
        frames, _ = take_frames(self.geometry, frames, first, out)
        plan = self.geometry.plan(len(out), out.start)
        values = frames.transpose(1, 2)
        for stage, made, kept in zip(self.stages, plan.computed, plan.spans[1:], strict=True):
            values = stage(values)[..., kept.within(made)]
        return values.transpose(1, 2)

    def crop(self, frames: Tensor, first: int, out: Span) -> CropCondition:
        """As of `FixedUpsample`."""
        return SampledCondition(self(frames, first, out))

    def follow(self, frames: Tensor, first: int, project: Callable[[Tensor], Tensor]) -> FollowedCondition:
        """As of `FixedUpsample`; project: (T, B, C) -> (T, layers, B, width)."""
        return _ProjectedBlocks(self, frames, first, project)


class _SpreadFrames:
    """Each layer projects the frames and spreads the result over its own positions."""

    def __init__(self, upsample: FixedUpsample, frames: Tensor, first: int, out: Span) -> None:
        self._upsample, self._frames, self._first, self._stop = upsample, frames, first, out.stop

    def last(self, count: int, project: Callable[[Tensor], Tensor]) -> Tensor:
        return self._upsample.spread(project(self._frames), self._first, Span(self._stop - count, self._stop))


class _ProjectedFrames:
    """Each frame is projected once, when it is reached; samples are read off between two of them."""

    def __init__(self, upsample: FixedUpsample, frames: Tensor, first: int, project: Callable) -> None:
        self._upsample, self._frames, self._first, self._project = upsample, frames, first, project
        self._frame: int | None = None

    def at(self, position: int) -> Sequence[Tensor]:
        frame, share = self._upsample.point(position)
        if frame != self._frame:
            self._load(frame)
        return torch.lerp(self._lower, self._upper, share).unbind(0) if share else self._lower_rows

    def keep(self, count: int) -> None:
        self._frames, self._frame = self._frames[:count], None

    def _load(self, frame: int) -> None:
        column = frame - self._first
        behind = min(column + 1, self._frames.shape[1] - 1)  # where there is no frame behind, the share is 0
        self._frame = frame
        self._lower, self._upper = self._project(self._frames[:, column]), self._project(self._frames[:, behind])
        self._lower_rows = self._lower.unbind(0)


class _ProjectedBlocks:
    """The samples of one frame after the other are upsampled and projected together."""

    def __init__(self, upsample: TransposedUpsample, frames: Tensor, first: int, project: Callable) -> None:
        self._upsample, self._frames, self._first, self._project = upsample, frames, first, project
        self._size = int(upsample.geometry.rate)
        self._block: int | None = None

    def at(self, position: int) -> Sequence[Tensor]:
        block, phase = divmod(position, self._size)
        if block != self._block:
            self._load(block)
        return self._samples[phase].unbind(0)

    def keep(self, count: int) -> None:
        self._frames, self._block = self._frames[:count], None

    def _load(self, block: int) -> None:
        out = Span(0, self._size).shift(block * self._size)
        self._block = block
        self._samples = self._project(self._upsample(self._frames, self._first, out).transpose(0, 1))


def build_upsample(config: WaveNetConfig) -> FixedUpsample | TransposedUpsample:
    """The module for `config.upsample`."""
    chain = config.upsample_geometry()
    if config.upsample == "transposed":
        return TransposedUpsample(chain, config.condition_channels)
    return FixedUpsample(chain.ops[0], config.upsample == "linear")


def take_frames(chain: Chain, frames: Tensor, first: int, out: Span) -> tuple[Tensor, Span]:
    """Those of the frames (B, F, C) that the positions `out` need, and which they are.

    Raises: DataError if one is missing.
    """
    needed, given = chain.needs(out), Span(first, first + frames.shape[1])
    if needed.intersect(given) != needed:
        left, right = needed.beyond(given)
        raise DataError(f"samples {out} need conditioning frames {needed}, but frames {given} were given: {left} too "
                        f"few on the left and {right} on the right; take frame_context() of the model's record along")
    return frames[:, needed.within(given)], needed


def _point(op: Op, position: int, is_linear: bool) -> tuple[int, float]:
    if not is_linear:
        return op.taps(position)[0], 0.0
    centre = op.centre(position)
    frame = floor(centre)
    return frame, float(centre - frame)


def _linear_stage(op: TransposedConv, channels: int) -> nn.ConvTranspose1d:
    stage = nn.ConvTranspose1d(channels, channels, op.kernel, op.stride, padding=op.kernel - op.stride)
    middle = (op.kernel - 1) / 2
    triangle = (1 - (torch.arange(op.kernel) - middle).abs() / op.stride).clamp(min=0)
    with torch.no_grad():
        stage.weight.copy_(torch.eye(channels)[:, :, None] * triangle)
        stage.bias.zero_()
    return stage
