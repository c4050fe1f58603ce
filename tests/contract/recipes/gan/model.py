"""A generator and a discriminator in HiFi-GAN's manner, as small as can be."""
import torch
import torch.nn as torch_nn
import torch.nn.functional as torch_nn_func

import core_scripts.other_tools.debug as nii_debug  # noqa: F401


class WithStatistics(torch_nn.Module):
    """What upstream's manager asks of every model."""

    def __init__(self, in_dim, out_dim, args, prj_conf, mean_std=None):
        super().__init__()
        in_m, in_s, out_m, out_s = self.prepare_mean_std(in_dim, out_dim, args, mean_std)
        self.input_mean = torch_nn.Parameter(in_m, requires_grad=False)
        self.input_std = torch_nn.Parameter(in_s, requires_grad=False)
        self.output_mean = torch_nn.Parameter(out_m, requires_grad=False)
        self.output_std = torch_nn.Parameter(out_s, requires_grad=False)

    def prepare_mean_std(self, in_dim, out_dim, args, data_mean_std=None):
        """The statistics as tensors."""
        if data_mean_std is None:
            return torch.zeros([in_dim]), torch.ones([in_dim]), torch.zeros([out_dim]), torch.ones([out_dim])
        return tuple(torch.from_numpy(x) for x in data_mean_std)

    def normalize_input(self, x):
        """Input data to zero mean and unit variance."""
        return (x - self.input_mean) / self.input_std

    def normalize_target(self, y):
        """Target data to zero mean and unit variance."""
        return (y - self.output_mean) / self.output_std

    def denormalize_output(self, y):
        """And back again."""
        return y * self.output_std + self.output_mean


class ModelGenerator(WithStatistics):
    """Every frame becomes 20 samples."""

    def __init__(self, in_dim, out_dim, args, prj_conf, mean_std=None):
        super().__init__(in_dim, out_dim, args, prj_conf, mean_std)
        self.body = torch_nn.Linear(in_dim, prj_conf.input_reso[0])

    def forward(self, x):
        """(batch, frames, in_dim) -> (batch, samples, 1)."""
        return torch.tanh(self.body(self.normalize_input(x))).view(x.shape[0], -1, 1)

    def loss_aux(self, nat_wav, gen_wav, data_in):
        """Distance to the natural waveform."""
        assert nat_wav.shape == gen_wav.shape == (data_in.shape[0], data_in.shape[1] * 20, 1)
        assert nat_wav.shape[1] == 200 or not torch.is_grad_enabled()
        return torch_nn_func.l1_loss(gen_wav, nat_wav)


class ModelDiscriminator(WithStatistics):
    """One convolution that calls 1 natural and 0 generated."""

    def __init__(self, in_dim, out_dim, args, prj_conf, mean_std=None):
        super().__init__(in_dim, out_dim, args, prj_conf, mean_std)
        self.body = torch_nn.Conv1d(out_dim, 1, 9, padding=4)

    def forward(self, wav):
        """(batch, samples, 1) -> (batch, samples)."""
        return self.body(wav.transpose(1, 2)).squeeze(1)

    def loss_for_D(self, nat_wav, gen_wav_detached, data_in):  # noqa: N802
        """Least squares; the fake must come without a way back to the generator."""
        assert not gen_wav_detached.requires_grad
        nat, gen = self.forward(nat_wav), self.forward(gen_wav_detached)
        return torch.mean((nat - 1) ** 2) + torch.mean(gen**2)

    def loss_for_G(self, nat_wav, gen_wav, data_in):  # noqa: N802
        """The generator wants 1."""
        return torch.mean((self.forward(gen_wav) - 1) ** 2)
