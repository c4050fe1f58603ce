"""The order of items: pure, uniform, resumable at any place."""
import numpy as np
import pytest

from core_scripts.config_parse.data_config import LoaderOptions
from core_scripts.data_io.position import DataPosition
from core_scripts.data_io.sampler import STORED_ORDER_LIMIT, EpochBatchSampler, block_shuffle_by_length, epoch_order
from core_scripts.errors import ConfigError

GOLDEN = {
    (1, 0, 16): [14, 10, 0, 15, 13, 6, 11, 12, 5, 3, 4, 9, 7, 8, 2, 1],
    (1, 1, 16): [15, 14, 0, 3, 13, 10, 6, 8, 2, 12, 5, 1, 11, 7, 9, 4],
    (2, 0, 100): [71, 78, 60, 29, 90, 53, 2, 54, 7, 40, 64, 79, 51, 26, 97, 36],
    (1, 7, 1000): [82, 814, 621, 770, 610, 979, 370, 825, 932, 997, 106, 897, 699, 15, 70, 431],
    (12345, 3, 100000): [87680, 77591, 88201, 91029, 52805, 94270, 19757, 9431, 10967, 61520, 88555, 20118, 61912,
                         74890, 87114, 91939],
    (1, 0, STORED_ORDER_LIMIT + 7): [360188, 462368, 896924, 155327, 903043, 130834, 409336, 98218, 729999, 747479,
                                     270135, 643173, 536037, 517536, 189581, 1007143],
}


@pytest.mark.parametrize(("seed", "epoch", "n"), list(GOLDEN))
def test_orders_never_change(seed, epoch, n):
    assert epoch_order(seed, epoch, n)[:16].tolist() == GOLDEN[seed, epoch, n]


@pytest.mark.parametrize("n", [0, 1, 2, 17, 1000, STORED_ORDER_LIMIT + 3])
def test_orders_hold_every_item_once(n):
    order = epoch_order(3, 4, n)
    assert order.dtype == np.int64
    assert np.array_equal(np.sort(order), np.arange(n))


def test_orders_differ_between_epochs_seeds_and_corpora():
    drawn = {tuple(epoch_order(*key)) for key in [(1, 0, 20), (1, 1, 20), (2, 0, 20), (1, 0, 20, 1)]}
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
    order = epoch_order(1, 0, STORED_ORDER_LIMIT + 1)
    assert np.count_nonzero(np.diff(order) == 1) < 10  # 1 expected


def test_blocks_hold_similar_lengths_and_every_item_once():
    lengths = np.random.default_rng(1).integers(1, 1000, 103)
    order = block_shuffle_by_length(lengths, 4, seed=1, epoch=2)
    assert np.array_equal(np.sort(order), np.arange(103))
    assert np.array_equal(order, block_shuffle_by_length(lengths, 4, seed=1, epoch=2))
    assert not np.array_equal(order, block_shuffle_by_length(lengths, 4, seed=1, epoch=3))
    ranks = np.argsort(np.argsort(lengths, kind="stable"))[order] // 16
    assert np.count_nonzero(np.diff(ranks)) == 6  # seven blocks, each in one piece


@pytest.mark.parametrize("options", [
    LoaderOptions(batch_size=3, shuffle=True),
    LoaderOptions(batch_size=3),
    LoaderOptions(batch_size=2, sampler="block_shuffle_by_length"),
    LoaderOptions(batch_size=4, longest_first=True),
    LoaderOptions(batch_size=2, shuffle=True, merge="side by side"),
])
def test_a_restart_at_any_place_of_two_epochs_yields_the_same_rest(options):
    lengths = [[5, 3, 9, 9, 1, 7, 2], [4, 4, 8, 6, 1]]
    sampler = EpochBatchSampler(lengths, options)
    position = DataPosition(seed=5)
    whole, places = [], []
    for _ in range(2):
        sampler.set_position(position)
        for batch in sampler:
            places.append((position, len(whole)))
            whole.append(batch)
            position = position.advance(len(batch))
        position = position.next_epoch()
    for place, number in places:
        restarted = EpochBatchSampler(lengths, options)
        tail, position = [], DataPosition.from_dict(place.to_dict())
        while position.epoch < 2:
            restarted.set_position(position)
            tail += list(restarted)
            position = position.next_epoch()
        assert tail == whole[number:]


def test_the_number_of_batches_is_that_of_the_whole_epoch_at_any_place():
    sampler = EpochBatchSampler([[1] * 10], LoaderOptions(batch_size=3))
    sampler.set_position(DataPosition(seed=1, samples=6))
    assert len(sampler) == 4
    assert list(sampler) == [[6, 7, 8], [9]]


def test_iterating_twice_yields_the_same_and_batches_are_plain_integers():
    sampler = EpochBatchSampler([[1] * 10], LoaderOptions(batch_size=3, shuffle=True))
    assert list(sampler) == list(sampler)
    assert all(type(item) is int for batch in sampler for item in batch)


def test_the_longest_come_first_for_generation():
    sampler = EpochBatchSampler([[5, 9, 7], [8]], LoaderOptions(batch_size=2, longest_first=True))
    assert list(sampler) == [[1, 3], [2, 0]]


def test_merged_batches_hold_one_batch_of_each_corpus_until_the_smallest_ends():
    sampler = EpochBatchSampler([[1] * 5, [1] * 3], LoaderOptions(batch_size=2, merge="batch_merge"))
    assert list(sampler) == [[0, 1, 5, 6], [2, 3, 7]]
    assert (len(sampler), sampler.items_per_batch) == (2, 4)


def test_adapted_lengths_change_the_order_by_length():
    sampler = EpochBatchSampler([[1, 2, 3]], LoaderOptions(longest_first=True))
    sampler.set_lengths([[9, 2, 3]])
    assert list(sampler) == [[0], [2], [1]]


@pytest.mark.parametrize(("changes", "message"), [
    ({"batch_size": 0}, "batch_size=0 must be at least 1"),
    ({"sampler": "block_shufle"}, "sampler='block_shufle' one of None, block_shuffle_by_length"),
])
def test_impossible_options_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        EpochBatchSampler([[1]], LoaderOptions(**changes))


def test_positions_are_plain_numbers_that_come_back():
    position = DataPosition(seed=1, fingerprint="ab").advance(7).advance(3)
    assert position.to_dict() == {"seed": 1, "epoch": 0, "samples": 10, "fingerprint": "ab"}
    assert DataPosition.from_dict(position.to_dict()) == position
    assert position.next_epoch() == DataPosition(seed=1, epoch=1, samples=0, fingerprint="ab")


def test_damaged_positions_are_refused():
    with pytest.raises(KeyError, match="epoch"):
        DataPosition.from_dict({"seed": 1, "samples": 0})
