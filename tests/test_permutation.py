"""Orders of items: frozen for ever, each item once, uniform, and any place of them known without the others."""
import math

import numpy as np
import pytest

from core_scripts.constants import STREAM_ORDER
from core_scripts.permutation import FEISTEL_ROUNDS, STORED_ORDER_LIMIT, FeistelOrder, epoch_order
from core_scripts.streams import words

STORED = {
    (1, 0, 16): [14, 10, 0, 15, 13, 6, 11, 12, 5, 3, 4, 9, 7, 8, 2, 1],
    (1, 1, 16): [15, 14, 0, 3, 13, 10, 6, 8, 2, 12, 5, 1, 11, 7, 9, 4],
    (2, 0, 100): [71, 78, 60, 29, 90, 53, 2, 54, 7, 40, 64, 79, 51, 26, 97, 36],
    (1, 7, 1000): [82, 814, 621, 770, 610, 979, 370, 825, 932, 997, 106, 897, 699, 15, 70, 431],
    (12345, 3, 100000): [87680, 77591, 88201, 91029, 52805, 94270, 19757, 9431, 10967, 61520, 88555, 20118, 61912,
                         74890, 87114, 91939],
    (1, 0, STORED_ORDER_LIMIT): [169877, 159956, 413814, 230397, 298494, 415626, 912851, 454181, 58224, 197514, 771291,
                                 370040, 429592, 857886, 250787, 302902],
}
COMPUTED = {
    (1, 0, STORED_ORDER_LIMIT + 1): [360188, 462368, 896924, 155327, 903043, 130834, 409336, 98218, 729999, 747479,
                                     270135, 643173, 536037, 517536, 189581, 1007143],
    (2, 0, STORED_ORDER_LIMIT + 7): [332086, 148571, 753243, 869160, 293511, 754401, 333797, 778833, 121179, 84424,
                                     510874, 880521, 404560, 564585, 840084, 866829],
    (1, 1, 10**7): [3543271, 7471215, 9619475, 6032710, 2650433, 3318290, 4046828, 9494510, 8366930, 3992013, 3371340,
                    9906882, 5979147, 7430923, 4750872, 9501782],
    (12345, 3, 10**9): [741587915, 797163218, 628298266, 615006247, 514026913, 657124709, 389229491, 184206888,
                        347891221, 252668821, 214528162, 731376056, 426932985, 77273145, 178046906, 679549151],
    (1, 0, 10**12): [498332793727, 276798223751, 771872577500, 293546704902, 152680841178, 392490863463, 837649426573,
                     833007787311, 412760143255, 959112802969, 569423212286, 917684106899, 2534079526, 392442720856,
                     561483112471, 677017339783],
    (2**63 + 5, 2**40, 10**12 + 39): [126968783944, 295175777782, 480720817127, 786941314893, 400291999202,
                                      933200558050, 388115164177, 518602776804, 995821551392, 463300558055,
                                      25189124363, 970750178422, 382634063211, 991130668524, 423418097963,
                                      276276812143],
}
MASK = 2**64 - 1


def feistel_of_plain_integers(position: int, n: int, keys: list[int]) -> int:
    """The same network once more, in Python's integers, which never overflow."""
    a = math.isqrt(n - 1) + 1
    b = -(-n // a)
    left, right = divmod(position, b)
    for number, key in enumerate(keys):
        mixed = ((right if number % 2 == 0 else left) + key) & MASK
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & MASK
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & MASK
        mixed ^= mixed >> 31
        if number % 2:
            right = (right + mixed) % b
        else:
            left = (left + mixed) % a
    found = left * b + right
    return found if found < n else feistel_of_plain_integers(found, n, keys)


@pytest.mark.parametrize(("seed", "epoch", "n"), [*STORED, *COMPUTED])
def test_orders_never_change(seed, epoch, n):
    assert epoch_order(seed, epoch, n)[:16].tolist() == {**STORED, **COMPUTED}[seed, epoch, n]


@pytest.mark.parametrize(("seed", "epoch", "n"), list(COMPUTED))
def test_computed_orders_are_those_of_plain_integers(seed, epoch, n):
    keys = words(seed, STREAM_ORDER, epoch, count=FEISTEL_ROUNDS).tolist()
    positions = [0, 1, n // 3, n - 2, n - 1]
    expected = [feistel_of_plain_integers(position, n, keys) for position in positions]
    assert epoch_order(seed, epoch, n)[np.array(positions)].tolist() == expected


@pytest.mark.parametrize("n", [0, 1, 2, 17, 1000, STORED_ORDER_LIMIT - 1, STORED_ORDER_LIMIT, STORED_ORDER_LIMIT + 1])
def test_orders_hold_every_item_once(n):
    order = epoch_order(3, 4, n)[:]
    assert order.dtype == np.int64
    assert len(epoch_order(3, 4, n)) == n
    assert np.array_equal(np.sort(order), np.arange(n))


def test_computed_orders_of_any_number_hold_every_item_once():
    for n in range(1, 200):
        order = FeistelOrder(n, words(n, STREAM_ORDER, count=FEISTEL_ROUNDS))
        assert np.array_equal(np.sort(order[:]), np.arange(n)), n
        assert np.array_equal(order.positions_of(order[:]), np.arange(n)), n


@pytest.mark.parametrize("n", [STORED_ORDER_LIMIT + 1, 10**9, 10**12, 2**62])
def test_the_inverse_leads_back_and_nothing_leaves_the_range(n):
    order = epoch_order(5, 6, n)
    places = (words(1, 99, count=2000) % np.uint64(n)).astype(np.int64)
    items = order[places]
    assert items.min() >= 0 and items.max() < n
    assert np.array_equal(order.positions_of(items), places)


def test_a_slice_is_that_part_of_the_whole():
    order = epoch_order(1, 0, STORED_ORDER_LIMIT + 1)
    whole = order[:]
    assert np.array_equal(order[1000:1032], whole[1000:1032])
    assert np.array_equal(order[len(order) - 3 : len(order) + 9], whole[-3:])  # the last batch is short


def test_orders_differ_between_epochs_seeds_and_corpora():
    for n in (20, STORED_ORDER_LIMIT + 1):
        drawn = {tuple(epoch_order(*key)[:20]) for key in [(1, 0, n), (1, 1, n), (2, 0, n), (1, 0, n, 1)]}
        assert len(drawn) == 4


def test_all_orders_of_five_items_are_equally_likely():
    counts: dict[tuple, int] = {}
    for epoch in range(6000):
        order = tuple(epoch_order(1, epoch, 5).tolist())
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 120
    chi_square = sum((count - 50) ** 2 / 50 for count in counts.values())
    assert chi_square < 180  # 119 degrees of freedom: exceeded by chance once in 3,000 seeds


def test_large_orders_keep_no_neighbours():
    order = epoch_order(1, 0, STORED_ORDER_LIMIT + 1)[:]
    assert np.count_nonzero(np.diff(order) == 1) < 10  # 1 expected
