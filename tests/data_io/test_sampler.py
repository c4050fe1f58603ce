"""Batches of an epoch: pure, resumable at any place, whatever the batch size."""
import json
from dataclasses import replace

import numpy as np
import pytest

from core_scripts.config_parse.data_config import LoaderOptions
from core_scripts.data_io.position import DataFingerprint, DataPosition
from core_scripts.data_io.sampler import EpochBatchSampler, block_shuffle_by_length, part_of_rank
from core_scripts.errors import CheckpointError, ConfigError


def test_blocks_hold_similar_lengths_and_every_item_once():
    lengths = np.random.default_rng(1).integers(1, 1000, 103)
    order = block_shuffle_by_length(lengths, 16, seed=1, epoch=2)
    assert np.array_equal(np.sort(order), np.arange(103))
    assert np.array_equal(order, block_shuffle_by_length(lengths, 16, seed=1, epoch=2))
    assert not np.array_equal(order, block_shuffle_by_length(lengths, 16, seed=1, epoch=3))
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


SIZES = [LoaderOptions(batch_size=16, shuffle=True), LoaderOptions(batch_size=16, sampler="block_shuffle_by_length"),
         LoaderOptions(batch_size=16, shuffle=True, merge="side by side")]


@pytest.mark.parametrize("options", SIZES, ids=["shuffled", "blocks", "side by side"])
def test_each_item_comes_once_though_the_batch_size_changes_within_the_epoch(options):
    lengths = [list(range(1, 104)), list(range(1, 104))]
    sampler = EpochBatchSampler(lengths, options)
    position = DataPosition(seed=5).begin(sampler.items_per_batch)
    sampler.set_position(position)
    unchanged = [item for batch in sampler for item in batch]
    seen: list[int] = []
    for size, batches in ((16, 2), (24, 1), (1, 3), (7, None)):
        sampler = EpochBatchSampler(lengths, replace(options, batch_size=size))
        position = position.begin(sampler.items_per_batch)
        sampler.set_position(position)
        done = position.samples // sampler.items_per_batch
        taken = list(sampler)[:batches]
        assert len(sampler) == done + len(list(sampler))
        seen += [item for batch in taken for item in batch]
        position = position.advance(sum(map(len, taken)))
    assert sorted(seen) == list(range(206))
    if len(sampler.groups) == 1:
        assert seen == unchanged  # not only each once: in the same order


def test_batches_of_a_finished_epoch_all_lie_behind():
    sampler = EpochBatchSampler([[1] * 10], LoaderOptions(batch_size=3))
    sampler.set_position(DataPosition(seed=1, samples=10))
    assert (len(sampler), list(sampler)) == (3, [])


def test_large_epochs_are_not_listed_before_their_first_batch():
    count = 2**20 + 1
    sampler = EpochBatchSampler([np.ones(count)], LoaderOptions(batch_size=4, shuffle=True))
    sampler.set_position(DataPosition(seed=1, samples=count - 6))
    assert [len(batch) for batch in sampler] == [4, 2]


@pytest.mark.parametrize("size", [1, 7, 16, 24])
def test_ranks_share_a_global_batch_without_gap_or_overlap(size):
    batch = list(range(100, 100 + size))
    for ranks in range(1, 9):
        parts = [part_of_rank(batch, rank, ranks) for rank in range(ranks)]
        assert sum(parts, []) == batch
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_positions_are_plain_numbers_that_come_back_through_json():
    fingerprint = DataFingerprint("ab", "3 utterances", "8 samples at most")
    position = DataPosition(seed=1, fingerprint=fingerprint).begin(4).advance(7).advance(3)
    stored = {"seed": 1, "epoch": 0, "samples": 10, "batch_items": 4,
              "fingerprint": {"digest": "ab", "files": "3 utterances", "cut": "8 samples at most"}}
    assert position.to_dict() == stored
    assert DataPosition.from_dict(json.loads(json.dumps(stored))) == position
    assert position.next_epoch() == DataPosition(seed=1, epoch=1, fingerprint=fingerprint)


def test_an_epoch_keeps_the_batch_size_that_it_began_with_and_the_next_takes_the_new_one():
    begun = DataPosition(seed=1).begin(4)
    assert begun.begin(8).batch_items == 8
    assert begun.advance(4).begin(8).batch_items == 4
    assert begun.advance(4).next_epoch().begin(8).batch_items == 8


def test_positions_of_older_checkpoints_have_a_digest_alone():
    position = DataPosition.from_dict({"seed": 1, "epoch": 2, "samples": 3, "fingerprint": "ab"})
    assert position == DataPosition(seed=1, epoch=2, samples=3, fingerprint=DataFingerprint(digest="ab"))


@pytest.mark.parametrize(("stored", "message"), [
    ({"seed": 1, "samples": 0}, "position in the data is damaged .*'epoch'"),
    ({"seed": 1, "epoch": "x", "samples": 0}, "position in the data is damaged .*'x'"),
    ({"seed": 1, "epoch": 0, "samples": 0, "fingerprint": {"colour": "red"}}, "position in the data is damaged"),
])
def test_damaged_positions_are_refused(stored, message):
    with pytest.raises(CheckpointError, match=message):
        DataPosition.from_dict(stored)
