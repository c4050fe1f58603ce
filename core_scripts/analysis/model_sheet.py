"""analyze model: layers with their shapes and parameters, what follows from the sizes alone, and what it costs."""
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import nn

from core_scripts.analysis.step_cost import Speed, StepCost

NOT_MEASURED = "not measured (--measure)"
DILATED_LAYER = "GatedLayer"  # of sandbox/block_wavenet.py
_MIB = 2**20


@dataclass(frozen=True)
class LayerRow:
    """One module with weights of its own."""

    name: str
    kind: str
    shapes: dict[str, tuple[int, ...]]  # of its weights, by name
    parameters: int


@dataclass(frozen=True)
class ModelCost:
    """None: not countable for this kind of model, or not measured."""

    multiply_adds_per_sample: float | None = None
    training_step: StepCost | None = None
    generation: Speed | None = None


@dataclass(frozen=True)
class ModelSheet:
    """layers in the order of the model; geometry: as `ModelBase.describe_geometry` names it.

    depth: layers of the dilated stack, or where there is none all that have a matrix of weights; rate_hz: of the
    waveform.
    """

    layers: tuple[LayerRow, ...]
    geometry: dict[str, Any]
    parameters: int  # those that are trained
    frozen_parameters: int  # statistics of the data, and what another run trained
    depth: int
    rate_hz: int | None = None
    cost: ModelCost = field(default_factory=ModelCost)

    @property
    def parameters_per_layer(self) -> float:
        """gamma of the design notes: trained parameters over depth."""
        return self.parameters / max(self.depth, 1)

    @property
    def receptive_field_ms(self) -> float | None:
        """Delta of the design notes in time; None if the recipe or the rate does not say."""
        samples = self.geometry.get("receptive_field_samples")
        return 1000 * samples / self.rate_hz if samples and self.rate_hz else None

    @property
    def weight_bytes_per_sample(self) -> float | None:
        """Read for one sample where one utterance is generated alone: four for each multiplication."""
        counted = self.cost.multiply_adds_per_sample
        return None if counted is None else 4 * counted

    def to_json(self) -> str:
        """One object: the geometry's keys, parameters, frozen_parameters, depth and what it gives, costs, layers."""
        layers = [{"name": row.name, "kind": row.kind, "shapes": row.shapes, "parameters": row.parameters}
                  for row in self.layers]
        counts = {"parameters": self.parameters, "frozen_parameters": self.frozen_parameters, "depth": self.depth,
                  "parameters_per_layer": self.parameters_per_layer, "receptive_field_ms": self.receptive_field_ms,
                  "weight_bytes_per_sample": self.weight_bytes_per_sample} | asdict(self.cost)
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
        counts = f"{self.parameters:,} trained parameters, {self.frozen_parameters:,} frozen; " \
                 f"{self.parameters_per_layer:,.0f} for each of {self.depth} layers (gamma)"
        return "\n".join([*lines, counts, *told, *self._told_costs()])

    def _told_costs(self) -> list[str]:
        cost, told = self.cost, []
        if self.receptive_field_ms is not None:
            told.append(f"  receptive field: {self.receptive_field_ms:.1f} ms (Delta)")
        if cost.multiply_adds_per_sample is not None:
            told.append(f"  multiplications with addition per sample: {cost.multiply_adds_per_sample:,.0f}, which read "
                        f"{self.weight_bytes_per_sample:,.0f} bytes of weights")
        step, speed = cost.training_step, cost.generation
        told.append("  training step: " + (NOT_MEASURED if step is None else
                    f"{step.wall_seconds:.3g} s ({step.cpu_seconds:.3g} s of processor time) for {step.batch_size} x "
                    f"{step.samples:,} samples; {step.memory_bytes / _MIB:,.0f} MiB, {step.saved_bytes / _MIB:,.0f} of "
                    f"them kept for the backward pass; the process had {step.peak_bytes / _MIB:,.0f} MiB"))
        told.append("  generation: " + (NOT_MEASURED if speed is None else
                    f"{speed.samples_per_second:,.0f} samples per second, one utterance, on this machine"
                    + (f"; {speed.seconds_per_second:.3g} s per second of audio" if speed.seconds_per_second else "")))
        return told


def read_sheet(
    model: nn.Module, geometry: dict[str, Any], rate_hz: int | None = None,
    cost: ModelCost | None = None,
) -> ModelSheet:  # fmt: skip
    """Of a model as it is, and what its recipe says of its geometry."""
    layers = []
    for name, module in model.named_modules():
        own = dict(module.named_parameters(recurse=False))
        if own:
            shapes = {key: tuple(value.shape) for key, value in own.items()}
            layers.append(LayerRow(name or "(model)", type(module).__name__, shapes,
                                   sum(value.numel() for value in own.values())))
    depth = sum(row.kind == DILATED_LAYER for row in layers) or sum(map(_is_layer, layers))
    counts = [sum(value.numel() for value in model.parameters() if value.requires_grad == trained)
              for trained in (True, False)]
    return ModelSheet(tuple(layers), geometry, *counts, depth, rate_hz, cost or ModelCost())


def _is_layer(row: LayerRow) -> bool:
    """Whether it has a matrix, and not only statistics, scales or biases."""
    return any(len(shape) > 1 for shape in row.shapes.values())


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{_told(part)} for {key}" for key, part in value.items())
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)
