import numpy as np
import pytest

from core_scripts.errors import DataError
from core_scripts.evaluation.units import (
    bits_per_second,
    cluster_frames,
    energy_r2,
    frames_to_units,
    join_runs,
    label_information,
    perplexity,
    position_labels,
    random_units,
    used_share,
)


def rng():
    return np.random.default_rng(0)


def test_perplexity_is_the_number_of_units_if_all_are_used_alike():
    assert perplexity([np.arange(8), np.arange(8)]) == pytest.approx(8.0)
    assert perplexity([np.zeros(9, dtype=int)]) == 1.0
    assert perplexity([np.array([0, 0, 0, 1])]) == pytest.approx(2 ** (2 - 0.75 * np.log2(3)))
    assert used_share([np.array([0, 5, 5])], 8) == 0.25


def test_bitrate_is_units_per_second_times_entropy():
    units = [np.arange(16), np.arange(16)]
    assert bits_per_second(units, 0.64) == pytest.approx(50 * 4.0)
    runs = [join_runs(np.repeat(own, 2))[0] for own in units]
    assert bits_per_second(runs, 1.28) == pytest.approx(25 * 4.0)


def test_runs_are_joined_with_their_places():
    units, starts = join_runs(np.array([7, 7, 3, 7, 7, 7]))
    assert units.tolist() == [7, 3, 7] and starts.tolist() == [0, 2, 3]
    assert [len(part) for part in join_runs(np.zeros(0, dtype=int))] == [0, 0]


def test_units_that_name_the_label_tell_all_of_it_and_random_ones_nothing_beyond_chance():
    labels = [rng().integers(10, size=400), rng().integers(10, size=100)]
    assert label_information([own * 3 for own in labels], labels).plain == pytest.approx(1.0)
    other = label_information(random_units([400, 100], 64, seed=1), labels)
    assert other.plain > 0.1 and abs(other.beyond_chance) < 0.03


def test_information_equals_the_closed_form_and_ignores_the_names_of_units():
    units, labels = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    entropy = 0.75 * np.log2(4 / 3) + 0.25 * 2
    want = (entropy - 0.5) / entropy  # H(label) - H(label | unit)
    assert label_information([units], [labels]).plain == pytest.approx(want)
    assert label_information([1 - units], [labels]).plain == pytest.approx(want)


def test_equal_parts_of_words_stand_in_for_phones():
    assert [own.tolist() for own in position_labels([0, 2], [5, 3])] == [[0, 1, 2, 3, 4], [10, 11, 13]]
    assert position_labels([1], [7])[0].max() == 9


def test_energy_is_guessed_from_the_unit_alone():
    units, energy = rng().integers(4, size=4000), rng().normal(size=4000)
    level = np.array([-3.0, 0.0, 1.0, 2.0])[units]
    assert energy_r2(([units], [level]), ([units], [level])) == pytest.approx(1.0)
    assert energy_r2(([units], [energy]), ([units], [energy])) == pytest.approx(0.0, abs=0.01)
    noisy = level + energy
    assert energy_r2(([units], [noisy]), ([units], [noisy])) == pytest.approx(level.var() / noisy.var(), abs=0.02)


def test_a_unit_not_seen_in_training_is_guessed_as_the_mean_of_all():
    train = [np.array([0, 0, 1, 1])], [np.array([1.0, 1.0, 3.0, 3.0])]
    assert energy_r2(train, ([np.array([0, 5])], [np.array([1.0, 2.0])])) == pytest.approx(1.0)


def test_k_means_units_find_the_clusters_and_follow_the_seed():
    centres = 10 * np.eye(5)
    frames = [centres[rng().integers(5, size=200)] + 0.1 * rng().normal(size=(200, 5)) for _ in range(3)]
    centroids = cluster_frames(frames, 5, seed=1)
    assert np.array_equal(centroids, cluster_frames(frames, 5, seed=1))
    units = frames_to_units(frames, centroids)
    assert np.abs(centroids[units[0]] - frames[0]).max() < 0.6
    assert perplexity(units) == pytest.approx(5.0, abs=0.3)


def test_random_units_are_used_alike():
    assert perplexity(random_units([5000] * 4, 64, seed=3)) == pytest.approx(64, abs=0.5)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: perplexity([]), "there are no units"),
    (lambda: bits_per_second([np.arange(3)], 0.0), "over 0.0 seconds means nothing"),
    (lambda: label_information([np.arange(3)], [np.arange(2)]), "as many labels as it has units"),
    (lambda: label_information([np.arange(3)], [np.zeros(3, dtype=int)]), "all labels are equal"),
    (lambda: cluster_frames([np.zeros((3, 2))], 4, seed=0), "3 frames cannot make 4 clusters"),
])
def test_what_cannot_be_measured_is_said(call, message):
    with pytest.raises(DataError, match=message):
        call()
