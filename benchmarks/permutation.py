"""Whether the orders of data hold every item once, how evenly they mix, and what a batch of them costs.

Ends with an error if an order lacks an item, or mixes worse than chance explains. Networks of too few rounds go through
the same tests beside, and have to fail them: what lets these pass would prove nothing about the others.
"""
import sys
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.measuring import describe, make_parser, median, tell_results, time_rounds  # noqa: E402
from core_scripts.constants import STREAM_ORDER  # noqa: E402
from core_scripts.permutation import (  # noqa: E402
    FEISTEL_ROUNDS,
    STORED_ORDER_LIMIT,
    FeistelOrder,
    epoch_order,
)
from core_scripts.streams import words  # noqa: E402

BATCHES = (32, 256, 4096)
SIZES = {"1e9": 10**9, "1e12": 10**12}
GRID = 64  # position-value counts are taken on a grid of 64 x 64


@dataclass(frozen=True)
class Sizes:
    """How much is looked at."""

    exhaustive: int = 600  # every n below
    bitmaps: int = 4  # random n up to 1e7
    inverted: int = 100_000  # indices of an order too large to be listed
    mixed_items: int = 1_000_003
    mixed_epochs: int = 8
    pair_items: int = 200_003
    pair_epochs: int = 200
    draws_of_five: int = 12_000


QUICK = Sizes(60, 1, 1000, 100_003, 2, 20_003, 40, 3000)


def make_feistel(n: int, seed: int, epoch: int, rounds: int = FEISTEL_ROUNDS) -> FeistelOrder:
    """The computed order, also of so few items that they would be stored."""
    return FeistelOrder(n, words(seed, STREAM_ORDER, epoch, count=rounds))


def make_stored(n: int, seed: int, epoch: int) -> np.ndarray:
    """Raises: ValueError where the order would be computed."""
    if n > STORED_ORDER_LIMIT:
        raise ValueError(f"orders of {n} items are not stored")
    return epoch_order(seed, epoch, n)


def find_gaps(sizes: Sizes) -> tuple[int, list[str]]:
    """How many orders were looked through, and those that lack an item."""
    faults, looked = [], 0
    for n in range(1, sizes.exhaustive):
        for make in (make_feistel, make_stored):
            looked += 1
            if not np.array_equal(np.sort(make(n, 1, n)[:]), np.arange(n)):
                faults.append(f"{make.__name__} of {n}")
    random_n = words(1, 99, count=sizes.bitmaps) % np.uint64(10**7 - STORED_ORDER_LIMIT) + np.uint64(STORED_ORDER_LIMIT)
    for n in map(int, random_n):
        looked += 1
        hit = np.zeros(n, dtype=bool)
        order = epoch_order(2, n, n)
        for first in range(0, n, 2**18):
            hit[order[first : first + 2**18]] = True
        if not hit.all():
            faults.append(f"order of {n}: {np.count_nonzero(~hit)} items absent")
    for n in SIZES.values():
        looked += 1
        order = epoch_order(3, 0, n)
        places = (words(2, 99, count=sizes.inverted) % np.uint64(n)).astype(np.int64)
        items = order[places]
        if items.min() < 0 or items.max() >= n or not np.array_equal(order.positions_of(items), places):
            faults.append(f"order of {n}: the inverse does not lead back")
    return looked, faults


def chi_square_of_places(orders: Iterable[np.ndarray]) -> float:
    """Mean chi-square per degree of freedom of which item stands where, on a grid; 1 by chance."""
    found = []
    for order in orders:
        n = len(order)
        counts, _, _ = np.histogram2d(np.arange(n), order, bins=GRID, range=[[0, n], [0, n]])
        expected = n / GRID**2
        found.append(((counts - expected) ** 2 / expected).sum() / (GRID - 1) ** 2)
    return float(np.mean(found))


def chi_square_of_differences(orders: Iterable[np.ndarray]) -> float:
    """The same of the difference between neighbours, modulo n."""
    found = []
    for order in orders:
        n, bins = len(order), GRID**2
        counts, _ = np.histogram(np.diff(order) % n, bins=bins, range=(0, n))
        expected = (n - 1) / bins
        found.append(((counts - expected) ** 2 / expected).sum() / (bins - 1))
    return float(np.mean(found))


def count_adjacent(orders: Iterable[np.ndarray]) -> float:
    """Items per epoch that are followed by the next item of the list; 1 by chance."""
    return float(np.mean([np.count_nonzero(np.diff(order) == 1) for order in orders]))


def chi_square_of_five(draws: int) -> float:
    """Chi-square per degree of freedom over all 120 orders of five items."""
    orders = np.stack([epoch_order(4, epoch, 5) for epoch in range(draws)])
    _, counts = np.unique(orders @ 5 ** np.arange(5), return_counts=True)
    expected = draws / 120
    return float((((counts - expected) ** 2).sum() / expected + (120 - len(counts)) * expected) / 119)


def judge(name: str, value: float, chance: float, faults: list[str], *, control: bool = False) -> float:
    """Tell the value beside 1 and four standard deviations of chance. A control has to lie outside."""
    within = abs(value - 1) <= 4 * chance
    print(f"  {name:32} {value:8.3f}, 1 +- {4 * chance:.3f}: {'within' if within else 'OUTSIDE'}"
          f"{', a control that has to be outside' if control else ''}")
    if within == control:
        faults.append(f"{name}: {value:.3f}")
    return value


def judge_mixing(sizes: Sizes, faults: list[str]) -> dict[str, float]:
    """Chi-squares and adjacent pairs of computed and stored orders, and of networks with too few rounds."""
    n, epochs = sizes.mixed_items, range(sizes.mixed_epochs)
    pair_n, pair_epochs = sizes.pair_items, range(sizes.pair_epochs)
    places, differences = ((2 / dof / len(epochs)) ** 0.5 for dof in ((GRID - 1) ** 2, GRID**2 - 1))
    pairs = len(pair_epochs) ** -0.5

    def computed(n: int, epochs: range, rounds: int = FEISTEL_ROUNDS) -> Iterable[np.ndarray]:
        return (make_feistel(n, 5, epoch, rounds)[:] for epoch in epochs)

    def stored(n: int, epochs: range) -> Iterable[np.ndarray]:
        return (make_stored(n, 5, epoch) for epoch in epochs)

    print(f"mixing, 1 by chance: places and differences of {n} items, {len(epochs)} epochs; pairs of {pair_n} items, "
          f"{len(pair_epochs)} epochs")
    results = {}
    for make in (computed, stored):
        of_places, of_differences = chi_square_of_places(make(n, epochs)), chi_square_of_differences(make(n, epochs))
        adjacent, kind = count_adjacent(make(pair_n, pair_epochs)), make.__name__
        results[f"{kind}_places"] = judge(f"{kind}: places", of_places, places, faults)
        results[f"{kind}_differences"] = judge(f"{kind}: differences", of_differences, differences, faults)
        results[f"{kind}_pairs"] = judge(f"{kind}: adjacent pairs", adjacent, pairs, faults)
    judge("stored: all orders of 5 items", chi_square_of_five(sizes.draws_of_five), (2 / 119) ** 0.5, faults)
    judge("2 rounds: differences", chi_square_of_differences(computed(n, epochs, 2)), differences, faults, control=True)
    judge("4 rounds: adjacent pairs", count_adjacent(computed(pair_n, pair_epochs, 4)), pairs, faults, control=True)
    return results


def measure(args: Namespace) -> dict[str, float]:
    """Microseconds of CPU time per batch, at places all over the epoch."""
    repeats = 20 if args.quick else 400

    def draw(order: FeistelOrder, size: int) -> None:
        for first in range(0, len(order) - size, len(order) // repeats):
            order[first : first + size]

    results = {}
    print("microseconds of CPU time per batch")
    for name, n in SIZES.items():
        order = epoch_order(1, 0, n)
        variants = {str(size): (lambda size=size, order=order: draw(order, size)) for size in BATCHES}
        per_batch = {size: [value / repeats * 1e6 for value in times]
                     for size, times in time_rounds(variants, args.rounds).items()}
        told = ", ".join(f"batch {size}: {describe(times, 0)}" for size, times in per_batch.items())
        print(f"  {name} items: {told}")
        results[f"us_per_batch_{name}"] = median(per_batch[str(BATCHES[0])])
    return results


def main(argv: list[str] | None = None) -> None:
    args = make_parser(__doc__, rounds=7).parse_args(argv)
    sizes = QUICK if args.quick else Sizes()
    looked, faults = find_gaps(sizes)
    print(f"{looked} orders hold every item once" if not faults else f"of {looked} orders {len(faults)} have gaps")
    results = {"orders_without_gaps": looked - len(faults), **judge_mixing(sizes, faults), **measure(args)}
    tell_results(results, {}, args.json)
    if faults:
        raise SystemExit("error: " + "; ".join(faults))


if __name__ == "__main__":
    main()
