"""K steps at once with sampling on the device, which a GPU replays as one CUDA graph.

Stepping one by one, a GPU spends its time on launching some nine small kernels per layer; a graph launches K steps of
them together. All that changes from step to step lies in tensors of fixed place: the codes, the position, the rings,
the conditioning and the uniform numbers of the K steps. Without a GPU the same steps run one after the other, which is
how they are tested. On a GPU none of this has been measured yet.
"""
from collections.abc import Sequence

import torch
from torch import Tensor

from core_scripts.generation.sampling import draw_codes
from core_scripts.generation.stepper import Drawing, Piece, Stepper, not_finite, silence_before
from core_scripts.generation.wavenet_weights import WaveNetWeights
from core_scripts.geometry.span import Span

STEPS = 40  # per graph


class StaticSteps:
    """The WaveNet's step on tensors of fixed place, for a batch that does not shrink."""

    def __init__(self, weights: WaveNetWeights, rings: Sequence[Tensor], code: Tensor, temperature: float) -> None:
        batch, device = len(code), code.device
        self._temperature = temperature
        self._embedding = weights.embedding.to(device)
        self._taps = weights.taps.flatten(1, 2).to(device)  # (L, k R, 2 D)
        self._residual = weights.residual.to(device)
        self._condition = weights.condition.flatten(1).to(device), weights.condition_bias.flatten().to(device)
        self._head = [(weight.to(device), bias.to(device)) for weight, bias in (
            (weights.skip.flatten(0, 1), weights.skip_bias), (weights.post, weights.post_bias),
            (weights.output, weights.output_bias))]
        self._rings = [ring.clone() for ring in rings]  # (reach, B, R), the oldest input first
        self._starts = [torch.arange(0, len(ring), dilation, device=device)
                        for ring, dilation in zip(rings, weights.dilations, strict=True)]
        self._position = torch.zeros((), dtype=torch.int64, device=device)
        self.code = code.clone()
        self.conditions = torch.zeros(STEPS, len(rings), batch, weights.taps.shape[3], device=device)
        self.uniforms = torch.zeros(STEPS, batch, dtype=torch.float64, device=device)
        self.drawn = torch.zeros(STEPS, batch, dtype=torch.int64, device=device)
        self.outputs = torch.zeros(batch, weights.codes, device=device)  # of the last step
        self._graph: torch.cuda.CUDAGraph | None = None

    def project(self, vectors: Tensor) -> Tensor:
        """Conditioning (B, N, C) to what each layer adds to its gates, (N, layers, B, 2 D)."""
        weight, bias = self._condition
        return (vectors @ weight + bias).unflatten(2, (len(self._rings), -1)).permute(1, 2, 0, 3)

    def run(self, count: int) -> Tensor:
        """Codes (count, B) of the next steps, whose conditioning and numbers are in place."""
        if count == STEPS and self.code.is_cuda:
            self._replay()
        else:
            self._steps(count)
        return self.drawn[:count]

    def _replay(self) -> None:
        if self._graph is None:
            stream = torch.cuda.Stream()  # a capture wants kernels that have run before; their effects are taken back
            kept = [tensor.clone() for tensor in self._changing()]
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                self._steps(2)
            torch.cuda.current_stream().wait_stream(stream)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                self._steps(STEPS)
            for tensor, value in zip(self._changing(), kept, strict=True):
                tensor.copy_(value)
        self._graph.replay()

    def _changing(self) -> list[Tensor]:
        return [*self._rings, self._position, self.code]

    def _steps(self, count: int) -> None:
        for number in range(count):
            logits = self.step(self.conditions[number])
            self.outputs.copy_(logits)
            self.code.copy_(draw_codes(logits, self.uniforms[number], self._temperature))
            self.drawn[number].copy_(self.code)

    def step(self, conditions: Tensor) -> Tensor:
        """Logits (B, levels) for the position, from `code` and the conditioning (layers, B, 2 D); it moves on by one.
        """
        x, gates = torch.nn.functional.embedding(self.code, self._embedding), []
        for layer, (ring, starts) in enumerate(zip(self._rings, self._starts, strict=True)):
            size = len(ring)
            past = ring.index_select(0, (self._position + starts) % size)  # (taps - 1, B, R)
            window = torch.cat([*past, x], 1)
            ring.index_copy_(0, (self._position % size).reshape(1), x[None])
            filtered, gated = torch.addmm(conditions[layer], window, self._taps[layer]).chunk(2, 1)
            gates.append(torch.tanh(filtered) * torch.sigmoid(gated))
            if layer < len(self._residual):
                x = torch.addmm(x, gates[-1], self._residual[layer])
        self._position += 1
        hidden = torch.cat(gates, 1)
        for number, (weight, bias) in enumerate(self._head):
            hidden = torch.addmm(bias, torch.relu(hidden) if number else hidden, weight)
        return hidden


class GraphSession:
    """A batch by `StaticSteps`. Utterances that have ended go on without being heard."""

    def __init__(self, model: Stepper, weights: WaveNetWeights, drawing: Drawing) -> None:
        self._model, self._weights, self._drawing = model, weights, drawing
        self._steps: StaticSteps | None = None

    def advance(self, piece: Piece) -> Tensor:
        samples, batch = piece.uniforms.shape
        steps = self._take_up(piece)
        codes = torch.full((samples, batch), self._model.silence, device=piece.frames.device)
        for start in range(0, samples, STEPS):
            part = Span(start, min(start + STEPS, samples))
            steps.conditions[: len(part), :, :batch] = steps.project(self._model.vectors_at(part, piece.frames))
            steps.uniforms[: len(part), :batch] = piece.uniforms[part.start : part.stop]
            codes[part.start : part.stop] = steps.run(len(part))[:, :batch]
            self._drawing.progress.show(piece.start + part.stop)
            if not steps.outputs[: piece.count_at(part.start)].isfinite().all():
                raise not_finite(piece.start + part.stop - 1)
        for row, count in enumerate(piece.counts):
            codes[count:, row] = self._model.silence
        return codes

    def follow(self, piece: Piece, codes: Tensor) -> Tensor:
        steps, batch = self._take_up(piece), len(piece.counts)
        conditions = steps.project(self._model.vectors_at(Span(0, len(codes)), piece.frames))
        outputs = []
        for own, drawn in zip(conditions, codes, strict=True):
            steps.conditions[0, :, :batch] = own
            outputs.append(steps.step(steps.conditions[0])[:batch])
            steps.code[:batch] = drawn
        return torch.stack(outputs)

    def _take_up(self, piece: Piece) -> StaticSteps:
        if self._steps is None:
            silence = silence_before(self._model, len(piece.counts), piece.frames.device)
            rings = self._model.prime(silence[:, 1:], piece.frames).past_inputs()
            self._steps = StaticSteps(self._weights, rings, silence[:, 0], self._drawing.temperature)
        return self._steps
