"""From conditioning frames to one vector per sample, at exactly the positions that are asked for."""
from math import floor

import torch
from torch import Tensor, nn

from core_scripts.errors import DataError
from core_scripts.geometry.chain import Chain
from core_scripts.geometry.ops import Op, TransposedConv
from core_scripts.geometry.span import Span
from sandbox.config_wavenet import WaveNetConfig


class FixedUpsample(nn.Module):
    """Repetition or linear interpolation between the two frames around each sample; no weights.

    It commutes with any projection of the vectors, so generation projects frames first and applies `point` to the result.
    """

    def __init__(self, op: Op, is_linear: bool) -> None:
        super().__init__()
        self.geometry = Chain((op,))
        self._hop = int(op.rate)
        self._phases = [_point(op, phase, is_linear) for phase in range(self._hop)]  # the rest repeats them

    def forward(self, frames: Tensor, first: int, out: Span) -> Tensor:
        """(B, F, C) frames, of which frame `first` is the first, to (B, len(out), C) at the sample positions `out`.

        Raises: DataError if a frame is missing.
        """
        frames, held = take_frames(self.geometry, frames, first, out)
        positions = torch.arange(out.start, out.stop, device=frames.device)
        phase = positions.remainder(self._hop)
        offsets = torch.tensor([offset for offset, _ in self._phases], device=frames.device)
        lower = (positions - phase) // self._hop + offsets[phase] - held.start
        shares = torch.tensor([share for _, share in self._phases], device=frames.device, dtype=frames.dtype)
        if not shares.any():
            return frames[:, lower]
        upper = (lower + 1).clamp(max=len(held) - 1)  # where there is no frame behind, the share is 0
        return torch.lerp(frames[:, lower], frames[:, upper], shares[phase][:, None])

    def point(self, position: int) -> tuple[int, float]:
        """The frame at or before this sample position, and the share in [0, 1) of the frame after it."""
        block, phase = divmod(position, self._hop)
        offset, share = self._phases[phase]
        return block + offset, share


class TransposedUpsample(nn.Module):
    """Transposed convolutions one after the other, without activation; at the start a cascade of linear interpolations.

    Each stage turns (B, C, F) into (B, C, F * factor) less the outputs that lack a tap (Odena et al. 2016 on why the
    kernel is a multiple of the stride: every output has the same number of taps).
    """

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
        for stage, made, kept in zip(self.stages, plan.computed, plan.needed[1:], strict=True):
            values = stage(values)[..., kept.within(made)]
        return values.transpose(1, 2)


def build_upsample(config: WaveNetConfig) -> FixedUpsample | TransposedUpsample:
    """The module for `config.upsample`."""
    chain = config.upsample_geometry()
    if config.upsample == "transposed":
        return TransposedUpsample(chain, config.cond_channels)
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
