"""The native kernel as an engine of a batch: the model primes it and makes its conditioning."""
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from core_scripts.generation.native import Condition, NativeStreams, NativeWaveNet
from core_scripts.generation.stepper import Drawing, Piece, Stepper, silence_before
from core_scripts.geometry.span import Span

_LEARNED_SAMPLES = 640  # conditioned at once where the upsampling is learned: a vector for each of them is in memory


class NativeSession:
    """A batch by the native kernel, which draws the codes itself."""

    def __init__(self, model: Stepper, native: NativeWaveNet, drawing: Drawing, threads: int) -> None:
        self._model, self._native, self._drawing, self._threads = model, native, drawing, threads
        self._streams: NativeStreams | None = None

    def advance(self, piece: Piece) -> Tensor:
        streams, codes = self._take_up(piece), []
        for part, condition in self._conditions(piece, len(piece.uniforms)):
            counts = [min(count, part.stop) - part.start for count in piece.counts if count > part.start]
            uniforms = piece.uniforms[part.start : part.stop, : len(counts)]
            with torch.inference_mode(False):  # the mode is this thread's own, and others write into the result too
                drawn = streams.advance(condition, uniforms, counts, self._drawing.temperature,
                                        self._drawing.progress.show)
            ended = len(piece.counts) - len(counts)
            codes.append(functional.pad(drawn, (0, ended), value=self._model.silence))
        return torch.cat(codes)

    def follow(self, piece: Piece, codes: Tensor) -> Tensor:
        streams, outputs = self._take_up(piece), []
        for part, condition in self._conditions(piece, len(codes)):
            with torch.inference_mode(False):
                outputs.append(streams.follow(condition, codes[part.start : part.stop]))
        return torch.cat(outputs)

    def _take_up(self, piece: Piece) -> NativeStreams:
        if self._streams is None:
            silence = silence_before(self._model, len(piece.counts), piece.frames.device)
            past = self._model.prime(silence[:, 1:], piece.frames).past_inputs()
            self._streams = self._native.begin(past, self._model.silence, self._threads)
        return self._streams

    def _conditions(self, piece: Piece, samples: int) -> Iterator[tuple[Span, Condition]]:
        """Parts of the piece, and what they are told."""
        weights, frames = self._native.weights, piece.frames
        if weights.points is not None:
            yield Span(0, samples), Condition.of_frames(weights, frames, self._model.first_frame, Span(0, samples))
            return
        for start in range(0, samples, _LEARNED_SAMPLES):
            part = Span(start, min(start + _LEARNED_SAMPLES, samples))
            yield part, Condition(self._model.vectors_at(part, frames), torch.arange(len(part)))
