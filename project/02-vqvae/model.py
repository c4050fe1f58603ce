"""Autoencoder of speech with discrete units (van den Oord et al. 2017, Chorowski et al. 2019, arXiv:1901.08810).

MFCC -> encoder -> bottleneck -> jitter -> decoder, which is told who speaks: so the units need not tell it.
"""
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from core_scripts import log
from core_scripts.checkpoint.fitting import load_parts
from core_scripts.checkpoint.train_state import read_weights
from core_scripts.config_parse.run_options import option_value
from core_scripts.corpus.unit_files import UnitFiles
from core_scripts.errors import CheckpointError, near_files
from core_scripts.evaluation.unit_model import Tokens, UnitModel
from core_scripts.evaluation.unit_table import measure_units
from core_scripts.generation.engine import WaveGenerator, generate
from core_scripts.generation.options import GenerationOptions
from core_scripts.geometry.span import Span
from core_scripts.nn_manager.model_base import CropContext
from core_scripts.nn_manager.nn_manager_tools import move_batch
from sandbox.block_features_decoder import FeaturesDecoder
from sandbox.block_jitter import Jitter
from sandbox.block_latent_upsample import LatentUpsample
from sandbox.block_mel_decoder import MelDecoder, MelGuide
from sandbox.block_units import Units
from sandbox.block_wavenet import WaveNet
from sandbox.config_vqvae import describe_paths, warn_of_units
from sandbox.returned_loss import ReturnedLoss
from sandbox.wavenet_start import start_smoothly

UNIT_PARTS = ("units", "input_mean", "input_std")  # all that makes units of a waveform


class Model(UnitModel):
    """Encoder and bottleneck, and the decoder that the configuration names."""

    def __init__(self, in_dim, out_dim, args, prj_conf, mean_std=None):
        super().__init__(prj_conf.mfcc.dim, out_dim, args, prj_conf, mean_std)  # in_dim: 1 of --from-codes
        self.conf, self.paths, self.seed = prj_conf, prj_conf.paths, option_value(args, "seed")
        self.codes_count = prj_conf.bottleneck.codes_count
        self.samples_per_latent = self.paths.latent_hop
        labels = Path(prj_conf.path.parent, prj_conf.labels.format_map(vars(prj_conf)))
        self.labels_folder = labels if prj_conf.labels and labels.is_dir() else None
        self.latents_per_second = prj_conf.wav_samp_rate / self.paths.latent_hop
        self.error_name = "bits" if prj_conf.decoder == "wavenet" else "mse"
        self.unit_files = UnitFiles.from_args(args, self.latents_per_second)

        self.units = Units(prj_conf.encoder, prj_conf.bottleneck, self.paths)
        self.jitter = Jitter(prj_conf.jitter)
        voices = len(self.speakers.names) if self.speakers else 0
        if prj_conf.decoder == "wavenet":
            self.decoder = WaveDecoder(prj_conf, voices, args)
        else:
            self.decoder = mel_decoder(prj_conf, voices)
        is_wave = prj_conf.decoder == "wavenet"
        self.guide = mel_guide(prj_conf, voices) if is_wave and prj_conf.way == "one-stage" else None
        self.is_frozen = is_wave and prj_conf.way == "two-step"
        self.units.requires_grad_(not self.is_frozen)
        self.schedule(0)
        self.train()

    @staticmethod
    def crop_context(prj_conf):
        """Frames around the crop, and for the wavenet the samples before it (and what the guide's frames reach)."""
        edges = (0, 0)
        if prj_conf.decoder == "wavenet":
            overhang = (prj_conf.mel.window - prj_conf.mel.hop) // 2 if prj_conf.way == "one-stage" else 0
            edges = (max(prj_conf.wavenet.receptive_field, overhang), overhang)
        return CropContext(inputs=(prj_conf.paths.frame_context(),), outputs=(edges,))

    @staticmethod
    def samples_per_unit(prj_conf):
        """See UnitModel."""
        return prj_conf.paths.latent_hop

    # Training

    def before_training(self, data):
        """The start of the codebook and of the decoder's first weights, from crops of the whole list."""
        conf = self.conf
        batches = [move_batch(batch, self.input_mean.device)
                   for batch in data.spread_batches(max(1, conf.start_crops // conf.batch_size))]
        if self.is_frozen:
            self.load_units(Path(conf.path.parent, conf.init_codes_from))
        else:
            for line in warn_of_units(conf):
                log.warn(line)
            inputs = [(self.normalize_input(batch.inputs), batch.lengths) for batch in batches]
            self.units.start(inputs, self.seed)
        if self.guide is not None:
            self.guide.start([batch.targets for batch in batches])
        if conf.decoder == "wavenet":
            self.decoder.start(batches)

    def load_units(self, path):
        """Encoder, normalisation and codebook of a features run. Raises: CheckpointError, DataError."""
        if not path.is_file():
            raise CheckpointError(
                f"init_codes_from={self.conf.init_codes_from!r}: no such file{near_files(path)}. way=two-step takes "
                "its units from a features run: python main.py train decoder=features --exp units, then "
                "decoder=wavenet init_codes_from=exp/units/trained_model.pt; way=one-stage needs no such run")
        load_parts(self, read_weights(path), UNIT_PARTS, {"mfcc": self.passports["mfcc"]}, str(path))
        log.say(f"Units are those of {path}; they stay as they are")

    def schedule(self, step):
        """Weights of this step: of the bottleneck's loss, which may rise, and of the guide, which fades."""
        conf = self.conf
        rise = min(1.0, (step + 1) / conf.bottleneck_warmup) if conf.bottleneck_warmup else 1.0
        self.bottleneck_weight = conf.bottleneck_weight * rise
        self.guide_weight = conf.feature_weight * 0.5 ** (step / conf.feature_half_life)

    def train(self, mode=True):
        """Frozen parts stay in evaluation: their statistics and their codebook do not move."""
        super().train(mode)
        if self.is_frozen:
            self.units.eval()
        return self

    def forward(self, batch):
        """[[error, loss of the bottleneck, of the guide], flags] in training, the error alone in evaluation.

        batch.inputs: (B, F, C) MFCC with their context; batch.targets: (B, F', bands) log-mel frames, or the waveform
        (B, R + T, 1) in [-1, 1] of which the first R samples are only seen. The error is the mean squared one of
        normalised frames, or nats per sample.
        """
        if not self.training:
            return self.error(batch, self.encode(batch), self.who_speaks(batch))
        heard = max(1, len(batch.index) - self.conf.statistics_crops)  # by the decoder; an epoch's last batch is short
        frames = self.normalize_input(batch.inputs)
        latents, out = self.units(frames, batch.lengths, heard, self.bottleneck_weight)
        batch = batch.select(range(heard))
        own = self.units.own(batch.lengths, latents.shape[1])
        repeats = len(latents) // heard  # samples of the vae
        latents = self.jitter(latents, own.repeat(repeats, 1))
        speakers = self.who_speaks(batch)
        if repeats > 1:
            batch = batch._replace(targets=batch.targets.repeat(repeats, 1, 1), lengths=batch.lengths.repeat(repeats))
            speakers = None if speakers is None else speakers.repeat(repeats)
        losses = [self.error(batch, latents, speakers), out.loss]
        if self.guide is not None:
            losses.append(self.guide_weight * self.guide.error(latents, speakers, batch.targets, batch.lengths))
        return [losses, [True] + [False] * (len(losses) - 1)]

    def error(self, batch, latents, speakers):
        """The decoder's, see `forward`."""
        return self.decoder.error(latents, speakers, self.normalize_target(batch.targets), batch.lengths)

    def encode(self, batch):
        """(B, L, D), what the decoder gets, with the latents around the crop that it needs."""
        return self.units(self.normalize_input(batch.inputs), batch.lengths, len(batch.index), 1.0)[0]

    def read_tokens(self, batch):
        """The latents inside the items, see `Tokens`; the first MFCC is the mean of the log-mel bands."""
        out, counts = self.units.read(self.normalize_input(batch.inputs), batch.lengths)
        energy = [frames[:, 0] for frames in self.token_frames(batch)]
        if out.codes is None:
            return Tokens(None, energy, out.latents[0], None)
        return Tokens([own.cpu().numpy() for own in out.codes[0].split(counts)], energy, out.latents[0],
                      out.quantised[0])

    def token_frames(self, batch):
        """The mean MFCC frame of each of an item's latents, (L, C)."""
        return [frames.cpu().numpy() for frames in self.units.mean_frames(batch.inputs, batch.lengths)]

    def who_speaks(self, batch):
        """(B,) int64; None where nobody is told apart."""
        return None if self.speakers is None else self.speaker_numbers(batch)

    # Generation: the units of a file, silence around them, decide alone what comes out.

    def inference(self, batch):
        """(B, F, C) MFCC, or units (B, L, 1) of --from-codes, to (B, F', bands) frames or (B, T, 1) waveforms."""
        return self.decoder.generate(self.find_latents(batch), self.who_speaks(batch), batch.lengths, batch.names)

    def wave_generator(self):
        """Sample by sample, from the units of whole files; None of the features decoder."""
        return self.decoder.generator(self.wave_frames) if self.error_name == "bits" else None

    def wave_frames(self, batch):
        """(B, F, C), what the wavenet is told of each file."""
        return self.decoder.frames(self.find_latents(batch), self.who_speaks(batch))

    def find_latents(self, batch):
        """(B, L, D) for generating; codes are written where that is wanted."""
        if not self.codes_count:
            self.unit_files.require_codes(self.conf.bottleneck.kind)
            return self.encode(batch)
        codes = batch.inputs[..., 0].long() if self.unit_files.is_source else self.find_codes(batch)
        self.unit_files.write(codes, self.paths.count_own(batch.lengths).tolist(), batch.names)
        return self.units.decode(codes, batch.lengths, self.silence_code())

    def find_codes(self, batch):
        """(B, L) int64 of the files themselves, 0 behind the end of shorter ones."""
        codes = [torch.from_numpy(own) for own in self.read_tokens(batch).codes]
        return nn.utils.rnn.pad_sequence(codes, batch_first=True).to(batch.lengths.device)

    def silence_code(self):
        """What digital silence becomes, a scalar int64."""
        frame = self.conf.mfcc.build()(torch.zeros(self.paths.front.support(1)))[0]
        return self.units.silence_code(self.normalize_input(frame.to(self.input_mean.device)))

    # Tables

    def predict_codes(self, batch):
        """Logits and codes of the wavenet's predictions; None of the features decoder, which predicts frames."""
        if self.error_name != "bits":
            return None
        return self.decoder.predict_codes(self.encode(batch), self.who_speaks(batch), batch)

    def score(self, train_data, test_data, device):
        """What the units of the test list carry."""
        return measure_units(self, train_data, test_data, device)

    describe_geometry = staticmethod(describe_paths)

    @property
    def restarts(self):
        """See UnitModel."""
        return int(self.units.bottleneck.core.restarts) if self.conf.bottleneck.has_codebook else 0


def mel_decoder(conf, voices):
    """Latents and a speaker to normalised frames, log-mel as a rule."""
    return MelDecoder(replace(conf.features, speakers=voices), conf.paths.latents(1).start, conf.frame_hop)


def mel_guide(conf, voices):
    """The same beside the wavenet, while its units still need it."""
    skipped = Model.crop_context(conf).outputs[0][0] - (conf.mel.window - conf.mel.hop) // 2
    return MelGuide(mel_decoder(conf, voices), conf.mel, skipped)


class WaveDecoder(nn.Module):
    """Latents and a speaker to the waveform, sample by sample."""

    def __init__(self, conf, voices, args):
        super().__init__()
        self.first, self.field = conf.paths.latents(1).start, conf.wavenet.receptive_field
        self.before, self.behind = Model.crop_context(conf).outputs[0]
        self.generation = GenerationOptions.from_args(args, conf.wav_samp_rate)
        self.voices = nn.Embedding(voices, conf.speaker_channels) if voices else None
        is_learned = conf.upsample == "samples"
        self.condition = None if is_learned else FeaturesDecoder(conf.condition)
        self.net = WaveNet(conf.wavenet, LatentUpsample(conf.upsampler) if is_learned else None)

    def start(self, batches):
        """First weights from the codes of some batches."""
        codes = [self.codes(batch.targets)[row, self.field :][:length] for batch in batches
                 for row, length in enumerate(batch.lengths)]
        start_smoothly(self.net, torch.cat(codes))

    def codes(self, targets):
        """(B, field + T) int64, those that the first prediction sees before the crop's own."""
        return self.net.head.quantise(targets[:, self.before - self.field : targets.shape[1] - self.behind, 0])

    def frames(self, latents, speakers):
        """Latents, or the frames that a convolution makes of them, and beside each the vector of who speaks."""
        frames, first = latents, self.first
        if self.condition is not None:
            first = self.condition.config.geometry.gives(Span(first, first + latents.shape[1])).start
            frames = self.condition(latents)
        frames = frames[:, self.net.first_frame - first :]
        if self.voices is None:
            return frames
        return torch.cat([frames, self.voices(speakers)[:, None].expand(-1, frames.shape[1], -1)], 2)

    def error(self, latents, speakers, targets, lengths):
        """Mean negative log-likelihood in nats per sample."""
        return self.net.loss(self.codes(targets), self.frames(latents, speakers), lengths)

    def generator(self, frames):
        """Waveforms from what `frames` makes of a batch."""
        return WaveGenerator(self.net, frames, self.net.head.dequantise, self.generation, reads_whole=True)

    def generate(self, latents, speakers, lengths, names):
        """(B, T, 1) waveform in [-1, 1]."""
        codes = generate(self.net, self.frames(latents, speakers), lengths, names, self.generation)
        return self.net.head.dequantise(codes).unsqueeze(-1)

    def predict_codes(self, latents, speakers, batch):
        """Logits (B, T, levels) and codes (B, T); None of heads without a logit per code."""
        if self.net.config.head != "categorical":
            return None
        codes = self.codes(batch.targets)
        return self.net.predict(codes, self.frames(latents, speakers)), codes[:, self.field :]


Loss = ReturnedLoss
