"""Where training stands in its data: a few integers, from which everything that is still to come follows."""
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from core_scripts.errors import CheckpointError


@dataclass(frozen=True)
class DataFingerprint:
    """Which data a position counts in.

    digest: of all items and of how they are drawn; files, cut: in words what may differ between two of them.
    """

    digest: str = ""
    files: str = ""
    cut: str = ""

    @classmethod
    def from_stored(cls, stored: Any) -> Self:
        """Of a checkpoint; older ones have the digest alone."""
        return cls(**stored) if isinstance(stored, dict) else cls(digest=str(stored))


@dataclass(frozen=True)
class DataPosition:
    """All that says which items come next.

    seed, epoch: name the order; samples: items of this epoch used by completed steps; batch_items: items per batch when
    the epoch began, 0: not begun; fingerprint: of the data.
    """

    seed: int
    epoch: int = 0
    samples: int = 0
    batch_items: int = 0
    fingerprint: DataFingerprint = field(default_factory=DataFingerprint)

    def begin(self, batch_items: int) -> Self:
        """With this batch size at the start of an epoch; within one the order keeps the one that it began with."""
        return self if self.samples and self.batch_items else replace(self, batch_items=batch_items)

    def advance(self, count: int) -> Self:
        """`count` items later in the same epoch."""
        return replace(self, samples=self.samples + count)

    def next_epoch(self) -> Self:
        return replace(self, epoch=self.epoch + 1, samples=0, batch_items=0)

    def to_dict(self) -> dict[str, Any]:
        """Whole numbers and text, as they stand in a checkpoint and may stand in JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """Raises: CheckpointError if a number is missing, or none."""
        try:
            numbers = {key: int(stored[key]) for key in ("seed", "epoch", "samples")}
            numbers["batch_items"] = int(stored.get("batch_items", 0))
            return cls(**numbers, fingerprint=DataFingerprint.from_stored(stored.get("fingerprint", "")))
        except (KeyError, TypeError, ValueError) as fault:
            raise CheckpointError(f"the position in the data is damaged ({fault!r} in {stored}); take an older "
                                  "checkpoint, or its weights with --init-from") from None
