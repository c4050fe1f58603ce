import numpy as np
import pytest

from core_scripts.errors import DataError
from core_scripts.evaluation.abx import abx_errors, warped_distances
from core_scripts.evaluation.probes import fit_judge, fit_probe, pool_parts, pool_units, score_conversion


def test_a_probe_finds_what_a_straight_line_separates_and_only_chance_elsewhere():
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=900)
    told = np.eye(3)[labels] * 2 + rng.normal(size=(900, 3))
    probe = fit_probe(told[:600], labels[:600])
    assert probe.accuracy(told[600:], labels[600:]) > 0.75
    noise = rng.normal(size=(900, 3))
    assert fit_probe(noise[:600], labels[:600]).accuracy(noise[600:], labels[600:]) == pytest.approx(1 / 3, abs=0.1)


def test_a_probe_stands_where_its_loss_has_no_slope():
    rng = np.random.default_rng(1)
    features, labels = rng.normal(size=(60, 4)), rng.integers(3, size=60)
    probe = fit_probe(features, labels, strength=0.5, iterations=500)
    x = (features - probe.mean) / probe.std
    scores = x @ probe.weights + probe.bias
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    slope = x.T @ (p - np.eye(3)[labels]) + probe.weights / 0.5
    assert np.abs(slope).max() < 0.02


def test_parts_are_pooled_one_behind_the_other():
    frames = np.arange(6.0)[:, None]
    assert pool_parts(frames, 3).tolist() == [0.5, 2.5, 4.5]
    assert pool_parts(frames[:2], 4).tolist() == [0.0, 0.0, 1.0, 1.0]
    assert pool_units(np.array([1, 1, 0, 1]), 2, 2).tolist() == [0.0, 1.0, 0.5, 0.5]


def make_utterances(seed, count=120):
    """Speaker: the colour of the bands; content: when the bands are loud."""
    rng = np.random.default_rng(seed)
    speakers, words = rng.integers(3, size=count), rng.integers(4, size=count)
    colours, courses = np.random.default_rng(9).normal(size=(3, 12)), np.random.default_rng(8).normal(size=(4, 18, 12))
    mels = [colours[s] + courses[w] + 0.3 * rng.normal(size=(18, 12)) for s, w in zip(speakers, words, strict=True)]
    return mels, speakers, words, colours


def test_a_judge_hears_a_voice_that_was_changed_and_a_word_that_was_kept():
    mels, speakers, words, colours = make_utterances(0)
    judge = fit_judge(*make_utterances(1)[:3])
    targets = (speakers + 1) % 3
    changed = [mel + colours[t] - colours[s] for mel, s, t in zip(mels, speakers, targets, strict=True)]
    good = score_conversion(judge, changed, targets, speakers, words)
    assert good.target > 0.95 and good.source < 0.05 and good.content_kept > 0.95
    unchanged = score_conversion(judge, mels, targets, speakers, words)
    assert unchanged.target < 0.05 and unchanged.source > 0.95
    silent = score_conversion(judge, [0 * mel for mel in mels], targets, speakers, words)
    assert silent.content_kept < 0.5


def warp_slowly(a, b):
    """The textbook recursion, cell by cell, as (sum, steps)."""
    cost = [[np.arccos(np.clip(x @ y / np.linalg.norm(x) / np.linalg.norm(y), -1, 1)) / np.pi for y in b] for x in a]
    table = {(-1, -1): (0.0, 0)}
    for i in range(len(a)):
        for j in range(len(b)):
            ways = [table[way] for way in ((i - 1, j - 1), (i - 1, j), (i, j - 1)) if way in table]
            total, steps = min(ways, key=lambda way: way[0])
            table[i, j] = (total + cost[i][j], steps + 1)
        table.pop((-1, -1), None)
    total, steps = table[len(a) - 1, len(b) - 1]
    return total / steps


def test_warped_distances_equal_the_textbook_recursion():
    rng = np.random.default_rng(2)
    items = [rng.normal(size=(length, 5)) for length in (1, 4, 7, 7, 12)]
    found = warped_distances(items)
    assert np.array_equal(found, found.T) and (found.diagonal() == 0).all()
    for i, a in enumerate(items):
        for j, b in enumerate(items[:i]):
            assert found[i, j] == pytest.approx(warp_slowly(a, b), abs=1e-5)


def test_a_word_said_slowly_is_no_distance_away():
    item = np.random.default_rng(3).normal(size=(6, 4))
    assert warped_distances([item, np.repeat(item, 3, axis=0)])[0, 1] == pytest.approx(0.0, abs=1e-3)


def test_abx_counts_wrong_triples_and_ties_as_half():
    categories, speakers = [0, 0, 1, 1], [0, 0, 0, 0]
    near = np.array([[0, 1, 5, 5], [1, 0, 5, 5], [5, 5, 0, 1], [5, 5, 1, 0]], dtype=float)
    assert abx_errors(near, categories, speakers).within == 0.0
    assert abx_errors(6 - near, categories, speakers).within == 1.0
    assert abx_errors(np.ones((4, 4)), categories, speakers).within == 0.5
    assert abx_errors(near, categories, speakers).across is None


def test_abx_across_speakers_takes_x_from_another_one():
    rng = np.random.default_rng(4)
    words, voices = rng.normal(size=(3, 8)), 3 * rng.normal(size=(2, 8))
    items = [(word, speaker, words[word] + voices[speaker] + 0.1 * rng.normal(size=(5, 8)))
             for word in range(3) for speaker in range(2) for _ in range(4)]
    distances = warped_distances([item for _, _, item in items])
    score = abx_errors(distances, [word for word, _, _ in items], [speaker for _, speaker, _ in items])
    assert score.within < 0.05 and score.across > score.within + 0.05
    chance = abx_errors(rng.random((24, 24)), [word for word, _, _ in items], [speaker for _, speaker, _ in items])
    assert chance.within == pytest.approx(0.5, abs=0.1) and chance.across == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: fit_probe(np.zeros((3, 2)), [0, 0, 0]), "3 examples with 3 labels of 1 classes cannot be fitted"),
    (lambda: fit_probe(np.zeros((3, 2)), [0, 1]), "3 examples with 2 labels of 2 classes"),
    (lambda: warped_distances([np.zeros((0, 2)), np.ones((1, 2))]), "items of one frame at least"),
])
def test_what_cannot_be_measured_is_said(call, message):
    with pytest.raises(DataError, match=message):
        call()
