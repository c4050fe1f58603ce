"""Sample-by-sample generation of a batch of utterances, with any autoregressive model that can be stepped.

Samples are made in pieces of about two seconds, so that no more of an utterance is in memory than one piece.
"""
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core_scripts import log
from core_scripts.data_io.collate import Batch
from core_scripts.errors import DataError, all_faults
from core_scripts.generation.choosing import open_session
from core_scripts.generation.options import GenerationOptions
from core_scripts.generation.sampling import utterance_uniforms
from core_scripts.generation.stepper import Drawing, Piece, Stepper
from core_scripts.geometry.span import Span
from core_scripts.progress import Progress

PIECE_SAMPLES = 2**15

ReadFrames = Callable[[Span, int], Tensor]
"""(part, count) -> (count, F, C): frames of the samples `part` of the first utterances, with the model's context."""


@dataclass(frozen=True)
class Utterances:
    """What is to be generated together. Raises: DataError if these do not fit together.

    names: what the random numbers of each utterance depend on, besides the seed, and nothing else: in float64 its codes
    are the same in any batch, in float32 up to draws that fall on a rounding error.
    """

    names: tuple[str, ...]
    lengths: tuple[int, ...]  # samples, the longest first

    def __post_init__(self) -> None:
        faults = [] if self.lengths else ["there is nothing to generate; give one utterance or more"]
        faults += [f"item {item} is to have {length} samples; give 1 or more"
                   for item, length in enumerate(self.lengths) if length < 1]
        if faults:
            raise all_faults(DataError, "generation", faults)

    def pieces(self, size: int) -> Iterator[tuple[Span, tuple[int, ...]]]:
        """Parts of at most `size` samples, and how many of them each utterance has that goes so far."""
        for start in range(0, self.lengths[0], size):
            part = Span(start, min(start + size, self.lengths[0]))
            yield part, tuple(min(length - start, len(part)) for length in self.lengths if length > start)


def stream_codes(
    model: Stepper, read_frames: ReadFrames, utterances: Utterances, options: GenerationOptions,
    piece_samples: int = PIECE_SAMPLES,
) -> Iterator[Tensor]:  # fmt: skip
    """Codes (B, N) int64 of piece after piece, B those of the utterances that go so far: the first ones.

    Behind the end of an utterance stands the code of silence.
    Raises: DataError if frames are missing or not finite, NonFiniteLossError if the model yields NaN.
    """
    begun, longest = time.monotonic(), utterances.lengths[0]
    size = max(1, piece_samples // model.hop) * model.hop
    with Progress("generate", longest, "sample") as progress:
        session = None
        for part, counts in utterances.pieces(size):
            frames = read_frames(part, len(counts))
            names = utterances.names[: len(counts)]
            _check_frames(model, frames, len(part), names)
            session = session or open_session(model, Drawing.of(model, options.temperature, progress), options, frames)
            uniforms = utterance_uniforms(options.seed, names, counts, part.start).to(frames.device)
            with torch.inference_mode():
                codes = session.advance(Piece(part.start, frames, uniforms, counts))
            yield codes.t().clone()
    seconds, samples = time.monotonic() - begun, sum(utterances.lengths)
    log.note(describe_speed(len(utterances.names), samples, seconds, options.rate_hz))


def generate(
    model: Stepper, frames: Tensor, lengths: Sequence[int], names: Sequence[str], options: GenerationOptions
) -> Tensor:
    """Codes (B, longest) int64, the code of silence behind the end of shorter ones.

    frames: (B, F, C) with the model's context, on the model's device; lengths: samples per utterance, integers or a
    tensor (B,); names: see `Utterances`.
    Raises: as `Utterances` and `stream_codes`.
    """
    lengths = [int(length) for length in lengths]
    if not len(frames) == len(lengths) == len(names):
        raise DataError(f"generation: {len(frames)} items of frames, {len(lengths)} lengths and {len(names)} names; "
                        f"give one each")
    order = sorted(range(len(lengths)), key=lambda item: -lengths[item])
    utterances = Utterances(tuple(names[item] for item in order), tuple(lengths[item] for item in order))
    held = frames[order]
    with torch.inference_mode():  # frames that end too early are told of now and not when they are reached
        model.upsample_for(Span(utterances.lengths[0] - 1, utterances.lengths[0]), held[:1])
    codes = torch.full((len(lengths), utterances.lengths[0]), model.silence, device=frames.device)
    start = 0
    for piece in stream_codes(model, frames_of(held, model.hop), utterances, options):
        codes[order[: len(piece)], start : start + piece.shape[1]] = piece
        start += piece.shape[1]
    return codes


def frames_of(frames: Tensor, hop: int) -> ReadFrames:
    """How frames (B, F, C) that are in memory are read in parts that begin at multiples of `hop`."""
    return lambda part, count: frames[:count, part.start // hop :]


@dataclass(frozen=True)
class WaveGenerator:
    """How a recipe's model makes waveforms sample by sample."""

    stepper: Stepper
    frames: Callable[[Batch], Tensor]  # (B, F, C) of a batch, with the stepper's context
    decode: Callable[[Tensor], Tensor]  # codes to amplitudes in [-1, 1]
    options: GenerationOptions
    reads_whole: bool = False  # the frames of a part depend on the whole utterance

    def run(self, batch: Batch) -> Tensor:
        """Waveforms (B, T, 1) of a batch."""
        codes = generate(self.stepper, self.frames(batch), batch.lengths, batch.names, self.options)
        return self.decode(codes).unsqueeze(-1)

    def stream(self, utterances: Utterances, read: Callable[[Span, int], Batch]) -> Iterator[Tensor]:
        """The same in pieces (B, N, 1), see `stream_codes`; read: as ReadFrames, the batch that frames are made of."""
        if self.reads_whole:
            whole = self.frames(read(Span(0, utterances.lengths[0]), len(utterances.names)))
            read_frames = frames_of(whole, self.stepper.hop)
        else:
            def read_frames(part: Span, count: int) -> Tensor:
                return self.frames(read(part, count))
        for codes in stream_codes(self.stepper, read_frames, utterances, self.options):
            yield self.decode(codes).unsqueeze(-1)


def describe_speed(utterances: int, samples: int, seconds: float, rate_hz: int | None) -> str:
    """"generated 3 utterances, 7.2 s of audio in 21.0 s: RTF 2.92 (0.34 x real time)"; without a rate in samples.

    RTF is seconds of computation per second of audio.
    """
    what = f"generated {utterances} utterance{'' if utterances == 1 else 's'}"
    seconds = max(seconds, 1e-9)
    if rate_hz is None:
        return f"{what}, {samples:,} samples in {seconds:.1f} s: {samples / seconds:,.0f} samples per second"
    audio = samples / rate_hz
    return (f"{what}, {audio:.1f} s of audio in {seconds:.1f} s: RTF {seconds / audio:.2f} "
            f"({audio / seconds:.2f} x real time)")


def _check_frames(model: Stepper, frames: Tensor, samples: int, names: Sequence[str]) -> None:
    with torch.inference_mode():
        model.upsample_for(Span(samples - 1, samples), frames[:1])
    damaged = [name for name, own in zip(names, frames, strict=True) if not own.isfinite().all()]
    if damaged:
        raise DataError(f"generation: the frames of {', '.join(damaged[:5])} are NaN or infinite; nothing sensible "
                        f"comes of them, make the features again")
