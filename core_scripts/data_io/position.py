"""Where training stands in its data: a few integers, from which everything that is still to come follows."""
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True)
class DataPosition:
    """seed, epoch: name the order; samples: items of this epoch used by completed steps; fingerprint: of the data."""

    seed: int
    epoch: int = 0
    samples: int = 0
    fingerprint: str = ""

    def advance(self, count: int) -> "DataPosition":
        """`count` items later in the same epoch."""
        return replace(self, samples=self.samples + count)

    def next_epoch(self) -> "DataPosition":
        return replace(self, epoch=self.epoch + 1, samples=0)

    def to_dict(self) -> dict[str, int | str]:
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> "DataPosition":
        """Raises: KeyError, ValueError if a field is missing or no integer."""
        numbers = {key: int(stored[key]) for key in ("seed", "epoch", "samples")}
        return cls(**numbers, fingerprint=str(stored.get("fingerprint", "")))
