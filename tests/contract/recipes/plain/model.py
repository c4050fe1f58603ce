"""A small waveform model in upstream's manner: a plain nn.Module that carries the statistics itself."""
import torch
import torch.nn as torch_nn
import torch.nn.functional as torch_nn_func

import core_scripts.other_tools.debug as nii_debug  # noqa: F401


class Model(torch_nn.Module):
    """Every frame becomes its own 20 samples, so that any cut of the input gives the same samples."""

    def __init__(self, in_dim, out_dim, args, prj_conf, mean_std=None):
        super().__init__()
        in_m, in_s, out_m, out_s = self.prepare_mean_std(in_dim, out_dim, args, mean_std)
        self.input_mean = torch_nn.Parameter(in_m, requires_grad=False)
        self.input_std = torch_nn.Parameter(in_s, requires_grad=False)
        self.output_mean = torch_nn.Parameter(out_m, requires_grad=False)
        self.output_std = torch_nn.Parameter(out_s, requires_grad=False)

        self.front = torch_nn.Linear(in_dim, 8)
        self.modulation = torch_nn.Linear(8, prj_conf.input_reso[0] * out_dim)

    def prepare_mean_std(self, in_dim, out_dim, args, data_mean_std=None):
        """The statistics as tensors; 0 and 1 where none are given, as at inference."""
        if data_mean_std is None:
            return torch.zeros([in_dim]), torch.ones([in_dim]), torch.zeros([out_dim]), torch.ones([out_dim])
        in_m, in_s, out_m, out_s = (torch.from_numpy(x) for x in data_mean_std)
        assert in_m.shape[0] == in_dim and out_m.shape[0] == out_dim
        return in_m, in_s, out_m, out_s

    def normalize_input(self, x):
        """Input data to zero mean and unit variance."""
        return (x - self.input_mean) / self.input_std

    def normalize_target(self, y):
        """Target data to zero mean and unit variance."""
        return (y - self.output_mean) / self.output_std

    def denormalize_output(self, y):
        """And back again."""
        return y * self.output_std + self.output_mean

    def forward(self, x):
        """(batch, frames, in_dim) -> (batch, samples)."""
        hidden = torch.tanh(self.front(self.normalize_input(x)))
        return self.modulation(hidden).view(x.shape[0], -1)


class Loss:
    """Mean squared error."""

    def __init__(self, args):
        self.args = args

    def compute(self, output, target):
        """`output` (batch, samples), `target` (batch, samples, 1), normalised."""
        if target.ndim == 3:
            target = target.squeeze(-1)
        return torch_nn_func.mse_loss(output, target)
