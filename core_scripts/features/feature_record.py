"""What every feature's record tells of it, whichever feature it is. No torch."""
from abc import ABC, abstractmethod
from dataclasses import asdict
from typing import Any, ClassVar


class FeatureRecord(ABC):
    """The base of records that a recipe's config.py describes its features by, such as MelConfig."""

    formula: ClassVar[str]  # name and version of the computation; counted up when the same settings give other values
    meaning: ClassVar[str]  # the formula in words, for readers of a passport

    @property
    @abstractmethod
    def dim(self) -> int:
        """Values per frame."""

    def settings(self) -> dict[str, Any]:
        """All numbers that the values depend on."""
        return asdict(self)
