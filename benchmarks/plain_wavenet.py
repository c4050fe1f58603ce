"""The WaveNet as most repositories write it: nn.Conv1d, channels first, one skip product per layer.

It computes the same function as sandbox.block_wavenet.WaveNet with repeated frames and takes over its weights, so that
the two differ in nothing but the layout.
"""
import torch
from torch import Tensor, nn
from torch.nn import functional

from sandbox.block_wavenet import WaveNet
from sandbox.config_wavenet import WaveNetConfig


class PlainLayer(nn.Module):
    """A dilated convolution, the gate, and 1x1 convolutions for conditioning, skip and residual."""

    def __init__(self, config: WaveNetConfig, dilation: int, is_last: bool) -> None:
        super().__init__()
        width, gates = config.residual_channels, config.gate_channels
        self.dilated = nn.Conv1d(width, 2 * gates, config.kernel_size, dilation=dilation, bias=False)
        self.condition = nn.Conv1d(config.cond_channels, 2 * gates, 1)
        self.skip = nn.Conv1d(gates, config.skip_channels, 1, bias=False)
        self.residual = None if is_last else nn.Conv1d(gates, width, 1, bias=False)

    def forward(self, x: Tensor, cond: Tensor, outputs: int) -> tuple[Tensor, Tensor]:
        """(B, R, T) and (B, C, >= T) to the next layer's input and the skip (B, S, outputs); no padding."""
        convolved = self.dilated(x)
        filtered, gate = (convolved + self.condition(cond[..., -convolved.shape[2] :])).chunk(2, 1)
        gated = torch.tanh(filtered) * torch.sigmoid(gate)
        skip = self.skip(gated[..., -outputs:])
        return x if self.residual is None else x[..., -gated.shape[2] :] + self.residual(gated), skip


class PlainWaveNet(nn.Module):
    """Teacher-forced training only."""

    def __init__(self, config: WaveNetConfig) -> None:
        super().__init__()
        self.config = config
        self.receptive_field = config.receptive_field
        self.embed = nn.Embedding(config.levels, config.residual_channels)
        self.layers = nn.ModuleList(PlainLayer(config, dilation, layer == config.layers - 1)
                                    for layer, dilation in enumerate(config.dilations))
        self.skip_bias = nn.Parameter(torch.zeros(config.skip_channels, 1))
        self.post = nn.Conv1d(config.skip_channels, config.post_channels, 1)
        self.logits = nn.Conv1d(config.post_channels, config.levels, 1)

    def loss(self, codes: Tensor, frames: Tensor) -> Tensor:
        """Mean nats per sample; codes (B, receptive_field + T), frames (B, F, C) with their context."""
        outputs = codes.shape[1] - self.receptive_field
        left = self.config.frame_context()[0] * self.config.hop
        cond = frames.transpose(1, 2).repeat_interleave(self.config.hop, 2)[..., : left + outputs]
        x, total = self.embed(codes[:, :-1]).transpose(1, 2), self.skip_bias
        for layer in self.layers:
            x, skip = layer(x, cond, outputs)
            total = total + skip
        logits = self.logits(torch.relu(self.post(torch.relu(total))))
        return functional.cross_entropy(logits.float(), codes[:, self.receptive_field :])

    @torch.no_grad()
    def take_weights(self, ours: WaveNet) -> None:
        """Compute what `ours` computes."""
        config, count = self.config, len(self.layers)
        self.embed.weight.copy_(ours.embed.weight)
        self.skip_bias.copy_(ours.skip.bias[:, None])
        parts = (ours.condition.weight.chunk(count), ours.condition.bias.chunk(count), ours.skip.weight.chunk(count, 1))
        for mine, theirs, weight, bias, skip in zip(self.layers, ours.layers, *parts, strict=True):
            taps = theirs.taps.unflatten(0, (config.kernel_size, -1))
            mine.dilated.weight.copy_(taps.permute(2, 1, 0))
            mine.condition.weight.copy_(weight[..., None])
            mine.condition.bias.copy_(bias)
            mine.skip.weight.copy_(skip[..., None])
            if mine.residual is not None:
                mine.residual.weight.copy_(theirs.residual.t()[..., None])
        for mine, theirs in ((self.post, ours.post), (self.logits, ours.logits)):
            mine.weight.copy_(theirs.weight[..., None])
            mine.bias.copy_(theirs.bias)
