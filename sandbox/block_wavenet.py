"""WaveNet (van den Oord et al. 2016): dilated causal gated layers over codes, conditioned at every layer.

Inside, tensors are time-major, (time, batch, channels), and gates work on rows (time * batch, channels): the dilated
shift is then a slice without a copy, and one body serves a whole crop (`forward`) and a single sample (`step`).
Nothing is padded: a crop of N + R - 1 codes gives N predictions, R the receptive field.
"""
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from core_scripts.errors import DataError
from core_scripts.geometry.chain import Chain, context
from core_scripts.geometry.span import Span
from sandbox.block_heads import build_head
from sandbox.block_upsample import CropCondition, FollowedCondition, SampledCondition, Upsample, build_upsample
from sandbox.config_wavenet import WaveNetConfig
from sandbox.wavenet_export import export_wavenet

_LOGIT_GAIN = 0.5  # small first logits: training starts from nearly equal probabilities, ln(levels) nats


def gate(window: Tensor, condition: Tensor, weight: Tensor) -> Tensor:
    """tanh(filter) * sigmoid(gate) (van den Oord 2016, eq. 2): (N, k R) taps, (N, 2 D) conditioning -> (N, D)."""
    filtered, gated = torch.addmm(condition, window, weight).chunk(2, 1)
    return torch.tanh(filtered) * torch.sigmoid(gated)


class GatedLayer(nn.Module):
    """The weights of one layer. Its bias is that of the conditioning, which is added at the same place."""

    def __init__(self, config: WaveNetConfig, dilation: int, is_last: bool) -> None:
        super().__init__()
        width, gates = config.residual_channels, config.gate_channels
        self.dilation = dilation
        self.reach = dilation * (config.kernel_size - 1)  # outputs fewer than inputs
        self.taps = nn.Parameter(_scaled_normal(config.kernel_size * width, 2 * gates))  # the oldest tap first
        # Behind the last layer only its skip goes on. A bias here would be one more bias of the next layers' gates.
        self.residual = None if is_last else nn.Parameter(_scaled_normal(gates, width))
        plain = config.plain_biases
        self.residual_bias = nn.Parameter(torch.zeros(width)) if plain and not is_last else None
        self.idle = nn.Parameter(torch.zeros(gates + 1, width)) if plain and is_last else None  # counted, never used

    def windows(self, x: Tensor) -> Tensor:
        """(T, B, R) to the taps of each valid output, rows ((T - reach) * B, k R)."""
        starts = range(0, self.reach + 1, self.dilation)
        return torch.cat([x[start : len(x) - self.reach + start] for start in starts], 2).flatten(0, 1)

    def advance(self, x: Tensor, gated: Tensor) -> Tensor:
        """Input of the next layer: this layer's input at the same positions plus its gates projected, rows (N, R)."""
        return torch.addmm(x if self.residual_bias is None else x + self.residual_bias, gated, self.residual)


class Ring:
    """The last `reach` inputs of a layer, (reach, B, R), of which the oldest is overwritten by the newest."""

    def __init__(self, inputs: Tensor, layer: GatedLayer) -> None:
        self._past = inputs.clone()
        self._rows = self._past.unbind(0)  # views made once: indexing a tensor costs as much as a small product
        self._starts = range(0, layer.reach, layer.dilation)

    def push(self, x: Tensor, position: int) -> Tensor:
        """The taps (B, k R) of the output at `position`, whose own input is x (B, R)."""
        size = len(self._rows)
        window = torch.cat([*(self._rows[(position + start) % size] for start in self._starts), x], 1)
        self._rows[position % size].copy_(x)
        return window

    def rows(self) -> Tensor:
        """(reach, B, R), row `position % reach` the oldest."""
        return self._past

    def keep(self, count: int) -> None:
        """Forget all but the first `count` items of the batch."""
        self._past = self._past[:, :count]
        self._rows = self._past.unbind(0)


@dataclass
class WaveNetState:
    """All that generation remembers from one sample to the next."""

    rings: list[Ring]
    condition: FollowedCondition
    position: int = 0  # of the sample that comes next
    begun: int = 0  # the position that the conditioning takes for 0

    def past_inputs(self) -> list[Tensor]:
        """Of each layer the inputs that it remembers, (reach, B, R), row `position % reach` the oldest."""
        return [ring.rows() for ring in self.rings]

    def keep(self, count: int) -> None:
        """Forget all but the first `count` items of the batch."""
        self.condition.keep(count)
        for ring in self.rings:
            ring.keep(count)


class WaveNet(nn.Module):
    """Predicts each code from the codes before it and from conditioning frames.

    What a code is, and what the outputs say of it, is the head's; only the categorical one has a logit per code, where
    "logits (..., levels)" is said below, the others have the few numbers of their distribution.
    Frames, (B, F, C), always begin with frame `first_frame`, frame 0 being that of the first predicted sample. They
    reach the samples by `config.upsample`, or by an upsampler of another kind that gives `cond_channels` values.
    """

    def __init__(self, config: WaveNetConfig, upsample: Upsample | None = None) -> None:
        super().__init__()
        self.config = config
        self.receptive_field = config.receptive_field
        self.head = build_head(config)
        self.inverse_cdf = self.head.inverse_cdf
        self.silence = int(self.head.quantise(torch.zeros(1)))  # the code of a zero
        self.upsample = build_upsample(config) if upsample is None else upsample
        geometry = self.upsample.geometry
        self.hop = int(geometry.rate)  # samples per frame
        self.first_frame = -context(Chain((geometry, config.layers_geometry())), self.hop)[0]
        self.embed = self.head.build_input()
        outputs = config.layers * 2 * config.gate_channels  # for all layers at once
        self.condition = _build_condition(config.condition_channels, outputs, not config.plain_biases)
        self.layers = nn.ModuleList(GatedLayer(config, dilation, layer == config.layers - 1)
                                    for layer, dilation in enumerate(config.dilations))
        self.skip = nn.Linear(config.layers * config.gate_channels, config.skip_channels)  # all skips and their sum
        if not config.skip_bias:
            _fix_bias(self.skip)
        self.skip_biases = nn.Parameter(torch.zeros(config.layers - 1, config.skip_channels)) \
            if config.plain_biases else None  # of all layers but one
        self.post = nn.Linear(config.skip_channels, config.post_channels)
        self.logits = nn.Linear(config.post_channels, self.head.outputs)
        self._initialise()

    def forward(self, previous: Tensor, cond: Tensor) -> Tensor:
        """Logits (B, N, levels) for N positions from the codes before each, (B, N + receptive_field - 1) int64.

        cond: (B, M, C) conditioning at the sample positions that `config.condition_span` names for the N positions.
        Raises: DataError if the lengths do not fit.
        """
        self._check_lengths(previous.shape[1] - self.receptive_field + 1, cond)
        return self._compute_logits(previous, SampledCondition(cond))

    def predict(self, codes: Tensor, frames: Tensor) -> Tensor:
        """Teacher-forced logits (B, T, levels) for the last T of the codes, (B, receptive_field + T) int64.

        Raises: DataError if there are too few codes or frames.
        """
        outputs = codes.shape[1] - self.receptive_field
        self._check_outputs(outputs)
        span = self.config.condition_span(Span(0, outputs))
        return self._compute_logits(codes[:, :-1], self.upsample.crop(frames, self.first_frame, span))

    def loss(self, codes: Tensor, frames: Tensor, lengths: Tensor) -> Tensor:
        """Mean negative log-likelihood in nats per sample (van den Oord 2016, eq. 1), in the weights' precision.

        codes: (B, receptive_field + T) int64; lengths: (B,), of the T predictions the first `length` count.
        Raises: DataError if there are too few codes or frames.
        """
        logits = self.predict(codes, frames).to(self.logits.weight.dtype)  # under autocast they come as bfloat16
        targets = codes[:, self.receptive_field :]
        nats = self.head.nats(logits, targets)
        counts = torch.arange(targets.shape[1], device=codes.device) < lengths.to(codes.device)[:, None]
        return (nats * counts).sum() / counts.sum()

    def crop_codes(self, wave: Tensor, lengths: Tensor) -> list[Tensor]:
        """The codes of each crop (B, R + T, 1), one row per item: without the first R samples, and without padding."""
        codes = self.head.quantise(wave[:, self.receptive_field :, 0])
        return [row[:length] for row, length in zip(codes, lengths, strict=True)]

    def upsample_for(self, out: Span, frames: Tensor) -> Tensor:
        """The conditioning (B, M, C) that the predictions `out` need; position 0 is the first one that frames serve.

        Raises: DataError if there are too few frames.
        """
        return self.upsample(frames, self.first_frame, self.config.condition_span(out))

    @torch.inference_mode()
    def prime(self, previous: Tensor, frames: Tensor) -> WaveNetState:
        """The state at position 0 from the codes (B, receptive_field - 1) before position -1, in one parallel pass.

        frames: for all that is going to be generated.
        Raises: DataError if there are too few frames.
        """
        past = self.upsample_for(Span(0, 1), frames)[:, :-1]
        runs = zip(self.layers, self._run_layers(previous, SampledCondition(past)), strict=True)
        rings = [Ring(x[len(x) - layer.reach :], layer) for layer, (x, _) in runs]
        return WaveNetState(rings, self.upsample.follow(frames, self.first_frame, self._project))

    @torch.inference_mode()
    def go_on(self, state: WaveNetState, frames: Tensor) -> None:
        """From the state's position on, a multiple of `hop`, frames are these, as if it were position 0."""
        state.condition = self.upsample.follow(frames, self.first_frame, self._project)
        state.begun = state.position

    @torch.inference_mode()
    def step(self, code: Tensor, state: WaveNetState) -> Tensor:
        """Logits (B, levels) for the state's position from the code (B,) before it; the state moves on by one."""
        x, skips = self.embed(code), []
        conditions = state.condition.at(state.position - state.begun)
        for layer, ring, condition in zip(self.layers, state.rings, conditions, strict=True):
            gated = gate(ring.push(x, state.position), condition, layer.taps)
            skips.append(gated)
            if layer.residual is not None:
                x = layer.advance(x, gated)
        state.position += 1
        return self._head(torch.cat(skips, 1))

    def vectors_at(self, out: Span, frames: Tensor) -> Tensor:
        """The conditioning (B, N, C) at the positions `out` themselves. Raises: DataError, as above."""
        return self.upsample(frames, self.first_frame, out)

    def export_weights(self) -> dict[str, Any] | None:
        """What engines run that know no modules; None with `plain_biases`, which they do not know."""
        return None if self.config.plain_biases else export_wavenet(self)

    def _initialise(self) -> None:
        """He et al. (2015) before the rectifiers: with torch's own there, learning by heart took half as long again."""
        for linear in (self.skip, self.post):
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)
        with torch.no_grad():
            self.logits.weight.mul_(_LOGIT_GAIN)

    def _compute_logits(self, previous: Tensor, cond: CropCondition) -> Tensor:
        batch, outputs = len(previous), previous.shape[1] - self.receptive_field + 1
        skips = [gated[len(gated) - outputs * batch :] for _, gated in self._run_layers(previous, cond)]
        return self._head(torch.cat(skips, 1)).unflatten(0, (outputs, batch)).transpose(0, 1)

    def _run_layers(self, previous: Tensor, cond: CropCondition) -> Iterator[tuple[Tensor, Tensor]]:
        """For each layer its input (T, B, R) and its gates at all valid positions, rows (time * B, D)."""
        x = self.embed(previous.t())
        weights = self.condition.weight.chunk(len(self.layers))
        none = [None] * len(self.layers)
        biases = none if self.condition.bias is None else self.condition.bias.chunk(len(self.layers))
        for layer, weight, bias in zip(self.layers, weights, biases, strict=True):
            outputs = len(x) - layer.reach
            condition = cond.last(outputs, partial(functional.linear, weight=weight, bias=bias))
            gated = gate(layer.windows(x), condition.flatten(0, 1), layer.taps)
            yield x, gated
            if layer.residual is not None:
                x = layer.advance(x[layer.reach :].flatten(0, 1), gated).unflatten(0, (outputs, -1))

    def _head(self, gated: Tensor) -> Tensor:
        """Gates of all layers side by side, (N, layers * D), to logits (N, levels)."""
        skips = self.skip(gated) if self.skip_biases is None else self.skip(gated) + self.skip_biases.sum(0)
        return self.logits(torch.relu(self.post(torch.relu(skips))))

    def _project(self, vectors: Tensor) -> Tensor:
        """Conditioning (B, C) or (T, B, C) as the layers add it: (..., layers, B, 2 D)."""
        projected = self.condition(vectors).unflatten(-1, (len(self.layers), -1))
        return projected.transpose(-2, -3).contiguous()

    def _check_outputs(self, outputs: int) -> None:
        if outputs < 1:
            raise DataError(f"{outputs + self.receptive_field} samples leave nothing to predict, because the receptive "
                            f"field is {self.receptive_field}; take longer segments, or fewer layers")

    def _check_lengths(self, outputs: int, cond: Tensor) -> None:
        self._check_outputs(outputs)
        needed = len(self.config.condition_span(Span(0, outputs)))
        if cond.shape[1] != needed:
            raise DataError(f"{outputs} predictions need conditioning at {needed} positions, not {cond.shape[1]}; "
                            f"config.condition_span names them")


def _build_condition(channels: int, outputs: int, bias: bool) -> nn.Linear:
    """From conditioning to all layers' gates; of no channels only the bias, which starts from zero, is left."""
    if channels:
        return nn.Linear(channels, outputs, bias=bias)
    linear = nn.Linear(1, outputs, bias=bias)
    linear.weight, linear.in_features = nn.Parameter(torch.zeros(outputs, 0)), 0
    if bias:
        nn.init.zeros_(linear.bias)
    return linear


def _fix_bias(linear: nn.Linear) -> None:
    """Its bias stays as it is, but for initialisation: no parameter, and whoever reads the weights still finds one."""
    bias = linear.bias.detach()
    del linear.bias
    linear.register_buffer("bias", bias, persistent=False)


def _scaled_normal(inputs: int, outputs: int) -> Tensor:
    return torch.randn(inputs, outputs) / inputs**0.5
