import numpy as np
import pytest

from core_scripts.errors import DataError
from core_scripts.evaluation.baselines import (
    bigram_bits,
    bigram_costs,
    flac_bits,
    marginal_bits,
    marginal_costs,
    persistence_accuracy,
    persistence_costs,
)


def drawn(levels: int, count: int, seed: int = 0, weights=None) -> np.ndarray:
    return np.random.default_rng(seed).choice(levels, size=count, p=weights)


@pytest.mark.parametrize("levels", [2, 16, 256])
def test_uniform_codes_cost_the_logarithm_of_the_levels(levels):
    every = [np.tile(np.arange(levels), 50)]
    assert marginal_bits(every, every, levels) == pytest.approx(np.log2(levels), abs=1e-12)


def test_independent_codes_cost_their_entropy_under_both_models():
    weights = np.array([0.5, 0.25, 0.125, 0.125])
    train, test = [drawn(4, 200_000, 1, weights)], [drawn(4, 200_000, 2, weights)]
    assert marginal_bits(train, test, 4) == pytest.approx(1.75, abs=0.01)
    assert bigram_bits(train, test, 4) == pytest.approx(1.75, abs=0.01)


def test_a_deterministic_chain_costs_nothing_once_the_one_before_is_known():
    chain = [np.tile(np.arange(8), 4000)]
    assert bigram_bits(chain, chain, 8) < 0.005
    assert marginal_bits(chain, chain, 8) == pytest.approx(3.0, abs=1e-9)


def test_a_markov_chain_costs_its_entropy_rate():
    flips = drawn(10, 300_000) == 0  # changes state with probability 0.1
    states = np.cumsum(flips) % 2
    rate = -(0.1 * np.log2(0.1) + 0.9 * np.log2(0.9))
    assert bigram_bits([states[:200_000]], [states[200_000:]], 2) == pytest.approx(rate, abs=0.01)
    assert persistence_accuracy([states]) == pytest.approx(0.9, abs=0.003)


def test_bigram_probabilities_follow_the_formula_on_a_case_done_by_hand():
    # train 0 1 0 2: marginal counts 2 1 1 + 1/2 each over 5.5; after 0 come 1 and 2, after 1 comes 0, after 2 nothing
    train, marginal = [np.array([0, 1, 0, 2])], np.array([2.5, 1.5, 1.5]) / 5.5
    costs = [
        marginal[2],  # first sample
        marginal[0],  # after 2, of which nothing is known
        (1 + 2 * marginal[1]) / (2 + 2),  # 0 -> 1
        (0 + 1 * marginal[1]) / (1 + 1),  # 1 -> 1, never seen
    ]
    assert bigram_bits(train, [np.array([2, 0, 1, 1])], 3) == pytest.approx(-np.mean(np.log2(costs)))


@pytest.mark.parametrize("seen", [0, 1, 3])
def test_bigram_probabilities_sum_to_one_after_any_code(seen):
    train = [np.array([0, 1, 1, 2, 0, 1]), np.array([0])]
    first = -np.log2((np.bincount(np.concatenate(train), minlength=4) + 0.5) / 9)[seen]
    costs = [2 * bigram_bits(train, [np.array([seen, after])], 4) - first for after in range(4)]
    assert np.exp2(-np.array(costs)).sum() == pytest.approx(1.0)


def test_accuracies_are_those_of_the_likeliest_codes():
    train = [np.array([0, 1, 0, 1, 0, 2, 2, 2, 2])]  # 2 is most frequent; after 0 comes 1, after 2 comes 2
    test = [np.array([2, 0, 1, 3])]
    assert marginal_costs(train, test, 4).score().accuracy == 0.25
    assert bigram_costs(train, test, 4).score().accuracy == 0.5  # 2 as first sample, 1 after 0


def test_repeating_the_last_code_costs_its_rate_of_repetition():
    codes = drawn(8, 40_000)
    sticky = np.where(np.random.default_rng(1).random(40_000) < 0.75, -1, codes)
    places = np.maximum.accumulate(np.where(sticky >= 0, np.arange(40_000), 0))
    series = codes[places]
    same = 0.75 + 0.25 / 8
    rate = -(same * np.log2(same) + (1 - same) * np.log2(0.25 / 8))
    score = persistence_costs([series], [series], 8).score()
    assert score.bits == pytest.approx(rate, abs=0.02)
    assert score.accuracy == pytest.approx(persistence_accuracy([series]), abs=1e-4) == pytest.approx(same, abs=0.01)


def test_the_stated_error_is_that_of_many_draws_of_utterances():
    dice = np.random.default_rng(0)

    def draw():
        return [np.where(dice.random(length) < share, 0, dice.integers(0, 4, length))
                for length, share in zip(dice.integers(20, 200, 50), dice.random(50), strict=True)]

    train = draw()
    found = [marginal_costs(train, draw(), 4) for _ in range(200)]
    spread = np.std([costs.score().bits for costs in found])
    assert np.median([costs.error_bits() for costs in found]) == pytest.approx(spread, rel=0.15)
    assert marginal_costs(train, train[:1], 4).error_bits() is None


def test_nothing_is_predicted_across_the_border_of_two_utterances():
    apart, joined = [np.array([0, 0]), np.array([1, 1])], [np.array([0, 0, 1, 1])]
    assert persistence_accuracy(apart) == 1.0
    assert persistence_accuracy(joined) == pytest.approx(2 / 3)
    assert bigram_bits(apart, apart, 2) != bigram_bits(joined, joined, 2)


def test_codes_unseen_in_training_cost_finitely_many_bits():
    assert marginal_bits([np.zeros(1000, int)], [np.array([255])], 256) == pytest.approx(np.log2(1128 / 0.5))
    assert np.isfinite(bigram_bits([np.zeros(1000, int)], [np.array([255, 17, 0, 3])], 256))


def test_narrow_integer_types_do_not_overflow():
    walk = np.clip(np.cumsum(drawn(3, 5000) - 1) + 128, 0, 255)
    assert bigram_bits([walk.astype(np.uint8)], [walk.astype(np.uint8)], 256) == bigram_bits([walk], [walk], 256)


def test_empty_utterances_count_nothing():
    codes, none = np.array([1, 0, 1, 1]), np.array([], dtype=int)
    assert bigram_bits([codes, none], [none, codes], 2) == bigram_bits([codes], [codes], 2)
    assert persistence_accuracy([none, codes]) == persistence_accuracy([codes])


@pytest.mark.parametrize("score", [marginal_bits, bigram_bits])
def test_codes_that_cannot_be_scored_are_refused(score):
    good = [np.array([0, 1])]
    with pytest.raises(DataError, match="there are no test codes"):
        score(good, [], 2)
    with pytest.raises(DataError, match=r"training codes number 1 reach from 0 to 2, outside \[0, 2\)"):
        score([*good, np.array([0, 2])], good, 2)
    with pytest.raises(DataError, match="test codes number 0 are 1-dimensional float64"):
        score(good, [np.array([0.5])], 2)


def test_persistence_of_single_samples_is_refused():
    with pytest.raises(DataError, match="at least two samples"):
        persistence_accuracy([np.array([3])])


def test_flac_cannot_shorten_white_noise_and_hardly_sends_silence():
    assert flac_bits([drawn(256, 100_000)], 256) == pytest.approx(8.0, abs=0.05)
    assert flac_bits([drawn(65536, 100_000)], 65536) == pytest.approx(16.0, abs=0.05)
    assert flac_bits([np.full(100_000, 128)], 256) < 0.05


def test_flac_predicts_what_a_bigram_cannot_and_has_16_bits_for_more_levels():
    lines = np.repeat(drawn(17, 500) - 8, 100).cumsum()  # straight for 100 samples, with one of 17 slopes
    lines = np.abs(lines % 500 - 250)
    assert flac_bits([lines], 256) < 2 < 3 < bigram_bits([lines], [lines], 256)
    assert flac_bits([lines], 1024) < 2


def test_flac_pays_its_header_once_for_all_utterances():
    codes = drawn(16, 40_000)
    assert flac_bits(np.split(codes, 100), 16) == flac_bits([codes], 16)


def test_flac_refuses_more_levels_than_16_bits_hold():
    with pytest.raises(DataError, match="131072 levels need more"):
        flac_bits([np.array([0, 70_000])], 2**17)
