"""Putting stored weights into a model: every name and shape is compared before anything is touched."""
from collections.abc import Sequence
from typing import Any

import torch

from core_scripts import log
from core_scripts.checkpoint.model_record import is_record, record_of
from core_scripts.errors import CheckpointError
from core_scripts.features.passport import Passport


def load_weights(model: torch.nn.Module, weights: dict[str, torch.Tensor], source: str) -> None:
    """Load `weights` into `model`; names, shapes and kinds of number must agree exactly, and features and speakers with
    its record.

    Raises: CheckpointError that lists what differs, or parameters that are not finite, the model is unchanged then;
    DataError for other features.
    """
    own = model.state_dict()
    weights = {key: value for key, value in own.items() if is_record(key)} | weights  # older files have no record
    faults = [f"{key}: in the model only" for key in own if key not in weights]
    faults += [f"{key}: in the checkpoint only" for key in weights if key not in own]
    faults += [f"{key}: {found}" for key in own if key in weights and (found := _misfit(key, weights[key], own[key]))]
    if faults:
        shown = "\n".join(f"  {fault}" for fault in faults[:12])
        more = f"\n  and {len(faults) - 12} more" if len(faults) > 12 else ""
        raise CheckpointError(
            f"{source} does not fit this model ({len(faults)} differences)\n{shown}{more}\n"
            "  use the settings it was trained with (run.yaml beside it tells them); in training,\n"
            "  --allow-mismatched-pretrained-model takes what fits"
        )
    parameters = [key for key, _ in model.named_parameters()]  # buffers may be infinite, as masks are
    broken = [key for key in parameters if not weights[key].isfinite().all()]
    if broken:
        raise CheckpointError(f"{source} holds NaN or infinite values in {', '.join(broken[:5])}; nothing comes out of "
                              "such weights, take those of an earlier epoch")
    model.load_state_dict(weights)


def _misfit(key: str, stored: Any, own: Any) -> str | None:
    """Why a stored value cannot take the place of the model's own; None: it can."""
    if is_record(key):
        return None
    if not isinstance(stored, torch.Tensor):
        return f"a {type(stored).__name__} in the checkpoint"
    if stored.shape != own.shape:  # torch itself takes (1,) for a scalar
        return f"{tuple(stored.shape)} in the checkpoint, {tuple(own.shape)} in the model"
    if _kind(stored) != _kind(own):
        return f"{stored.dtype} in the checkpoint, {own.dtype} in the model"
    return None


def _kind(value: torch.Tensor) -> tuple[bool, bool, bool]:
    return value.is_floating_point(), value.is_complex(), value.dtype == torch.bool


def load_matching_weights(model: torch.nn.Module, weights: dict[str, torch.Tensor], source: str) -> None:
    """Load what has the same name and shape, and say what was left out."""
    own = model.state_dict()
    fitting = {key: value for key, value in weights.items()
               if key in own and not is_record(key) and not _misfit(key, value, own[key])}
    model.load_state_dict(own | fitting)
    log.say(f"{source}: {len(fitting)} of {len(own)} weights loaded, {len(weights) - len(fitting)} of its left out")
    for key in weights:
        if key not in fitting:
            log.note(f"  left out {key} {tuple(getattr(weights[key], 'shape', ()))}")


def load_parts(
    model: torch.nn.Module, weights: dict[str, torch.Tensor], parts: Sequence[str], features: dict[str, Passport],
    source: str,
) -> None:
    """Take these parts of a model, by the first word of their keys, from the weights of another one.

    features: the passports that these parts depend on, by the name of the setting.
    Raises: DataError with both passports; CheckpointError that lists what differs, the model is unchanged then.
    """
    record = record_of(weights)
    if record is not None:
        record.require_features(features)
    own = model.state_dict()
    chosen = {key: value for key, value in weights.items() if key.split(".")[0] in parts}
    wanted = {key: value for key, value in own.items() if key.split(".")[0] in parts}
    faults = [f"{key}: only {'here' if key in wanted else 'there'}" for key in sorted(wanted.keys() ^ chosen.keys())]
    faults += [f"{key}: {tuple(chosen[key].shape)} there, {tuple(value.shape)} here" for key, value in wanted.items()
               if key in chosen and chosen[key].shape != value.shape]
    if faults:
        raise CheckpointError(f"the parts {', '.join(parts)} of {source} do not fit ({len(faults)} differences): "
                              f"{'; '.join(faults[:5])}; use the settings of its run.yaml")
    model.load_state_dict(own | chosen)


def load_optimizer(optimizer: torch.optim.Optimizer, state: dict, source: str) -> None:
    """Load optimizer statistics; torch itself would accept those of a model of another shape.

    Raises: CheckpointError if the kind of optimizer, the number of parameters or a shape differs; the optimizer is
    unchanged then.
    """
    parameters = [value for group in optimizer.param_groups for value in group["params"]]
    stored = [index for group in state["param_groups"] for index in group["params"]]
    faults = []
    own_kind, stored_kind = (_optimizer_kind(groups[0]) for groups in (optimizer.param_groups, state["param_groups"]))
    if own_kind != stored_kind:
        faults.append(f"they are of {stored_kind}, this run uses {own_kind}")
    if len(parameters) != len(stored):
        faults.append(f"{len(stored)} parameters in the file, {len(parameters)} in the model")
    for parameter, index in zip(parameters, stored, strict=False):
        for name, value in state["state"].get(index, {}).items():
            if isinstance(value, torch.Tensor) and value.dim() > 0 and value.shape != parameter.shape:
                shapes = f"{tuple(value.shape)}, the parameter is {tuple(parameter.shape)}"
                faults.append(f"{name} of parameter {index}: {shapes}")
    if faults:
        raise CheckpointError(
            f"optimizer statistics of {source} do not fit: {'; '.join(faults[:5])}; "
            "--ignore-optimizer-statistics-in-trained-model starts them anew"
        )
    optimizer.load_state_dict(state)


def _optimizer_kind(group: dict) -> str:
    """By the settings of a group of parameters, since a state tells no name; those of old files lack the newer ones."""
    if "momentum" in group:
        return "SGD"
    return "AdamW" if group.get("decoupled_weight_decay") else "Adam"
