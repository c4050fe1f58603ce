"""The Loss of recipes whose model returns its loss already."""
from typing import Any


class ReturnedLoss:
    """Hands on what the model's forward pass returned: one loss, or several."""

    def __init__(self, args: Any) -> None:
        pass

    def compute(self, losses: Any, target: Any) -> Any:
        return losses
