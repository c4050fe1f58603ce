"""Each epoch cuts elsewhere: a function of integers, the same items in number, all of the file once."""
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from core_scripts.config_parse.arg_parse import parse_command
from core_scripts.config_parse.project_data import read_options
from core_scripts.data_io.position import DataPosition
from core_scripts.data_io.segment import CutRule, cut
from core_scripts.data_io.seq_info import parse_info

HOP = 8


def make_rule(truncate=40, minimum=None, grain=1, **changes) -> CutRule:
    return CutRule(**{"truncate": truncate, "minimum": minimum, "grain": grain, "random_offset": True, **changes})


def cuts_of(rule: CutRule, length: int) -> list[list[tuple[int, int]]]:
    """All cuts that random words can bring about (no more than `truncate`), as (start, stop) of each piece."""
    numbers = range(len(rule.pieces(length)))
    found = {tuple((span.start, span.stop) for span in (rule.drawn_piece(length, number, word) for number in numbers))
             for word in range(rule.truncate or 1)}
    return [list(pieces) for pieces in sorted(found)]


@pytest.mark.parametrize("grain", [1, 4])
def test_every_cut_covers_the_utterance_once_in_the_same_number_of_pieces(grain):
    for truncate in (grain, 2 * grain, 10 * grain):
        for length in range(grain, 4 * truncate + 1, grain):
            for pieces in cuts_of(make_rule(truncate, grain=grain), length):
                assert [start for start, _ in pieces] == [0] + [stop for _, stop in pieces[:-1]]
                assert pieces[-1][1] == length
                assert all(0 < stop - start <= truncate and start % grain == 0 for start, stop in pieces)
                assert all(stop - start == truncate for start, stop in pieces[1:-1])


@pytest.mark.parametrize("minimum", [1, 4, 10])
def test_at_least_half_of_all_phases_less_the_minimum_come_up(minimum):
    for length in range(41, 200):
        cuts = cuts_of(make_rule(40, minimum), length)
        assert len({pieces[1][0] % 40 for pieces in cuts}) >= 20 - minimum, length


def test_no_piece_is_below_the_minimum_and_no_more_is_dropped_than_by_plain_cuts():
    for minimum in range(1, 11):
        rule = make_rule(10, minimum)
        for length in range(1, 60):
            plain = sum(map(len, cut(length, 10, minimum)))
            for pieces in cuts_of(rule, length):
                assert all(minimum <= stop - start <= 10 for start, stop in pieces)
                assert sum(stop - start for start, stop in pieces) >= plain


def test_pieces_of_full_size_alone_slide_over_the_utterance():
    starts = {pieces[0][0] for pieces in cuts_of(make_rule(10, 10), 27)}
    assert starts == set(range(8))


@pytest.mark.parametrize(("length", "changes"), [
    (40, {}), (7, {}), (200, {"random_offset": False}), (200, {"truncate": None}), (200, {"minimum": 50}),
])
def test_nothing_moves_where_one_piece_is_enough_or_none_allowed_or_it_is_not_asked_for(length, changes):
    rule = make_rule(**changes)
    assert rule.pieces(length) == cut(length, rule.truncate, rule.minimum)
    assert cuts_of(rule, length) == [[(span.start, span.stop) for span in rule.pieces(length)]]


def read_epoch(data, epoch: int, seed: int = 3) -> dict[str, list]:
    """By utterance the pieces (start, input, target) of an epoch, in the order of their starts."""
    data.set_position(DataPosition(seed=seed, epoch=epoch))
    found: dict[str, list] = {}
    for batch in data.get_loader():
        for info, frames, target in zip(batch.info, batch.inputs.numpy(), batch.targets.numpy(), strict=True):
            item = parse_info(info)
            found.setdefault(item.seq_name, []).append(
                (item.start_pos, frames[: item.length // HOP], target[: item.length, 0]))
    return {name: sorted(pieces, key=lambda piece: piece[0]) for name, pieces in found.items()}


def borders(pieces: dict[str, list]) -> dict[str, list[int]]:
    return {name: [start for start, _, _ in parts] for name, parts in pieces.items()}


def test_each_epoch_reads_every_sample_and_frame_once(corpus):
    data = corpus.load(loader={"batch_size": 2, "shuffle": True}, truncate=40, random_offset=True)
    seen = set()
    for epoch in range(6):
        pieces = read_epoch(data, epoch)
        for name, parts in pieces.items():
            assert np.array_equal(np.concatenate([target for _, _, target in parts]), corpus.noise(name))
            assert np.array_equal(np.concatenate([frames for _, frames, _ in parts]), corpus.mel(name))
            assert all(start % HOP == 0 for start, _, _ in parts)
        assert {name: len(parts) for name, parts in pieces.items()} == {"a": 3, "b": 5, "c": 6}
        seen.add(str(sorted(borders(pieces).items())))
    assert len(seen) > 3


def test_where_an_utterance_is_cut_depends_on_seed_epoch_and_name_alone(corpus, make_corpus):
    settings = {"truncate": 40, "random_offset": True}
    here = borders(read_epoch(corpus.load(**settings), 2))
    other = make_corpus({"z": 96, "c": 200}).load(loader={"num_workers": 2, "batch_size": 3}, **settings)
    assert borders(read_epoch(other, 2))["c"] == here["c"]
    assert len({tuple(borders(read_epoch(corpus.load(**settings), 2, seed))["c"]) for seed in range(8)}) > 3


def test_items_of_the_catalogue_stay_in_number_name_and_order(corpus):
    data = corpus.load(truncate=40, random_offset=True)
    before = data.get_seq_info(), data.get_seq_num(), data.fingerprint()
    for epoch in (0, 5):
        data.set_position(DataPosition(seed=3, epoch=epoch))
        read = [parse_info(info) for batch in data.get_loader() for info in batch.info]
        nominal = [parse_info(info) for info in before[0]]
        assert [(item.info_id, item.seq_name, item.seg_idx) for item in read] == [
            (item.info_id, item.seq_name, item.seg_idx) for item in nominal]
    assert (data.get_seq_info(), data.get_seq_num(), data.fingerprint()) == before


def test_the_order_by_length_does_not_move_with_the_cuts(corpus):
    data = corpus.load(loader={"batch_size": 2, "sampler": "block_shuffle_by_length"}, truncate=40, random_offset=True)
    data.set_position(DataPosition(seed=3, epoch=1))
    whole = [batch.info for batch in data.get_loader()]
    data.set_position(DataPosition(seed=3, epoch=1, samples=4))
    assert [batch.info for batch in data.get_loader()] == whole[2:]
    assert sorted(int(info.split(",")[0]) for infos in whole for info in infos) == list(range(data.get_seq_num()))


def test_the_fingerprint_tells_of_it_and_other_data_keep_theirs(corpus):
    moving, fixed = (corpus.load(truncate=200, random_offset=offset).full_fingerprint() for offset in (True, False))
    assert moving.digest != fixed.digest  # though no utterance is long enough to move
    assert moving.files == fixed.files
    assert moving.cut == fixed.cut.replace("at most", "at most, random offset")


def test_without_a_cut_the_option_is_named_as_without_effect(corpus, capsys):
    corpus.load(random_offset=True)
    assert "random_offset has no effect on trn" in capsys.readouterr().err


@pytest.mark.parametrize(("split", "expected"), [("trn", True), ("val", False), ("test", False)])
def test_only_training_data_are_cut_elsewhere(split, expected):
    conf = Namespace(truncate_seq=80, random_offset=True)
    assert read_options(conf, parse_command([]).args, split, Path(".")).random_offset is expected
