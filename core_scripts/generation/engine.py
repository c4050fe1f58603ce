"""Sample-by-sample generation of a batch of utterances, with any autoregressive model that can be stepped."""
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from core_scripts import log
from core_scripts.errors import ConfigError, DataError, NonFiniteLossError, all_faults, did_you_mean
from core_scripts.generation.sampling import draw_codes, utterance_uniforms
from core_scripts.geometry.span import Span
from core_scripts.progress import Progress

_FINITE_CHECK_INTERVAL = 1000  # samples; a look at every one would cost some percent


class StepState(Protocol):
    """What a model remembers from one sample to the next; its layout is the model's own."""

    def keep(self, count: int) -> None:
        """Forget all but the first `count` items of the batch."""


class Stepper(Protocol):
    """What generation asks of a model. Position 0 is the first sample; frames begin with the model's own context."""

    receptive_field: int  # codes that one prediction sees
    silence: int  # the code of a zero, which stands before every utterance
    inverse_cdf: Callable[[Tensor, Tensor, float], Tensor] | None  # as `draw_codes`; None: the outputs are logits

    def __call__(self, previous: Tensor, cond: Tensor) -> Tensor:
        """Logits (B, N, levels) of N positions from codes (B, N + receptive_field - 1) and `upsample_for` of them."""

    def upsample_for(self, out: Span, frames: Tensor) -> Tensor:
        """Conditioning at sample rate, (B, M, C), for the predictions `out`."""

    def prime(self, previous: Tensor, frames: Tensor) -> StepState:
        """The state at position 0 from the codes (B, receptive_field - 1) before position -1."""

    def step(self, code: Tensor, state: Any) -> Tensor:
        """Logits (B, levels) for the state's position from the code (B,) before it; the state moves on by one."""


@dataclass(frozen=True)
class GenerationOptions:
    """How samples are drawn. Raises: ConfigError, all faults together."""

    engine: str = "auto"
    temperature: float = 1.0  # below 1 the probable codes become more so; 0 takes the most probable one
    seed: int = 1
    rate_hz: int | None = None  # of the audio, to tell the speed in seconds of it

    def __post_init__(self) -> None:
        faults = []
        if self.engine not in (AUTO, *ENGINES):
            near = did_you_mean(str(self.engine), (AUTO, *ENGINES))
            faults.append(f"engine={self.engine!r} is unknown{near} (there are {', '.join((AUTO, *ENGINES))})")
        if not 0 <= self.temperature < math.inf:
            faults.append(f"temperature={self.temperature} must be 0 (the most probable code) or above; 1 draws from "
                          f"the distribution as it is")
        if self.rate_hz is not None and self.rate_hz < 1:
            faults.append(f"rate_hz={self.rate_hz} must be at least 1, or None")
        if faults:
            raise all_faults(ConfigError, "generation", faults)


@dataclass(frozen=True)
class Utterances:
    """A batch to be generated, longest first, so that those that are finished leave from the end."""

    frames: Tensor  # (B, F, C)
    lengths: tuple[int, ...]
    uniforms: Tensor  # (longest, B)
    temperature: float
    progress: Progress
    inverse_cdf: Callable[[Tensor, Tensor, float], Tensor]

    def count_at(self, position: int) -> int:
        """How many utterances are longer than `position`."""
        return sum(length > position for length in self.lengths)

    def draw(self, logits: Tensor, position: int) -> Tensor:
        """The codes (B,) at `position`; B is the number of utterances that are still going on.

        Raises: NonFiniteLossError if the model has no distribution to draw from.
        """
        if position % _FINITE_CHECK_INTERVAL == 0 and not logits.isfinite().all():
            raise NonFiniteLossError(f"the model's output at sample {position} is NaN or infinite; its weights or its "
                                     f"input frames are damaged, use an earlier checkpoint")
        self.progress.show(position + 1)
        return self.inverse_cdf(logits, self.uniforms[position, : len(logits)], self.temperature)


def generate(
    model: Stepper, frames: Tensor, lengths: Sequence[int], names: Sequence[str], options: GenerationOptions
) -> Tensor:
    """Codes (B, longest) int64, the code of silence behind the end of shorter ones.

    frames: (B, F, C) with the model's context, on the model's device; lengths: samples per utterance, integers or a
    tensor (B,); names: what the random numbers of each utterance depend on, besides the seed, and nothing else: in
    float64 its codes are the same in any batch, in float32 up to draws that fall on a rounding error.
    Raises: DataError if these do not fit together, NonFiniteLossError if the model yields NaN.
    """
    lengths = [int(length) for length in lengths]
    _check_batch(frames, lengths, names)
    order = sorted(range(len(lengths)), key=lambda item: -lengths[item])
    ordered = tuple(lengths[item] for item in order)
    with torch.inference_mode():  # frames that end too early are told of now and not when they are reached
        model.upsample_for(Span(ordered[0] - 1, ordered[0]), frames[:1])
    uniforms = utterance_uniforms(options.seed, [names[item] for item in order], ordered).to(frames.device)
    codes = torch.full((len(lengths), ordered[0]), model.silence, device=frames.device)
    begun = time.monotonic()
    with Progress("generate", ordered[0], "sample") as progress, torch.inference_mode():
        draw = model.inverse_cdf or draw_codes
        job = Utterances(frames[order], ordered, uniforms, options.temperature, progress, draw)
        codes[order] = choose_engine(options.engine)(model, job).t()
    log.note(describe_speed(len(lengths), sum(lengths), time.monotonic() - begun, options.rate_hz))
    return codes


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


def generate_eagerly(model: Stepper, job: Utterances) -> Tensor:
    """One step of the model per sample, everything else remembered: codes (longest, B)."""
    longest, batch = job.uniforms.shape
    codes = job.frames.new_full((longest, batch), model.silence, dtype=torch.int64)
    silence = codes.new_full((batch, model.receptive_field), model.silence)
    state, code = model.prime(silence[:, 1:], job.frames), silence[:, 0]
    with one_thread():
        for position in range(longest):
            count = job.count_at(position)
            if count < len(code):
                state.keep(count)
                code = code[:count]
            code = job.draw(model.step(code, state), position)
            codes[position, :count] = code
    return codes


@contextmanager
def one_thread() -> Iterator[None]:
    """A step is many tiny products; a second thread on a busy core was seen to make it 50 times slower."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def generate_naively(model: Stepper, job: Utterances) -> Tensor:
    """The whole receptive field anew for each sample, nothing remembered: what every other engine is held against."""
    longest, batch = job.uniforms.shape
    field = model.receptive_field
    cond = model.upsample_for(Span(0, longest), job.frames)
    cond_field = cond.shape[1] - longest + 1
    codes = job.frames.new_full((batch, field + longest), model.silence, dtype=torch.int64)  # the past, then the output
    for position in range(longest):
        count = job.count_at(position)
        past = codes[:count, position : position + field]
        logits = model(past, cond[:count, position : position + cond_field])
        codes[:count, position + field] = job.draw(logits[:, 0], position)
    return codes[:, field:].t()


AUTO = "auto"  # the fastest that works here
ENGINES: dict[str, Callable[[Stepper, Utterances], Tensor]] = {"naive": generate_naively, "eager": generate_eagerly}


def choose_engine(name: str) -> Callable[[Stepper, Utterances], Tensor]:
    """The function behind an engine's name, which `GenerationOptions` has checked."""
    return ENGINES["eager" if name == AUTO else name]


def _check_batch(frames: Tensor, lengths: Sequence[int], names: Sequence[str]) -> None:
    faults = []
    if not len(frames) == len(lengths) == len(names):
        faults.append(f"{len(frames)} items of frames, {len(lengths)} lengths and {len(names)} names; give one each")
    if not lengths:
        faults.append("there is nothing to generate; give one utterance or more")
    faults += [f"item {item} is to have {length} samples; give 1 or more"
               for item, length in enumerate(lengths) if length < 1]
    if faults:
        raise all_faults(DataError, "generation", faults)
