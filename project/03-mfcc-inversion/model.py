"""MFCC inversion: a WaveNet (van den Oord et al. 2016, arXiv:1609.03499) that finds a waveform for cepstral frames.

MFCC -> convolution and transposed convolutions to the sample rate -> every layer of the WaveNet.
"""
import torch
from torch import nn
from torch.nn import functional

from core_scripts.generation.engine import WaveGenerator
from core_scripts.generation.options import GenerationOptions
from core_scripts.geometry.chain import Chain, context
from core_scripts.geometry.facts import describe_chain
from core_scripts.nn_manager.model_base import CropContext, ModelBase
from sandbox.block_latent_upsample import LatentUpsample
from sandbox.block_voiced_upsample import VoicedUpsample
from sandbox.block_wavenet import WaveNet
from sandbox.returned_loss import ReturnedLoss


class Model(ModelBase):
    """Predicts each code from the samples before it and from the MFCC frames around it."""

    takes_batch = True
    audits_condition = True

    def __init__(self, in_dim, out_dim, args, prj_conf, mean_std=None):
        super().__init__(in_dim, out_dim, args, prj_conf, mean_std)
        self.levels = prj_conf.net.levels
        self.receptive_field = prj_conf.net.receptive_field
        self.generation = GenerationOptions.from_args(args, prj_conf.wav_samp_rate)
        upsample = LatentUpsample(prj_conf.upsampler)
        if self.speakers:
            upsample = VoicedUpsample(upsample, prj_conf.net.global_channels)
        self.net = WaveNet(prj_conf.net, upsample)
        # Last, so that networks without speakers start from the same weights.
        self.voices = nn.Linear(len(self.speakers.names), prj_conf.net.global_channels) if self.speakers else None

    @staticmethod
    def crop_context(prj_conf):
        """Whole frames of the file around the crop, slopes and curvatures too, and the samples before it."""
        frames = context(frames_to_predictions(prj_conf), prj_conf.mfcc.hop)
        return CropContext(inputs=(frames,), outputs=(prj_conf.net.wave_context(),))

    @staticmethod
    def describe_geometry(prj_conf):
        """Samples of the waveform that a prediction sees, and that its MFCC frames are made of."""
        chain = Chain((prj_conf.mfcc.geometry, frames_to_predictions(prj_conf)))
        field = {"receptive_field_samples": prj_conf.net.receptive_field}
        return field | describe_chain(chain, 1, (1, 100, prj_conf.truncate_seq or 5000))

    def forward(self, batch):
        """Mean negative log-likelihood of the samples inside the file, in nats per sample.

        batch.inputs: (B, F, C) MFCC frames with their context; batch.targets: (B, R + T, 1) waveform in [-1, 1], of
        which the first R samples are only seen; batch.lengths: (B,) samples of the T that belong to the crop.
        """
        codes = self.net.head.quantise(batch.targets[..., 0])
        return self.net.loss(codes, self.condition(batch), batch.lengths)

    def inference(self, batch):
        """(B, F, C) MFCC frames with their context -> (B, T, 1) waveform in [-1, 1]."""
        return self.wave_generator().run(batch)

    def wave_generator(self):
        """Sample by sample, of utterances of any length."""
        return WaveGenerator(self.net, self.condition, self.net.head.dequantise, self.generation)

    def condition(self, batch):
        """(B, F, C): normalised frames, and beside each the vector of who speaks, where speakers are told apart."""
        frames = self.normalize_input(batch.inputs)
        if self.voices is None:
            return frames
        chosen = functional.one_hot(self.speaker_numbers(batch), len(self.speakers.names))
        voices = self.voices(chosen.to(frames.dtype))  # (B, G)
        return torch.cat([frames, voices[:, None].expand(-1, frames.shape[1], -1)], 2)

    def predict_codes(self, batch):
        """Logits (B, T, levels) and codes (B, T); None of heads without a logit per code."""
        if self.net.config.head != "categorical":
            return None
        codes = self.net.head.quantise(batch.targets[..., 0])
        return self.net.predict(codes, self.condition(batch)), codes[:, self.receptive_field :]

    def code_widths(self):
        """Amplitudes that share each code, which make bits per code comparable across heads."""
        return self.net.head.code_widths()

    def target_codes(self, batch):
        """The codes of each crop, one row per item, for the baselines that need no network."""
        return self.net.crop_codes(batch.targets, batch.lengths)


def frames_to_predictions(conf):
    """The way of the condition, from MFCC frames to the hidden positions of the WaveNet."""
    return Chain((conf.upsampler.geometry, conf.net.layers_geometry()))


Loss = ReturnedLoss
