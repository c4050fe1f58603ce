"""The ways through an autoencoder, from waveform to codes to target, as one record. No torch."""
import math
from dataclasses import dataclass
from typing import Any, TypeVar

from core_scripts.geometry.chain import Chain
from core_scripts.geometry.facts import describe_chain
from core_scripts.geometry.ops import ceil_div
from core_scripts.geometry.span import Span

Count = TypeVar("Count")  # a whole number, or a tensor of such


@dataclass(frozen=True, kw_only=True)
class DecoderPath:
    """From latents to what a decoder makes of them, one output every `hop` samples."""

    chain: Chain
    hop: int


@dataclass(frozen=True, kw_only=True)
class AutoencoderPaths:
    """Which frames and latents a crop needs. Everything is counted from the crop's first sample.

        samples    0                               n
        frames     [- left -|-- own, n / frame_hop --|- right -]
        latents       [-----|-- own, n / latent_hop -|---]       latent j belongs to [j*latent_hop, (j+1)*latent_hop)

    Crops may have any whole number of frames; a last latent that is only begun is decoded like the others.
    """

    front: Chain  # from samples to frames
    encoder: Chain  # from frames to latents
    frame_hop: int
    decoders: tuple[DecoderPath, ...]  # all that read the latents

    @property
    def latent_hop(self) -> int:
        """Samples per latent."""
        return int(self.frame_hop / self.encoder.rate)

    def count_own(self, samples: Count) -> Count:
        """Latents that belong to so many samples, the last one perhaps in part."""
        return ceil_div(samples, self.latent_hop)

    def latents(self, own: int) -> Span:
        """The latents that the outputs of the first `own` latents need."""
        needed = Span(0, own)
        for path in self.decoders:
            needed = needed.cover(path.chain.needs(Span(0, own * self.latent_hop // path.hop)))
        return needed

    def frame_context(self) -> tuple[int, int]:
        """Frames (left, right) that a crop takes along."""
        frames = self.encoder.needs(self.latents(1))
        begun = int(1 / self.encoder.rate) - 1  # frames of a last latent that is only begun
        return -frames.start, frames.stop - int(1 / self.encoder.rate) + begun

    def count_whole(self, samples: Count) -> Count:
        """Latents, from the first one of `latents`, that the frames of a crop of `samples` samples hold whole."""
        left, right = self.frame_context()
        frames = left + ceil_div(samples, self.frame_hop) + right
        return (frames - self.encoder.receptive_field()) // int(1 / self.encoder.rate) + 1

    def from_samples(self) -> Chain:
        """From samples to the outputs of the first decoder."""
        return Chain((self.front, self.encoder, self.decoders[0].chain))


def warn_of_units(conf: Any) -> list[str]:
    """What is known to go wrong with these settings, though they fit together."""
    found = []
    if conf.decoder == "wavenet" and conf.way == "likelihood":
        found.append("units trained by likelihood alone leave out the level, which the samples before tell already: "
                     "bits look good and free runs fall silent (measured: 39 % of them; way=two-step: 2 %)")
    own = conf.paths.count_own(conf.truncate_seq) if conf.truncate_seq else None
    return found + conf.bottleneck.warnings(own and own * conf.batch_size)


def describe_paths(conf: Any) -> dict[str, Any]:
    """What follows from the sizes of an autoencoder with the settings `paths`, `bottleneck`, `wavenet`, `decoder`,
    `truncate_seq` and `wav_samp_rate`.

    receptive_field_samples: that the decoder sees of the waveform (wavenet), or the whole network for one frame; more
    as of `describe_chain`; the bitrate is that of units used alike.
    """
    paths, is_wave = conf.paths, conf.decoder == "wavenet"
    whole, hop = paths.from_samples(), paths.decoders[0].hop
    counts = (1, 100, 5000, 5120) if is_wave else (1, 100)
    per_second, codes = conf.wav_samp_rate / paths.latent_hop, conf.bottleneck.codes_count
    crop = paths.count_own(conf.truncate_seq) if conf.truncate_seq else None
    return {
        "receptive_field_samples": conf.wavenet.receptive_field if is_wave else max(whole.phase_counts(1)),
        "encoder_field_samples": paths.front.support(paths.encoder.support(1)),
        **describe_chain(whole, hop, counts),
        "latents_per_crop": {"own": crop, "with context": len(paths.latents(crop))} if crop else None,
        "latents_per_second": per_second,
        "bits_per_second": per_second * math.log2(codes) if codes else None,
    }
