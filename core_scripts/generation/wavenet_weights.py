"""A trained WaveNet as plain tensors: what a block hands to an engine that knows no modules.

With L layers of kernel size k, R residual, D gate, S skip, P post and C conditioning channels, Q outputs, one step is

    x = embedding[code]                          or, with `amplitudes` a: a[code] * embedding[0] + embedding[1]
    for each layer:
        filter, gate = condition vector + sum over taps (x at t - dilation * (k - 1 - tap)) @ taps[layer, tap]
        z[layer] = tanh(filter) * sigmoid(gate)
        x = x + z[layer] @ residual[layer]       not behind the last layer
    skip = sum over layers z[layer] @ skip[layer] + skip_bias
    outputs = relu(relu(skip) @ post + post_bias) @ output + output_bias

(van den Oord et al. 2016, sections 2.3-2.5; weights multiply from the right.) The condition vector of a layer is
vector @ condition[:, layer] + condition_bias[layer], for one conditioning vector of C numbers per sample.
"""
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core_scripts.errors import ConfigError, NonFiniteLossError, all_faults

HEADS = ("categorical", "logistics", "gaussian")
_WHAT = "WaveNet weights"


@dataclass(frozen=True, kw_only=True)
class WaveNetWeights:
    """All tensors are float32 on the CPU, but for `borders`, float64.

    Raises: ConfigError, all faults together; NonFiniteLossError if nothing is wrong but numbers that are not finite.
    """

    dilations: tuple[int, ...]  # one per layer
    embedding: Tensor  # (codes, R); with amplitudes (2, R)
    amplitudes: Tensor | None = None  # (codes,), the number by which a code enters
    taps: Tensor  # (L, k, R, 2 D), the oldest tap first, the filter's columns before the gate's
    residual: Tensor  # (L - 1, D, R)
    skip: Tensor  # (L, D, S)
    skip_bias: Tensor  # (S,)
    post: Tensor  # (S, P)
    post_bias: Tensor  # (P,)
    output: Tensor  # (P, Q)
    output_bias: Tensor  # (Q,)
    condition: Tensor  # (C, L, 2 D)
    condition_bias: Tensor  # (L, 2 D)
    # Per phase of a frame (hop of them): the frame read there, counted from the sample's own, and the share in [0, 1)
    # of the frame after it. None: the upsampling is learned, and the model gives one vector per sample.
    points: tuple[tuple[int, float], ...] | None
    head: str = "categorical"
    # Of the heads over 16-bit levels, outputs being log weights (with more than one component), means, log scales:
    borders: Tensor | None = None  # (codes - 1,) between neighbouring codes, rising, on the axis of the means
    first_log_scale: float = 0.0  # is added to the log scales
    log_scales: tuple[float, float] = (0.0, 0.0)  # to which they are then clamped

    def __post_init__(self) -> None:
        faults = list(self._shape_faults())
        damaged = [f"{name} holds {count:,} numbers that are NaN or infinite; the training went astray or the file is "
                   f"damaged, use an earlier checkpoint" for name, count in self._non_finite()]
        if faults or damaged:
            raise all_faults(ConfigError if faults else NonFiniteLossError, _WHAT, faults + damaged)

    @property
    def kernel_size(self) -> int:
        return self.taps.shape[1]

    @property
    def codes(self) -> int:
        """Number of codes."""
        return len(self.embedding if self.amplitudes is None else self.amplitudes)

    @property
    def components(self) -> int:
        """Of the mixture that the head draws from; 1 is no mixture."""
        return len(self.output_bias) // 3 if self.head == "logistics" and len(self.output_bias) > 2 else 1

    def tensors(self) -> Mapping[str, Tensor]:
        """By name, those that there are."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}

    def macs_per_sample(self) -> int:
        """Products of a step without those of the conditioning, which are few where frames are projected."""
        weights = (self.taps, self.residual, self.skip, self.post, self.output)
        return sum(tensor.numel() for tensor in weights)

    def _non_finite(self) -> Iterator[tuple[str, int]]:
        for name, tensor in self.tensors().items():
            count = int((~tensor.isfinite()).sum())
            if count:
                yield name, count

    def _shape_faults(self) -> Iterator[str]:
        """Sizes are read off some tensors, and the others are held against them."""
        for name, rank in (("embedding", 2), ("taps", 4), ("skip", 3), ("post", 2), ("output", 2), ("condition", 3)):
            if vars(self)[name].dim() != rank:
                yield f"{name} has {vars(self)[name].dim()} dimensions, not {rank}"
                return
        layers, _, width, gates = self.taps.shape
        for name, shape in self._shapes(layers, width, gates).items():
            tensor = vars(self)[name]
            if tensor is not None and tuple(tensor.shape) != shape:
                yield f"{name} has shape {tuple(tensor.shape)}, the other weights want {shape}"
        yield from self._type_faults()
        if len(self.dilations) != layers or min(self.dilations, default=0) < 1:
            yield f"dilations={self.dilations} must be {layers} whole numbers of at least 1, as there are {layers} taps"
        if self.kernel_size < 2 or gates % 2 or 0 in self.taps.shape:
            yield (f"taps has shape {tuple(self.taps.shape)}; it takes 2 taps or more, and an even number of columns "
                   f"for filter and gate")
        yield from self._head_faults()

    def _shapes(self, layers: int, width: int, gates: int) -> dict[str, tuple[int, ...]]:
        skips, outputs = self.skip.shape[2], self.output.shape[1]
        return {
            "embedding": (len(self.embedding) if self.amplitudes is None else 2, width),
            "residual": (layers - 1, gates // 2, width), "skip": (layers, gates // 2, skips), "skip_bias": (skips,),
            "post": (skips, self.output.shape[0]), "post_bias": (self.output.shape[0],), "output_bias": (outputs,),
            "condition": (len(self.condition), layers, gates), "condition_bias": (layers, gates),
            "borders": (self.codes - 1,),
        }  # fmt: skip

    def _type_faults(self) -> Iterator[str]:
        for name, tensor in self.tensors().items():
            wanted = torch.float64 if name == "borders" else torch.float32
            if tensor.dtype != wanted or tensor.device.type != "cpu":
                yield f"{name} is {tensor.dtype} on {tensor.device}, not {wanted} on the CPU"

    def _head_faults(self) -> Iterator[str]:
        outputs = self.output.shape[1]
        if self.head not in HEADS:
            yield f"head={self.head!r} is unknown (there are {', '.join(HEADS)})"
        elif self.head == "categorical":
            if outputs != self.codes:
                yield f"{outputs} outputs for {self.codes} codes; the categorical head has one of them for each"
        elif outputs != 2 and (outputs % 3 or self.head == "gaussian"):
            yield f"{outputs} outputs are no means and log scales of the {self.head} head"
        elif self.borders is None:
            yield f"the {self.head} head comes without the borders between its levels"


def read_weights(fields: dict[str, Any]) -> WaveNetWeights:
    """From what a model exports. Raises: as WaveNetWeights."""
    return WaveNetWeights(**fields)
