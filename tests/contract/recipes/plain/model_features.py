"""Frames in, frames out."""
import torch
from model import Loss  # noqa: F401
from model import Model as PlainModel


class Model(PlainModel):
    """The output is a ramp, so that each file shows which columns it was given."""

    def forward(self, x):
        """(batch, frames, in_dim) -> (batch, frames, 11): column c of frame t is c + t / 1000."""
        frame = torch.arange(x.shape[1]).view(1, -1, 1) / 1000.0
        return torch.arange(11.0).view(1, 1, -1) + frame.expand(x.shape[0], -1, -1)
