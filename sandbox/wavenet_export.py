"""A WaveNet's weights as plain tensors: the fields of `WaveNetWeights` in generation/wavenet_weights.py."""
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from sandbox.block_wavenet import WaveNet


@torch.no_grad()
def export_wavenet(net: "WaveNet") -> dict[str, Any]:
    """Float32 tensors on the CPU, `borders` float64; copies, so that they stay what they are."""
    layers, config = len(net.layers), net.config
    residuals = [layer.residual for layer in net.layers if layer.residual is not None]
    tensors = {
        "taps": torch.stack([layer.taps.unflatten(0, (config.kernel_size, -1)) for layer in net.layers]),
        "residual": torch.stack(residuals) if residuals else
        net.skip.weight.new_zeros(0, config.gate_channels, config.residual_channels),
        "skip": net.skip.weight.t().unflatten(0, (layers, -1)), "skip_bias": net.skip.bias,
        "post": net.post.weight.t(), "post_bias": net.post.bias,
        "output": net.logits.weight.t(), "output_bias": net.logits.bias,
        "condition": net.condition.weight.t().unflatten(1, (layers, -1)),
        "condition_bias": net.condition.bias.unflatten(0, (layers, -1)),
    }  # fmt: skip
    fields = tensors | net.head.export(net.embed)
    for name, value in fields.items():
        if isinstance(value, Tensor):
            dtype = torch.float64 if name == "borders" else torch.float32
            fields[name] = value.detach().to("cpu", dtype, copy=True).contiguous()
    return fields | {"dilations": config.dilations, "points": net.upsample.points, "head": config.head}
