"""Engines in torch, for any model that can be stepped, on any device: the fallback, and the measure of the others."""
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from core_scripts.generation.stepper import Drawing, Piece, Stepper, StepState, silence_before
from core_scripts.geometry.span import Span


class EagerSession:
    """One step of the model per sample, everything else remembered."""

    def __init__(self, model: Stepper, drawing: Drawing) -> None:
        self._model, self._drawing = model, drawing
        self._state: StepState | None = None
        self._code: Tensor

    def advance(self, piece: Piece) -> Tensor:
        samples, batch = piece.uniforms.shape
        codes = torch.full((samples, batch), self._model.silence, device=piece.frames.device)
        self._take_up(piece)
        with one_thread():
            for position in range(samples):
                self._keep(piece.count_at(position))
                logits = self._model.step(self._code, self._state)
                self._code = self._drawing.draw(logits, piece.uniforms[position], piece.start + position)
                codes[position, : len(self._code)] = self._code
        return codes

    def follow(self, piece: Piece, codes: Tensor) -> Tensor:
        self._take_up(piece)
        outputs = []
        with one_thread():
            for drawn in codes:
                outputs.append(self._model.step(self._code, self._state))
                self._code = drawn
        return torch.stack(outputs)

    def _take_up(self, piece: Piece) -> None:
        if self._state is None:
            silence = silence_before(self._model, len(piece.counts), piece.frames.device)
            self._state, self._code = self._model.prime(silence[:, 1:], piece.frames), silence[:, 0]
        else:
            self._keep(len(piece.counts))
            self._model.go_on(self._state, piece.frames)

    def _keep(self, count: int) -> None:
        if count < len(self._code):
            self._state.keep(count)
            self._code = self._code[:count]


class NaiveSession:
    """The whole receptive field anew for each sample, nothing remembered but the codes."""

    def __init__(self, model: Stepper, drawing: Drawing) -> None:
        self._model, self._drawing = model, drawing
        self._past: Tensor | None = None  # (B, receptive_field)

    def advance(self, piece: Piece) -> Tensor:
        samples, batch = piece.uniforms.shape
        past = self._take_up(piece)
        field = past.shape[1]
        cond = self._model.upsample_for(Span(0, samples), piece.frames)
        cond_field = cond.shape[1] - samples + 1
        codes = torch.cat([past, past.new_full((batch, samples), self._model.silence)], 1)
        for position in range(samples):
            count = piece.count_at(position)
            seen = codes[:count, position : position + field]
            logits = self._model(seen, cond[:count, position : position + cond_field])[:, 0]
            drawn = self._drawing.draw(logits, piece.uniforms[position], piece.start + position)
            codes[:count, position + field] = drawn
        self._past = codes[:, samples:]
        return codes[:, field:].t()

    def follow(self, piece: Piece, codes: Tensor) -> Tensor:
        """All in one parallel pass, as in training."""
        seen = torch.cat([self._take_up(piece), codes.t()], 1)
        self._past = seen[:, len(codes) :]
        cond = self._model.upsample_for(Span(0, len(codes)), piece.frames)
        return self._model(seen[:, :-1], cond).transpose(0, 1)

    def _take_up(self, piece: Piece) -> Tensor:
        batch = len(piece.counts)
        return silence_before(self._model, batch, piece.frames.device) if self._past is None else self._past[:batch]


@contextmanager
def one_thread() -> Iterator[None]:
    """A step is many tiny products; a second thread on a busy core was seen to make it 50 times slower."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
