"""In which order items come: a pure function of (seed, epoch), and the batches of an epoch from any position on."""
import math
from collections.abc import Iterator, Sequence

import numpy as np

from core_scripts.config_parse.data_config import LoaderOptions
from core_scripts.constants import STREAM_ORDER
from core_scripts.data_io.position import DataPosition
from core_scripts.errors import ConfigError
from core_scripts.streams import words

STORED_ORDER_LIMIT = 2**20  # larger orders are computed, not sorted: sorting 1e7 words takes 11 s
BLOCK_SHUFFLE = "block_shuffle_by_length"
BLOCK_BATCHES = 4  # batches of similar length that are shuffled among themselves, as in upstream
_FEISTEL_ROUNDS = 6  # fewer keep neighbours together too often


def epoch_order(seed: int, epoch: int, n: int, corpus: int = 0) -> np.ndarray:
    """The numbers 0 ... n-1 in the order of this epoch, int64 (n,). `corpus` tells parallel orders apart.

    Up to STORED_ORDER_LIMIT items the argsort of raw Philox words (uniform over all orders that 64 bits of key can
    reach), above it a Feistel network over mixed radices (Black, Rogaway 2002, section 5), keyed by such words.
    """
    if n <= STORED_ORDER_LIMIT:
        return np.argsort(words(seed, STREAM_ORDER, epoch, corpus, count=n), kind="stable").astype(np.int64)
    keys = words(seed, STREAM_ORDER, epoch, corpus, count=_FEISTEL_ROUNDS)
    order = _feistel(np.arange(n, dtype=np.uint64), n, keys)
    while (outside := np.flatnonzero(order >= n)).size:  # the network permutes a few more numbers than n
        order[outside] = _feistel(order[outside], n, keys)
    return order.astype(np.int64)


def _feistel(values: np.ndarray, n: int, keys: np.ndarray) -> np.ndarray:
    """A bijection of [0, a * b) with a * b in [n, n + a); values: uint64."""
    a = np.uint64(math.isqrt(n - 1) + 1)
    b = np.uint64(-(-n // int(a)))
    left, right = values // b, values % b
    for number, key in enumerate(keys):
        if number % 2:
            right = (right + _mix(left, key) % b) % b
        else:
            left = (left + _mix(right, key) % a) % a
    return left * b + right


def _mix(values: np.ndarray, key: np.uint64) -> np.ndarray:
    """The finaliser of splitmix64 (Steele et al. 2014): every bit of the input moves every bit of the output."""
    mixed = values + key
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def block_shuffle_by_length(
    lengths: Sequence[int], batch_size: int, seed: int, epoch: int, corpus: int = 0
) -> np.ndarray:
    """Items of similar length near each other: sorted, cut into blocks, shuffled within each and block by block."""
    by_length = np.argsort(np.asarray(lengths), kind="stable").astype(np.int64)
    size = BLOCK_BATCHES * batch_size
    keys = words(seed, STREAM_ORDER, epoch, 2 * corpus, count=len(by_length))
    shuffled = by_length[np.lexsort((keys, np.arange(len(by_length)) // size))]
    blocks = np.split(shuffled, range(size, len(shuffled), size))
    return np.concatenate([blocks[number] for number in epoch_order(seed, epoch, len(blocks), 2 * corpus + 1)])


class EpochBatchSampler:
    """Yields the batches (lists of item numbers) of the epoch at its position, from there on.

    lengths: samples of each item, per corpus; the items of a corpus follow those of the one before. `options.merge`
    "concatenate" draws from all at once; any other word takes a batch of each corpus and joins them, until the
    smallest corpus is through.
    Raises: ConfigError for an impossible option.
    """

    def __init__(self, lengths: Sequence[Sequence[int]], options: LoaderOptions) -> None:
        if options.batch_size < 1 or options.sampler not in ("None", BLOCK_SHUFFLE):
            raise ConfigError(f"batch_size={options.batch_size} must be at least 1 and sampler={options.sampler!r} "
                              f"one of None, {BLOCK_SHUFFLE}")
        self.options = options
        self.position = DataPosition(seed=options.seed)
        self.side_by_side = options.merge != "concatenate" and len(lengths) > 1
        self.groups: list[np.ndarray] = []
        self.set_lengths(lengths)

    def set_lengths(self, lengths: Sequence[Sequence[int]]) -> None:
        """Other lengths for the epochs to come."""
        groups = [np.asarray(group, dtype=np.int64) for group in lengths]
        self.groups = groups if self.side_by_side else [np.concatenate(groups)]

    def set_position(self, position: DataPosition) -> None:
        self.position = position

    @property
    def items_per_batch(self) -> int:
        return self.options.batch_size * len(self.groups)

    def __len__(self) -> int:
        """Batches of a whole epoch."""
        return -(-min(len(group) for group in self.groups) // self.options.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        size, position = self.options.batch_size, self.position
        orders, offset = [], 0
        for number, group in enumerate(self.groups):
            orders.append(offset + self._order(group, position, number))
            offset += len(group)
        start = position.samples // len(orders)
        for first in range(start, min(len(order) for order in orders), size):
            yield [int(item) for order in orders for item in order[first : first + size]]

    def _order(self, lengths: np.ndarray, position: DataPosition, group: int) -> np.ndarray:
        options = self.options
        if options.longest_first:
            return np.argsort(-lengths, kind="stable")
        if options.sampler == BLOCK_SHUFFLE and options.batch_size > 1:
            return block_shuffle_by_length(lengths, options.batch_size, position.seed, position.epoch, group)
        if options.shuffle:
            return epoch_order(position.seed, position.epoch, len(lengths), group)
        return np.arange(len(lengths))
