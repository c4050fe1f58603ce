"""In which order items come: a pure function of (seed, epoch), and the batches of an epoch from any position on."""
from collections.abc import Iterator, Sequence

import numpy as np

from core_scripts.config_parse.data_config import LoaderOptions
from core_scripts.constants import STREAM_ORDER
from core_scripts.data_io.position import DataPosition
from core_scripts.errors import ConfigError
from core_scripts.permutation import FeistelOrder, epoch_order
from core_scripts.streams import words

BLOCK_SHUFFLE = "block_shuffle_by_length"
BLOCK_BATCHES = 4  # batches of similar length that are shuffled among themselves, as in upstream


def part_of_rank(batch: Sequence[int], rank: int, ranks: int) -> Sequence[int]:
    """What process `rank` of `ranks` takes of a global batch: their parts, one after the other, are that batch."""
    return batch[rank * len(batch) // ranks : (rank + 1) * len(batch) // ranks]


def block_shuffle_by_length(
    lengths: Sequence[int], size: int, seed: int, epoch: int, corpus: int = 0
) -> np.ndarray:
    """Items of similar length near each other: sorted, cut into blocks of `size`; both levels are shuffled."""
    by_length = np.argsort(np.asarray(lengths), kind="stable").astype(np.int64)
    keys = words(seed, STREAM_ORDER, epoch, 2 * corpus, count=len(by_length))
    shuffled = by_length[np.lexsort((keys, np.arange(len(by_length)) // size))]
    blocks = np.split(shuffled, range(size, len(shuffled), size))
    return np.concatenate([blocks[number] for number in epoch_order(seed, epoch, len(blocks), 2 * corpus + 1)[:]])


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
        """Batches of the epoch: those that lie behind its position at this batch size, and those to come.

        An epoch that went on with another batch size may have one less than `items / batch size` rounded up.
        """
        size, start = self.options.batch_size, self._start()
        return start // size + max(-(-(min(map(len, self.groups)) - start) // size), 0)

    def _start(self) -> int:
        """Items of each group that lie behind the position."""
        return self.position.samples // len(self.groups)

    def __iter__(self) -> Iterator[list[int]]:
        size, position = self.options.batch_size, self.position
        orders, offset = [], 0
        for number, group in enumerate(self.groups):
            orders.append((offset, self._order(group, position, number)))
            offset += len(group)
        for first in range(self._start(), min(map(len, self.groups)), size):
            yield [offset + int(item) for offset, order in orders for item in order[first : first + size]]

    def _order(self, lengths: np.ndarray, position: DataPosition, group: int) -> np.ndarray | FeistelOrder:
        options = self.options
        if options.longest_first:
            return np.argsort(-lengths, kind="stable")
        batch = (position.batch_items or self.items_per_batch) // len(self.groups)  # of the epoch's beginning
        if options.sampler == BLOCK_SHUFFLE and batch > 1:
            return block_shuffle_by_length(lengths, BLOCK_BATCHES * batch, position.seed, position.epoch, group)
        if options.shuffle:
            return epoch_order(position.seed, position.epoch, len(lengths), group)
        return np.arange(len(lengths))
