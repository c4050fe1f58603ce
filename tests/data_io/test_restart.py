"""Batches after a restart: the tail of what an uninterrupted pass reads, number by number, with any processes."""
import itertools

import numpy as np
import pytest
import torch

from core_scripts.data_io.position import DataPosition

EPOCHS = 2


pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create 3 worker processes")


def load(corpus, workers: int, batch_size: int = 3, **loader):
    """Cut elsewhere in each epoch, with noise from numpy's global state: all that is random about data."""
    noise = (lambda data: data + np.random.uniform(size=data.shape),)
    return corpus.load({"input_functions": noise}, {"batch_size": batch_size, "shuffle": True, "num_workers": workers,
                                                   **loader}, truncate=40, random_offset=True)


def read_from(data, position: DataPosition, batches: int | None = None):
    """(position before it, batch) from a position on: so many of this epoch, or all to the end of the last epoch."""
    found = []
    while position.epoch < EPOCHS:
        position = position.begin(data.get_batch_size())
        data.set_position(position)
        for batch in itertools.islice(data.get_loader(), batches):
            found.append((position, batch))
            position = position.advance(len(batch.index))
        if batches is not None:
            break
        position = position.next_epoch()
    return found


def same(one, other) -> bool:
    return one.info == other.info and torch.equal(one.inputs, other.inputs) and torch.equal(one.targets, other.targets)


@pytest.mark.parametrize("workers", [0, 2, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("sampler", ["None", "block_shuffle_by_length"])
def test_a_restart_at_every_batch_of_two_epochs_reads_the_exact_tail(corpus, workers, sampler):
    whole = read_from(load(corpus, 0, sampler=sampler), DataPosition(seed=3))
    assert len(whole) == 10
    for number, (position, _) in enumerate(whole):
        tail = read_from(load(corpus, workers, sampler=sampler), DataPosition.from_dict(position.to_dict()))
        assert len(tail) == len(whole) - number
        assert all(same(one, other) for (_, one), (_, other) in zip(tail, whole[number:], strict=True)), position


def test_each_item_is_read_once_and_alike_though_batch_size_and_workers_change(corpus):
    alone = {}
    for _, batch in read_from(load(corpus, 0, 1), DataPosition(seed=3), batches=14):
        alone[batch.info[0]] = batch.inputs[0]
    position, seen = DataPosition(seed=3), []
    for size, workers, batches in ((4, 0, 1), (6, 2, 1), (3, 3, None)):
        read = [batch for _, batch in read_from(load(corpus, workers, size), position, batches or 9)]
        seen += [(info, inputs) for batch in read for info, inputs in zip(batch.info, batch.inputs, strict=True)]
        position = position.begin(size).advance(sum(len(batch.info) for batch in read))
    assert [info for info, _ in seen] == list(alone)
    assert all(torch.equal(inputs[: len(alone[info])], alone[info]) for info, inputs in seen)
