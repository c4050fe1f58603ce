"""analyze model: layers with their shapes and parameters, and what follows from the sizes alone."""
import json
from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True)
class LayerRow:
    """One module with weights of its own."""

    name: str
    kind: str
    shapes: dict[str, tuple[int, ...]]  # of its weights, by name
    parameters: int


@dataclass(frozen=True)
class ModelSheet:
    """layers in the order of the model; geometry: as `ModelBase.describe_geometry` names it."""

    layers: tuple[LayerRow, ...]
    geometry: dict[str, Any]
    parameters: int  # those that are trained
    frozen_parameters: int  # statistics of the data, and what another run trained

    def to_json(self) -> str:
        """One object: the geometry's keys, parameters, frozen_parameters, layers."""
        layers = [{"name": row.name, "kind": row.kind, "shapes": row.shapes, "parameters": row.parameters}
                  for row in self.layers]
        counts = {"parameters": self.parameters, "frozen_parameters": self.frozen_parameters}
        return json.dumps(self.geometry | counts | {"layers": layers})

    def __str__(self) -> str:
        rows = [("layer", "kind", "weights", "parameters")]
        rows += [(row.name, row.kind, ", ".join(f"{name} {'x'.join(map(str, shape)) or 'scalar'}"
                                                for name, shape in row.shapes.items()), f"{row.parameters:,}")
                 for row in self.layers]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3].rjust(12)])
                 for row in rows]
        told = [f"  {name.replace('_', ' ')}: {_told(value)}" for name, value in self.geometry.items()]
        return "\n".join([*lines, f"{self.parameters:,} trained parameters, {self.frozen_parameters:,} frozen", *told])


def read_sheet(model: nn.Module, geometry: dict[str, Any]) -> ModelSheet:
    """Of a model as it is, and what its recipe says of its geometry."""
    layers = []
    for name, module in model.named_modules():
        own = dict(module.named_parameters(recurse=False))
        if own:
            shapes = {key: tuple(value.shape) for key, value in own.items()}
            layers.append(LayerRow(name or "(model)", type(module).__name__, shapes,
                                   sum(value.numel() for value in own.values())))
    counts = [sum(value.numel() for value in model.parameters() if value.requires_grad == trained)
              for trained in (True, False)]
    return ModelSheet(tuple(layers), geometry, *counts)


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{_told(part)} for {key}" for key, part in value.items())
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)
