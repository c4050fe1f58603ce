"""Which minibatches share one optimizer step. Integers only."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """The minibatches whose gradients one optimizer step sums: how many they are, and whether this is the last."""

    size: int
    complete: bool


def group_of(number: int, total: int, accumulate: int) -> Group:
    """The group of minibatch `number` out of `total` in the rest of an epoch; the last one may be smaller."""
    start = number - number % accumulate
    size = min(accumulate, total - start)
    return Group(size, number + 1 == start + size)


def is_due(number: int, size: int, every: int) -> bool:
    """Whether one of the `size` minibatches up to `number` is the last of `every`; 0: never."""
    return every > 0 and (number + 1) // every > (number + 1 - size) // every
