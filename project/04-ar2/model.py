"""One unpadded convolution of kernel length 2: the network whose answer is known."""
import math
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from core_scripts.evaluation.autoregression import Found, compare, regressors
from core_scripts.nn_manager.model_base import ModelBase
from core_scripts.report.series_picture import draw_series
from sandbox.returned_loss import ReturnedLoss

PICTURE_NAME = "fit.png"
LOGIT_GAIN = 10.0  # logits grow with the outermost bins' distance: a step of Adam's is to move them as it moves a mean


class Model(ModelBase):
    """x_{t-2}, x_{t-1} to what comes next. Inside, the series has mean 0 and deviation 1."""

    takes_batch = True
    scores_after_training = True

    def __init__(self, in_dim, out_dim, args, prj_conf, mean_std=None):
        super().__init__(in_dim, out_dim, args, prj_conf, mean_std)
        self.process, self.folder = prj_conf.process, Path(args.save_model_dir)
        self.head = HEADS[prj_conf.head](prj_conf)
        self.convolution = nn.Conv1d(1, self.head.outputs, 2)  # taps: lag 2, lag 1

    @staticmethod
    def describe_geometry(prj_conf):
        return {"receptive_field_samples": 2}

    def forward(self, batch):
        """Mean loss over all samples that have two before them; batch.inputs: (B, T, 1)."""
        outputs, targets = self.predict(self.normalize_input(batch.inputs[..., 0]))
        inside = torch.arange(targets.shape[1], device=targets.device) < batch.lengths[:, None] - 2
        return (self.head.loss(outputs, targets) * inside).sum() / inside.sum()

    def predict(self, series):
        """(B, T) to the head's numbers (B, T - 2, n) and what came (B, T - 2)."""
        return self.convolution(series[:, None, :-1]).transpose(1, 2), series[:, 2:]

    def inference(self, batch):
        """The mean of every sample given the two before it; the first two are given back as they are."""
        outputs, _ = self.predict(self.normalize_input(batch.inputs[..., 0]))
        means = self.head.means(outputs) * self.input_std + self.input_mean
        return torch.cat([batch.inputs[:, :2, 0], means], 1)[..., None]

    @torch.no_grad()
    def score(self, train_data, test_data, device):
        """Coefficients, error and likelihood beside what is known of the process; and the picture."""
        self.double()
        mean, scale = float(self.input_mean), float(self.input_std)
        train, test = ([batch.inputs[0, :, 0].double().numpy() for batch in data.get_loader()]
                       for data in (train_data, test_data))
        parts = [self.predict(torch.from_numpy((own - mean) / scale)[None].to(device)) for own in train]
        deviation = self.head.deviation(*parts[0])
        means = [self.head.means(outputs)[0].cpu().numpy() * scale + mean for outputs, _ in parts]
        found, predicted = [], []
        for own in test:
            outputs, targets = self.predict(torch.from_numpy((own - mean) / scale)[None].to(device))
            predicted.append(self.head.means(outputs)[0].cpu().numpy() * scale + mean)
            found.append(self.head.nats(outputs, targets, deviation)[0].cpu().numpy() + math.log(scale))
        errors = np.concatenate([own[2:] - mean_ for own, mean_ in zip(test, predicted, strict=True)])
        a, b, c = np.linalg.lstsq(regressors(train)[0], np.concatenate(means), rcond=None)[0]
        estimate = {"a": float(a), "b": float(b), "c": float(c)}
        table = compare(self.process, train, Found(self.head.name, estimate, deviation * scale, errors,
                                                   np.concatenate(found)))
        draw_series(self.folder / PICTURE_NAME, test[0], predicted[0],
                    {"truth": (self.process.b, self.process.a), "network": (estimate["b"], estimate["a"])})
        return table


class MeanHead(nn.Module):
    """One number, the mean; its deviation is what is left over in training."""

    name, outputs = "mean", 1

    def __init__(self, conf):
        super().__init__()

    def means(self, outputs):
        return outputs[..., 0]

    def loss(self, outputs, targets):
        return (outputs[..., 0] - targets) ** 2

    def deviation(self, outputs, targets):
        return float((outputs[..., 0] - targets).square().mean().sqrt())

    def nats(self, outputs, targets, deviation):
        """-ln of the normal density with that deviation."""
        return 0.5 * ((outputs[..., 0] - targets) / deviation) ** 2 + math.log(deviation * math.sqrt(2 * math.pi))


class GaussianHead(MeanHead):
    """The mean, and one deviation for all samples, both learnt by likelihood."""

    name = "gaussian"

    def __init__(self, conf):
        super().__init__(conf)
        self.log_deviation = nn.Parameter(torch.zeros(()))

    def loss(self, outputs, targets):
        return self.nats(outputs, targets, None)

    def deviation(self, outputs, targets):
        return float(self.log_deviation.exp())

    def nats(self, outputs, targets, deviation):
        scaled = (outputs[..., 0] - targets) * torch.exp(-self.log_deviation)
        return 0.5 * scaled**2 + self.log_deviation + 0.5 * math.log(2 * math.pi)


class CategoricalHead(nn.Module):
    """A logit per bin. Logits linear in the past are enough: ln of a normal density of mean m, -(y - m)^2 / 2 sigma^2,
    is m y / sigma^2 plus what does not depend on the past or not on the bin."""

    name = "categorical"

    def __init__(self, conf):
        super().__init__()
        self.outputs, reach = conf.bins, conf.bins_reach
        self.width = 2 * reach / conf.bins
        self.register_buffer("centres", (torch.arange(conf.bins) + 0.5) * self.width - reach)

    def bins(self, targets):
        return ((targets - self.centres[0]) / self.width + 0.5).floor().long().clamp(0, self.outputs - 1)

    def means(self, outputs):
        return self.chances(outputs) @ self.centres

    def chances(self, outputs):
        return torch.softmax(outputs * LOGIT_GAIN, -1)

    def loss(self, outputs, targets):
        return functional.cross_entropy(outputs.transpose(1, 2) * LOGIT_GAIN, self.bins(targets), reduction="none")

    def deviation(self, outputs, targets):
        chances = self.chances(outputs)
        spread = chances @ self.centres**2 - (chances @ self.centres) ** 2
        return float(spread.mean().sqrt())

    def nats(self, outputs, targets, deviation):
        """Of the density that is even inside each bin."""
        return self.loss(outputs, targets) + math.log(self.width)


HEADS = {head.name: head for head in (MeanHead, GaussianHead, CategoricalHead)}


Loss = ReturnedLoss
