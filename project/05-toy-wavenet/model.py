"""A small unconditional WaveNet (van den Oord et al. 2016) on few levels, if wanted conditioned on one variable."""
from pathlib import Path

import torch
from torch import nn

from core_scripts.corpus.values import read_values, values_of
from core_scripts.evaluation.sample_table import measure_samples
from core_scripts.generation.engine import WaveGenerator
from core_scripts.generation.options import GenerationOptions
from core_scripts.nn_manager.model_base import CropContext, ModelBase
from sandbox.block_wavenet import WaveNet
from sandbox.returned_loss import ReturnedLoss
from sandbox.wavenet_start import start_smoothly

START_BATCHES = 20  # whose codes the first guess is taken from


class Model(ModelBase):
    """Predicts each code from the codes before it, and from what is the same for the whole utterance."""

    takes_batch = True

    def __init__(self, in_dim, out_dim, args, prj_conf, mean_std=None):
        super().__init__(in_dim, out_dim, args, prj_conf, mean_std)
        self.levels = prj_conf.net.levels
        self.receptive_field = prj_conf.net.receptive_field
        self.generation = GenerationOptions.from_args(args, prj_conf.wav_samp_rate)
        self.smooth_start = prj_conf.smooth_start
        self.net = WaveNet(prj_conf.net)
        self.classes = nn.Embedding(len(self.speakers.names), prj_conf.net.global_channels) if self.speakers else None
        self.scalar = None
        if prj_conf.variable and prj_conf.variable_kind == "scalar":
            path = Path(prj_conf.path.parent, prj_conf.variable.format_map(vars(prj_conf)))
            self.scalar = Scalar(read_values(path))
        self.chosen = prj_conf.variable_value  # only generating heeds it

    @staticmethod
    def crop_context(prj_conf):
        return CropContext(inputs=((0, 0),), outputs=(prj_conf.net.wave_context(),))

    @staticmethod
    def describe_geometry(prj_conf):
        return {"receptive_field_samples": prj_conf.net.receptive_field}

    def before_training(self, data):
        """First weights that know what the codes mean, and mean and deviation of a scalar over the training list."""
        if self.smooth_start:
            codes = [own for batch in data.spread_batches(START_BATCHES) for own in self.target_codes(batch)]
            start_smoothly(self.net, torch.cat(codes))
        if self.scalar is not None:
            self.scalar.start(data.get_seq_name_list())

    def forward(self, batch):
        """Mean negative log-likelihood of the samples inside the file, in nats per sample.

        batch.targets: (B, R + T, 1) waveform in [-1, 1], of which the first R samples are only seen;
        batch.lengths: (B,) samples of the T that belong to the crop.
        """
        codes = self.net.head.quantise(batch.targets[..., 0])
        return self.net.loss(codes, self.condition(self.vectors(batch), codes.shape[1] - self.receptive_field),
                             batch.lengths)

    def inference(self, batch):
        """(B, T, 1) waveform in [-1, 1] out of the model's own past, as long as the inputs are."""
        return self.wave_generator().run(batch)

    def wave_generator(self):
        """Sample by sample, of utterances of any length."""
        def frames(batch):
            vectors = self.vectors(batch) if self.chosen is None else self.scalar.same(self.chosen, batch)
            return self.condition(vectors, int(batch.lengths.max()))

        return WaveGenerator(self.net, frames, self.net.head.dequantise, self.generation)

    def vectors(self, batch):
        """(B, G) of what conditions each item; G is 0 where nothing does."""
        if self.classes is not None:
            return self.classes(self.speaker_numbers(batch))
        if self.scalar is not None:
            return self.scalar(batch)
        return self.input_mean.new_zeros(len(batch.lengths), 0)

    def other_vectors(self, batch):
        """The same of another class each, or of a number from the other half of their range."""
        if self.classes is not None:
            return self.classes((self.speaker_numbers(batch) + 1) % self.classes.num_embeddings)
        return self.scalar.other(batch)

    def condition(self, vectors, samples):
        """(B, F, G): the vector at every frame that `samples` predictions need."""
        left, right = self.net.config.frame_context()
        frames = left + -(-samples // self.net.config.hop) + right
        return vectors[:, None].expand(-1, frames, -1)

    def predict_codes(self, batch):
        """Logits (B, T, levels) and codes (B, T)."""
        return self.predict_with(self.vectors(batch), batch)

    def predict_with(self, vectors, batch):
        """The same under these vectors (B, G)."""
        codes = self.net.head.quantise(batch.targets[..., 0])
        frames = self.condition(vectors, codes.shape[1] - self.receptive_field)
        return self.net.predict(codes, frames), codes[:, self.receptive_field :]

    def target_codes(self, batch):
        """The codes of each crop, one row per item, for the baselines that need no network."""
        return self.net.crop_codes(batch.targets, batch.lengths)

    def score(self, train_data, test_data, device):
        """Bits and accuracy beside majority, persistence and LPC-16; and what another value of the variable costs."""
        has_variable = self.classes is not None or self.scalar is not None
        swapped = (lambda batch: self.predict_with(self.other_vectors(batch), batch)) if has_variable else None
        return measure_samples(self, train_data, test_data, device, swapped)


class Scalar(nn.Module):
    """A number per utterance, brought to mean 0 and deviation 1 over the training list."""

    def __init__(self, values):
        super().__init__()
        self._values = values
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("deviation", torch.ones(()))

    def start(self, names):
        """Raises: DataError for utterances without a number."""
        values = torch.tensor(values_of(self._values, dict.fromkeys(names)))
        self.mean.copy_(values.mean())
        self.deviation.copy_(values.std(correction=0).clamp(min=1e-6))

    def forward(self, batch):
        """(B, 1) of the batch's utterances."""
        return self._scale(values_of(self._values, batch.names))

    def same(self, value, batch):
        """(B, 1): this number for all."""
        return self._scale([value] * len(batch.lengths))

    def other(self, batch):
        """(B, 1): of a number at rank r among all, the one at half of their count further on, round the end."""
        order = sorted(self._values.values())
        ranks = [order.index(value) for value in values_of(self._values, batch.names)]
        return self._scale([order[(rank + len(order) // 2) % len(order)] for rank in ranks])

    def _scale(self, values):
        return (self.mean.new_tensor(values)[:, None] - self.mean) / self.deviation


Loss = ReturnedLoss
