"""WaveNet (van den Oord et al. 2016): dilated causal gated layers over mu-law codes, conditioned at every layer.

Inside, tensors are time-major, (time, batch, channels), and gates work on rows (time * batch, channels): the dilated
shift is then a slice without a copy, and one body serves a whole crop (`forward`) and a single sample (`step`).
Nothing is padded: a crop of N + R - 1 codes gives N predictions, R the receptive field.
"""
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from core_scripts.errors import DataError
from core_scripts.features import mulaw
from core_scripts.geometry.span import Span
from sandbox.block_upsample import build_upsample
from sandbox.block_wavenet_state import WaveNetState
from sandbox.config_wavenet import WaveNetConfig

_LOGIT_GAIN = 0.05  # small first logits: training starts from nearly equal probabilities, ln(levels) nats


def gate(window: Tensor, condition: Tensor, weight: Tensor) -> Tensor:
    """tanh(filter) * sigmoid(gate) (van den Oord 2016, eq. 2): (N, k R) taps, (N, 2 D) conditioning -> (N, D)."""
    filtered, gated = torch.addmm(condition, window, weight).chunk(2, 1)
    return torch.tanh(filtered) * torch.sigmoid(gated)


class GatedLayer(nn.Module):
    """The weights of one layer. Its bias is that of the conditioning, which is added at the same place."""

    def __init__(self, config: WaveNetConfig, dilation: int, is_last: bool) -> None:
        super().__init__()
        self.dilation, self.kernel_size = dilation, config.kernel_size
        width, gates = config.residual_channels, config.gate_channels
        self.taps = nn.Parameter(_scaled_normal(self.kernel_size * width, 2 * gates))  # the oldest tap first
        if is_last:  # nothing comes after it but the skips
            self.register_parameter("residual", None)
        else:
            self.residual = nn.Parameter(_scaled_normal(gates, width))

    def windows(self, x: Tensor) -> Tensor:
        """(T, B, R) to the taps of all valid outputs, ((T - d (k - 1)) * B, k R)."""
        outputs = len(x) - self.dilation * (self.kernel_size - 1)
        taps = [x[tap * self.dilation : tap * self.dilation + outputs] for tap in range(self.kernel_size)]
        return torch.cat(taps, 2).flatten(0, 1)

    def advance(self, x: Tensor, gated: Tensor) -> Tensor:
        """The next layer's input: the last rows of x, right-aligned, plus the projected gates."""
        return torch.addmm(x[len(x) - len(gated) :], gated, self.residual)


class WaveNet(nn.Module):
    """Predicts each mu-law code from the codes before it and from conditioning frames."""

    def __init__(self, config: WaveNetConfig) -> None:
        super().__init__()
        self.config = config
        self.silence = int(mulaw.encode(torch.zeros(1), config.levels))
        self.receptive_field = config.receptive_field
        self.upsample = build_upsample(config)
        self.embed = nn.Embedding(config.levels, config.residual_channels)
        self.condition = nn.Linear(config.cond_channels, config.layers * 2 * config.gate_channels)  # of all layers
        self.layers = nn.ModuleList(GatedLayer(config, dilation, layer == config.layers - 1)
                                    for layer, dilation in enumerate(config.dilations))
        self.skip = nn.Linear(config.layers * config.gate_channels, config.skip_channels)  # the sum of all skips
        self.post = nn.Linear(config.skip_channels, config.post_channels)
        self.logits = nn.Linear(config.post_channels, config.levels)
        self._initialise()

    def forward(self, previous: Tensor, cond: Tensor) -> Tensor:
        """Logits (B, N, levels) for N positions from the codes before each, (B, N + R - 1) int64.

        cond: (B, M, C) conditioning at the positions that `config.condition_span` names, right-aligned with previous.
        Raises: DataError if the lengths do not fit.
        """
        outputs = previous.shape[1] - self.receptive_field + 1
        self._check_lengths(previous, cond, outputs)
        x, cond = self.embed(previous.t()), cond.transpose(0, 1)
        batch, skips = previous.shape[0], []
        for layer, weight, bias in zip(self.layers, *self._condition_parts(), strict=True):
            window = layer.windows(x)
            steps = len(window) // batch
            projected = functional.linear(cond[len(cond) - steps :].flatten(0, 1), weight, bias)
            gated = gate(window, projected, layer.taps)
            skips.append(gated[len(gated) - outputs * batch :])
            if layer.residual is not None:
                x = layer.advance(x.flatten(0, 1), gated).unflatten(0, (steps, batch))
        return self.head(torch.cat(skips, 1)).unflatten(0, (outputs, batch)).transpose(0, 1)

    def head(self, gated: Tensor) -> Tensor:
        """From the gates of all layers side by side, (N, layers * D), to logits (N, levels)."""
        return self.logits(torch.relu(self.post(torch.relu(self.skip(gated)))))

    def predict(self, codes: Tensor, frames: Tensor) -> Tensor:
        """Teacher-forced logits (B, T, levels) for the last T of the codes, (B, R + T) int64.

        frames: (B, F, C); the first stands `config.frame_context()[0]` frames before the first predicted sample.
        Raises: DataError if there are too few codes or frames.
        """
        outputs = codes.shape[1] - self.receptive_field
        if outputs < 1:
            raise DataError(f"{codes.shape[1]} samples leave nothing to predict, the receptive field is "
                            f"{self.receptive_field}; take a longer segment or a smaller model")
        return self(codes[:, :-1], self.upsample_for(Span(0, outputs), frames))

    def loss(self, codes: Tensor, frames: Tensor, lengths: Tensor) -> Tensor:
        """Mean negative log-likelihood in nats per sample (van den Oord 2016, eq. 1) over [0, length) of each item.

        codes: (B, R + T) int64; frames: (B, F, C) as for `predict`; lengths: (B,) samples, at most T.
        Raises: DataError if there are too few codes or frames.
        """
        logits = self.predict(codes, frames)
        targets = codes[:, self.receptive_field :]
        nats = functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
        valid = torch.arange(targets.shape[1], device=codes.device) < lengths.to(codes.device)[:, None]
        return (nats * valid).sum() / valid.sum()

    def upsample_for(self, out: Span, frames: Tensor) -> Tensor:
        """The conditioning (B, M, C) that predictions at `out` need; frames as for `predict`, sample 0 as there."""
        return self.upsample(frames, -self.config.frame_context()[0], self.config.condition_span(out))

    def prime(self, previous: Tensor, frames: Tensor) -> WaveNetState:
        """What `step` needs at position 0, from the codes (B, R - 1) at [-R, -1), in one parallel pass.

        frames: as for `predict`, for all that is going to be generated.
        Raises: DataError if the lengths do not fit.
        """
        state = WaveNetState(self, frames)
        x = self.embed(previous.t())
        rows = state.condition_rows(Span(1 - len(x), 0))
        raise NotImplementedError

    def step(self, code: Tensor, state: WaveNetState) -> Tensor:
        """Logits (B, levels) for the next position from the code (B,) before it; advances the state by one."""
        x, skips = self.embed(code), []
        for layer, ring, projected in zip(self.layers, state.rings, state.next_condition(), strict=True):
            gated = gate(ring.push(x), projected, layer.taps)
            ...
        return self.head(torch.cat(skips, 1))
