"""Long inputs in pieces for models of one pass, joined by a cross-fade."""
from collections.abc import Callable

import torch

from core_scripts.data_io.collate import Batch
from core_scripts.errors import ConfigError


def generate_in_segments(
    generate: Callable[[Batch], torch.Tensor | None], batch: Batch, length: int, overlap: int
) -> torch.Tensor | None:
    """Generate from pieces of `length` input frames and cross-fade them linearly over `overlap` frames.

    The ratio of output to input rate is measured on the first piece; a tail of at most `overlap` frames joins the
    last piece. Targets, where there are any, are cut at the output's rate. Returns (B, L, D), or None if the model
    gives nothing for a piece. Raises: ConfigError if the output is not a whole number of steps per input frame.
    """
    frames = batch.inputs.shape[1]
    overlap = min(overlap, length - 1)
    pieces, ratio = [], 0
    for start, stop in segment_bounds(frames, length, overlap):
        piece = generate(_slice_batch(batch, start, stop, frames))
        if piece is None:
            return None
        piece = piece.unsqueeze(-1) if piece.dim() == 2 else piece
        ratio = ratio or piece.shape[1] // (stop - start)
        if piece.shape[1] != ratio * (stop - start) or not ratio:
            raise ConfigError(f"{piece.shape[1]} output steps came from {stop - start} input frames; pieces are joined "
                              "where every frame gives the same number: leave --trunc-input-length-for-inference out")
        pieces.append((start * ratio, piece))
    total = pieces[-1][0] + pieces[-1][1].shape[1]
    output = pieces[0][1].new_zeros(pieces[0][1].shape[0], total, pieces[0][1].shape[2])
    fade = overlap * ratio
    for start, piece in pieces:
        weight = torch.ones(piece.shape[1], 1, dtype=piece.dtype, device=piece.device)
        if start and fade:
            rising = (torch.arange(fade, dtype=piece.dtype, device=piece.device) + 0.5) / fade
            weight[:fade, 0] = rising
            output[:, start : start + fade] *= 1 - rising[:, None]
        output[:, start : start + piece.shape[1]] += weight * piece
    return output


def segment_bounds(frames: int, length: int, overlap: int) -> list[tuple[int, int]]:
    """Half-open pieces of `length` that cover [0, frames), each sharing `overlap` with the one before."""
    bounds = [(0, min(length, frames))]
    while bounds[-1][1] < frames:
        start = bounds[-1][1] - overlap
        stop = min(start + length, frames)
        if frames - stop <= overlap:
            stop = frames
        bounds.append((start, stop))
    return bounds


def _slice_batch(batch: Batch, start: int, stop: int, frames: int) -> Batch:
    targets = batch.targets
    if isinstance(targets, torch.Tensor) and targets.dim() > 1:
        rate = targets.shape[1] // frames
        targets = targets[:, start * rate : stop * rate]
    return batch._replace(inputs=batch.inputs[:, start:stop], targets=targets)
