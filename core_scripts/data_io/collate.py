"""From items to a batch: padded with zeros, with the true lengths beside it."""
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from core_scripts.data_io.seq_info import parse_info
from core_scripts.errors import RecitalError


class Batch(NamedTuple):
    """B items. Upstream's tuple (inputs, targets, info, index) with the lengths behind it.

    inputs: (B, F, D) float32; targets: (B, T, D) float32, a list of such where the output function makes several, []
    without a target; info: "info_id,name,seg_idx,length,start_pos" each; index: (B,) int64, number in the data set;
    lengths: (B,) int64, samples of each item at the finest resolution, context and padding not counted.
    """

    inputs: Tensor | list[Tensor]
    targets: Tensor | list[Tensor]
    info: tuple[str, ...]
    index: Tensor
    lengths: Tensor

    @property
    def names(self) -> tuple[str, ...]:
        """Of the utterances."""
        return tuple(parse_info(info).seq_name for info in self.info)

    def select(self, chosen: Sequence[int]) -> "Batch":
        """The batch with these of its items, in this order."""

        def pick(data: Any) -> Any:
            return data[list(chosen)] if isinstance(data, Tensor) else [pick(part) for part in data]

        info = tuple(self.info[number] for number in chosen)
        return Batch(pick(self.inputs), pick(self.targets), info, pick(self.index), pick(self.lengths))

    def select_names(self, names: Collection[str]) -> "Batch":
        """The batch with the items of these utterances."""
        return self.select([k for k, name in enumerate(self.names) if name in names])


@dataclass(frozen=True)
class ItemFault:
    """What came up while an item was read in another process; it travels as data and is raised by the main one."""

    error: RecitalError


def customize_collate(items: Sequence[tuple]) -> Batch | ItemFault:
    """The batch of items (input, target, info, index), or the first fault among them."""
    for item in items:
        if isinstance(item, ItemFault):
            return item
    inputs, targets, infos, index = zip(*items, strict=True)
    return Batch(
        _pad(inputs),
        _pad(targets),
        tuple(infos),
        torch.tensor(index, dtype=torch.int64),
        torch.tensor([parse_info(info).length for info in infos], dtype=torch.int64),
    )


def _pad(parts: Sequence[Any]) -> Tensor | list[Tensor]:
    """Arrays (N, ...) to one tensor (B, longest N, ...); lists of arrays element by element; empty lists to []."""
    if isinstance(parts[0], (list, tuple)):
        return [_pad(column) for column in zip(*parts, strict=True)]
    arrays = [np.asarray(part) for part in parts]
    shape = tuple(np.max([array.shape for array in arrays], axis=0))
    padded = torch.zeros(len(arrays), *map(int, shape), dtype=torch.float32)
    for row, array in zip(padded, arrays, strict=True):
        row[tuple(slice(0, size) for size in array.shape)] = torch.from_numpy(array.astype(np.float32, copy=False))
    return padded


def length_mask(lengths: Tensor, size: int) -> Tensor:
    """(B,) -> (B, size, 1) bool: true where a position belongs to the item, false where it is padding."""
    positions = torch.arange(size, device=lengths.device)
    return (positions[None, :] < lengths[:, None]).unsqueeze(-1)
