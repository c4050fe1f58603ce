"""Orders of the numbers 0 ... n-1 as a function of (seed, epoch): stored where they are few, computed where many."""
import math

import numpy as np

from core_scripts.constants import STREAM_ORDER
from core_scripts.streams import words

STORED_ORDER_LIMIT = 2**20  # larger orders are computed, not sorted: sorting 1e7 words takes 11 s
FEISTEL_ROUNDS = 6  # fewer keep neighbours together too often


def epoch_order(seed: int, epoch: int, n: int, corpus: int = 0) -> "np.ndarray | FeistelOrder":
    """The numbers 0 ... n-1 in the order of this epoch, int64. `corpus` tells parallel orders apart.

    Up to STORED_ORDER_LIMIT items the argsort of raw Philox words (uniform over all orders that 64 bits of key can
    reach), above it a Feistel network that is keyed by such words. Both give items for a slice of positions.
    """
    if n <= STORED_ORDER_LIMIT:
        return np.argsort(words(seed, STREAM_ORDER, epoch, corpus, count=n), kind="stable").astype(np.int64)
    return FeistelOrder(n, words(seed, STREAM_ORDER, epoch, corpus, count=FEISTEL_ROUNDS))


class FeistelOrder:
    """An order of n items, 1 to 2**62, that holds none of them: `order[3:7]` computes four.

    A Feistel network over mixed radices (Black, Rogaway 2002, section 5). A number below a * b is a pair (left below
    a, right below b); each round adds to one of them, modulo its radix, a hash of the other. a * b lies in [n, n + a),
    so what falls outside of n is rare, and goes through the network again (cycle walking).
    keys: uint64, one per round.
    """

    def __init__(self, n: int, keys: np.ndarray) -> None:
        self.n, self.keys = n, keys
        a = math.isqrt(n - 1) + 1
        self.radices = np.uint64(a), np.uint64(-(-n // a))

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, positions: slice | np.ndarray) -> np.ndarray:
        """The items at positions in [0, n), int64."""
        if isinstance(positions, slice):
            positions = np.arange(*positions.indices(self.n))
        return self._walk(positions, inverse=False)

    def positions_of(self, items: np.ndarray) -> np.ndarray:
        """Where items in [0, n) stand, int64: the inverse of indexing."""
        return self._walk(items, inverse=True)

    def _walk(self, numbers: np.ndarray, *, inverse: bool) -> np.ndarray:
        found = self._permute(np.asarray(numbers, dtype=np.uint64), inverse)
        while (outside := np.flatnonzero(found >= self.n)).size:
            found[outside] = self._permute(found[outside], inverse)
        return found.astype(np.int64)

    def _permute(self, numbers: np.ndarray, inverse: bool) -> np.ndarray:
        """A bijection of [0, a * b)."""
        a, b = self.radices
        left, right = numbers // b, numbers % b
        rounds = list(enumerate(self.keys))
        for number, key in reversed(rounds) if inverse else rounds:
            if number % 2:
                right = _add(right, _mix(left, key), b, inverse)
            else:
                left = _add(left, _mix(right, key), a, inverse)
        return left * b + right


def _add(values: np.ndarray, mixed: np.ndarray, radix: np.uint64, inverse: bool) -> np.ndarray:
    mixed = mixed % radix
    return (values + (radix - mixed if inverse else mixed)) % radix


def _mix(values: np.ndarray, key: np.uint64) -> np.ndarray:
    """The finaliser of splitmix64 (Steele et al. 2014): every bit of the input moves every bit of the output."""
    mixed = values + key
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
