"""Whether a checkpoint sounds the same by every engine: outputs along the same codes, and the codes themselves."""
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from core_scripts.generation.choosing import open_session
from core_scripts.generation.options import GenerationOptions
from core_scripts.generation.sampling import draw_codes, utterance_uniforms
from core_scripts.generation.stepper import Drawing, Piece, Stepper
from core_scripts.geometry.span import Span
from core_scripts.progress import Progress

RELATIVE_BOUND = 1e-5  # of outputs in fp32: single precision is 6e-8, and a sample passes through some hundred sums
KL_BOUND = 0.01  # nats per sample, of bf16 against fp32; trained models have an entropy of 1.5 to 2
RELATIVE_BOUND_BF16 = 0.05  # of heads without a logit per code, which have no such divergence
NAIVE_SAMPLES = 60  # drawn one by one; outputs are compared along all samples


@dataclass(frozen=True)
class Check:
    """Two ways to generate, held against each other. None: not asked for by this check."""

    name: str
    passed: bool
    relative: float | None = None  # norm of the difference of the outputs over their norm
    largest: float | None = None  # difference of one output
    kl: float | None = None  # nats per sample
    differing: int = 0  # draws that came out as another code
    draws: int = 0

    def __str__(self) -> str:
        words = [f"{'ok  ' if self.passed else 'FAIL'} {self.name:<52}"]
        if self.relative is not None:
            words.append(f"outputs differ by {self.relative:.1e}, at most {self.largest:.1e}; ")
        words.append(f"{self.differing:,} of {self.draws:,} codes differ")
        words.append("" if self.kl is None else f"; {self.kl:.1e} nats")
        return "".join(words)


@dataclass(frozen=True)
class Excerpt:
    """The beginning of some utterances, all equally long, and the codes that the eager engine draws for it."""

    model: Stepper
    frames: Tensor  # (B, F, C)
    names: tuple[str, ...]
    samples: int
    options: GenerationOptions

    @cached_property
    def uniforms(self) -> Tensor:
        """(N, B)."""
        lengths = [self.samples] * len(self.names)
        return utterance_uniforms(self.options.seed, self.names, lengths).to(self.frames.device)

    @cached_property
    def codes(self) -> Tensor:
        """(N, B)."""
        return self.draw(replace(self.options, engine="eager", precision="fp32"))

    def pieces(self, rows: slice = slice(None), size: int = 0, stop: int = 0) -> Iterator[tuple[Piece, Span]]:
        """The excerpt, or these rows of it up to sample `stop`, in pieces of at most `size`; 0: whole."""
        stop = stop or self.samples
        size = max(1, (size or stop) // self.model.hop) * self.model.hop
        count = len(self.names[rows])
        for start in range(0, stop, size if size < stop else stop):
            part = Span(start, min(start + size, stop) if size < stop else stop)
            frames = self.frames[rows, start // self.model.hop :]
            uniforms = self.uniforms[part.start : part.stop, rows]
            yield Piece(start, frames, uniforms, (len(part),) * count), part

    @torch.inference_mode()
    def draw(self, options: GenerationOptions, stop: int = 0) -> Tensor:
        """Codes (N, B) by the engine of the options."""
        with Progress("draw", self.samples, "sample", quiet=True) as progress:
            session = self._open(options, self.frames, progress)
            return torch.cat([session.advance(piece) for piece, _ in self.pieces(stop=stop)])

    @torch.inference_mode()
    def outputs(self, options: GenerationOptions, rows: slice = slice(None), size: int = 0) -> Tensor:
        """(N, B, levels) along `codes`, by the engine of the options, batched, in pieces of at most `size` samples."""
        with Progress("follow", self.samples, "sample", quiet=True) as progress:
            session = self._open(options, self.frames[rows], progress)
            return torch.cat([session.follow(piece, self.codes[part.start : part.stop, rows])
                              for piece, part in self.pieces(rows, size)])

    def _open(self, options: GenerationOptions, frames: Tensor, progress: Progress):
        drawing = Drawing.of(self.model, options.temperature, progress)
        return open_session(self.model, drawing, options, frames)

    def compare(self, name: str, ours: Tensor, theirs: Tensor, *, is_rounded: bool = False) -> Check:
        """Outputs against outputs. is_rounded: ours come from bf16."""
        difference = (ours - theirs).double()
        relative = float(difference.norm() / theirs.double().norm())
        draw = self.model.inverse_cdf or draw_codes
        uniforms = self.uniforms.flatten()
        drawn = [draw(outputs.flatten(0, 1), uniforms, self.options.temperature) for outputs in (ours, theirs)]
        kl = None if self.model.inverse_cdf else _mean_kl(theirs, ours)
        if is_rounded:
            passed = relative < RELATIVE_BOUND_BF16 if kl is None else kl < KL_BOUND
        else:
            passed = relative < RELATIVE_BOUND
        return Check(name, passed, relative, float(difference.abs().max()), kl if is_rounded else None,
                     int((drawn[0] != drawn[1]).sum()), len(uniforms))

    def compare_codes(self, name: str, ours: Tensor) -> Check:
        """Codes that an engine drew by itself: they may part from the others by one level, where a number falls on a
        rounding error, and are not compared behind that.
        """
        theirs, differing, passed = self.codes[: len(ours)], 0, True
        for own, other in zip(ours.t(), theirs.t(), strict=True):
            places = (own != other).nonzero()
            if len(places):
                differing += 1
                first = int(places[0])
                passed &= abs(int(own[first]) - int(other[first])) <= 1
        return Check(name, passed, differing=differing, draws=ours.numel())


def check_engines(excerpt: Excerpt, variants: Sequence[str]) -> list[Check]:
    """All checks. variants: of the native engine, the one that `auto` takes first; none where it cannot run."""
    options = replace(excerpt.options, precision="fp32")
    eager, naive = replace(options, engine="eager"), replace(options, engine="naive")
    natives = [replace(options, engine="native", variant=variant) for variant in variants]
    reference = excerpt.outputs(eager)
    checks = [excerpt.compare("naive against eager", excerpt.outputs(naive), reference),
              excerpt.compare_codes("naive against eager, drawn",
                                    excerpt.draw(naive, min(NAIVE_SAMPLES, excerpt.samples)))]
    for native in natives:
        name = f"native fp32 ({native.variant}) against eager"
        checks += [excerpt.compare(name, excerpt.outputs(native), reference),
                   excerpt.compare_codes(f"{name}, drawn", excerpt.draw(native))]
    best, kind = (natives[0], "native") if natives else (eager, "eager")
    whole = excerpt.outputs(best)
    alone = torch.cat([excerpt.outputs(best, slice(row, row + 1)) for row in range(len(excerpt.names))], 1)
    checks += [excerpt.compare(f"{kind}, in pieces against whole", excerpt.outputs(best, size=excerpt.samples // 3),
                               whole),
               excerpt.compare(f"{kind}, batched against one by one", whole, alone)]
    if natives:
        rounded = excerpt.outputs(replace(best, precision="bf16"))
        checks.append(excerpt.compare("native bf16 against fp32", rounded, whole, is_rounded=True))
    return checks


def _mean_kl(true: Tensor, other: Tensor) -> float:
    """Mean of KL(true || other) over all distributions, from logits (..., levels)."""
    first, second = (torch.log_softmax(logits.double(), -1) for logits in (true, other))
    return float((first.exp() * (first - second)).sum(-1).mean())
