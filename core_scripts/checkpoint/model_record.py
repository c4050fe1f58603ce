"""What travels with the weights besides numbers: how their features were made, and whose voices they know.

It stands in the state dict as bytes under torch's own key for a module's extra state, so that it goes wherever the
weights go: into full checkpoints, trained_model.pt and averages, through upstream's torch.load too.
"""
import json
from dataclasses import dataclass, field
from typing import Any

import torch

from core_scripts.errors import CheckpointError
from core_scripts.features.passport import Passport, require_same

RECORD_KEY = "_extra_state"  # what torch calls it; in a part of a model, PART._extra_state
FORMAT = 1


@dataclass(frozen=True)
class ModelRecord:
    """passports: of the features, by the name of the setting; speakers: in the order of their numbers."""

    passports: dict[str, Passport] = field(default_factory=dict)
    speakers: tuple[str, ...] = ()

    def to_tensor(self) -> torch.Tensor:
        """JSON as bytes, (n,) uint8."""
        passports = {name: passport.to_dict() for name, passport in self.passports.items()}
        text = json.dumps({"format": FORMAT, "passports": passports, "speakers": self.speakers}, ensure_ascii=False)
        return torch.frombuffer(bytearray(text.encode("utf-8")), dtype=torch.uint8)

    @classmethod
    def from_tensor(cls, stored: Any) -> "ModelRecord":
        """Raises: CheckpointError if it is none; DataError if a passport in it contradicts itself."""
        try:
            content = json.loads(bytes(stored.tolist()).decode("utf-8"))
            passports, speakers = dict(content["passports"]), tuple(content["speakers"])
        except (AttributeError, TypeError, ValueError, KeyError) as fault:
            raise CheckpointError(f"the record in the checkpoint cannot be read ({fault!r}); it was written by a newer "
                                  "version, or the file is damaged") from None
        return cls({name: Passport.from_dict(value, f"the passport {name} in the checkpoint")
                    for name, value in passports.items()}, speakers)

    def require_features(self, own: dict[str, Passport]) -> None:
        """Raises: DataError with both sides if a feature of the model is not what the configuration describes now."""
        for name, passport in self.passports.items():
            if name in own:
                require_same(passport, own[name], ("the checkpoint", f"{name} in the configuration"),
                             "use the settings that the model was trained with (run.yaml beside it tells them)")


def is_record(key: str) -> bool:
    """Whether this key of a state dict holds a record, which has a length of its own, instead of weights."""
    return key.rpartition(".")[2] == RECORD_KEY


def record_of(weights: dict[str, Any]) -> ModelRecord | None:
    """The record among loaded weights; None where there is none, as in those of upstream."""
    stored = weights.get(RECORD_KEY)
    return None if stored is None else ModelRecord.from_tensor(stored)
