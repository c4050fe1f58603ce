"""What discrete units carry: how many are in use, how many bits, how much of content and speaker. No torch.

Units are a list of one-dimensional integer arrays in [0, count), one per utterance.
"""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.cluster.vq import kmeans2, vq

from core_scripts.constants import STREAM_EVALUATION
from core_scripts.errors import DataError
from core_scripts.permutation import epoch_order
from core_scripts.streams import uniforms

Units = Sequence[np.ndarray]

_SHUFFLES = 5


def unit_entropy_bits(units: Units) -> float:
    """Entropy of a unit by its frequency, H = -sum of p log2 p, in bits. Raises: DataError if there are none."""
    joined = _join(units)
    return _entropy_bits(np.bincount(joined))


def perplexity(units: Units) -> float:
    """2**H, the number of units that would be as surprising if all were used alike. Raises: DataError.

    Over a whole set: that of single batches is smaller, because few tokens cannot show many units.
    """
    return 2.0 ** unit_entropy_bits(units)


def used_share(units: Units, count: int) -> float:
    """Share of the `count` units that occur at all. Raises: DataError."""
    return len(np.unique(_join(units))) / count


def bits_per_second(units: Units, seconds: float) -> float:
    """(N / seconds) H with N units in all, the bitrate of the ZeroSpeech challenge 2019 (Dunbar et al. 2019).

    seconds: of all utterances together. Units that last may be joined before by `join_runs`; N then is smaller.
    Raises: DataError if there are no units or seconds are not above 0.
    """
    if not seconds > 0:
        raise DataError(f"the bitrate over {seconds} seconds means nothing; give the length of all utterances together")
    return len(_join(units)) / seconds * unit_entropy_bits(units)


def join_runs(units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Units of which no neighbours are equal, and where each begins: [7, 7, 3] becomes [7, 3] and [0, 2]."""
    starts = np.flatnonzero(np.r_[True, units[1:] != units[:-1]]) if len(units) else np.zeros(0, dtype=np.int64)
    return units[starts], starts


@dataclass(frozen=True)
class SharedInformation:
    """How much of a label the units tell: 0 nothing, 1 all of it."""

    plain: float  # I(unit; label) / H(label), from the counts as they are
    shuffled: float  # the same with units in random order: what few tokens pretend

    @property
    def beyond_chance(self) -> float:
        """plain - shuffled, the figure to compare."""
        return self.plain - self.shuffled


def label_information(units: Units, labels: Sequence[np.ndarray], seed: int = 0) -> SharedInformation:
    """Normalised mutual information PNMI = I(unit; label) / H(label) (Hsu et al. 2021), and chance's.

    labels: per utterance one array of integers from 0 on, as long as the units. The counts overestimate I where the
    table of units and labels has not far fewer cells than there are tokens, by as much for units in random order.
    Raises: DataError if lengths differ, or all labels are equal.
    """
    if [len(own) for own in units] != [len(own) for own in labels]:
        raise DataError("every utterance needs as many labels as it has units; repeat or cut the labels")
    joined, told = _join(units), np.concatenate(labels)
    if not np.any(told != told[0]):
        raise DataError("all labels are equal, there is nothing that units could tell of them")
    chance = [_share_of_entropy(joined[epoch_order(seed, shuffle, len(joined))], told) for shuffle in range(_SHUFFLES)]
    return SharedInformation(_share_of_entropy(joined, told), float(np.mean(chance)))


def position_labels(words: Sequence[int], lengths: Sequence[int], parts: int = 5) -> list[np.ndarray]:
    """A stand-in for phones: the word and which of `parts` equal parts of it a token lies in, one array per word."""
    return [word * parts + np.arange(length) * parts // max(1, length)
            for word, length in zip(words, lengths, strict=True)]


def energy_r2(train: tuple[Units, Sequence[np.ndarray]], test: tuple[Units, Sequence[np.ndarray]]) -> float:
    """R**2 of a token's log energy guessed from its unit alone: 1 - (squared error) / (variance), on the test set.

    train, test: units, and per utterance the mean log energy of each token. The guess is the training mean of the
    unit, or of all tokens for a unit that did not occur. Units that leave out the level let generation fall silent.
    Raises: DataError.
    """
    train_units, train_energy = _join(train[0]), np.concatenate(train[1])
    test_units, test_energy = _join(test[0]), np.concatenate(test[1])
    size = 1 + max(train_units.max(), test_units.max())
    counts, sums = np.bincount(train_units, minlength=size), np.bincount(train_units, train_energy, size)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), train_energy.mean())
    error = np.square(test_energy - means[test_units]).sum()
    return float(1 - error / np.square(test_energy - test_energy.mean()).sum())


def cluster_frames(train: Sequence[np.ndarray], count: int, seed: int, most: int = 20000) -> np.ndarray:
    """k-means over frames (T, D) of many utterances, the classical units (scipy's kmeans2), (count, D) float64.

    At most `most` frames, drawn by the seed. Raises: DataError if there are fewer frames than clusters.
    """
    frames = np.concatenate(train).astype(np.float64)
    if len(frames) < count:
        raise DataError(f"{len(frames)} frames cannot make {count} clusters; give more utterances or take fewer")
    drawn = epoch_order(seed, 0, len(frames))[:most]
    centroids, _ = kmeans2(frames[drawn], count, iter=30, minit="++", seed=seed)
    return centroids


def frames_to_units(frames: Sequence[np.ndarray], centroids: np.ndarray) -> list[np.ndarray]:
    """The nearest centroid of every frame."""
    return [vq(own.astype(np.float64), centroids)[0] for own in frames]


def random_units(lengths: Sequence[int], count: int, seed: int) -> list[np.ndarray]:
    """Units that carry nothing: each of `count` alike and independent of all else."""
    drawn = (uniforms(seed, STREAM_EVALUATION, count=sum(lengths)) * count).astype(np.int64)
    return np.split(drawn, np.cumsum(lengths)[:-1])


def _join(units: Units) -> np.ndarray:
    joined = np.concatenate([np.zeros(0, dtype=np.int64), *units])
    if not len(joined):
        raise DataError("there are no units; give at least one utterance of one token")
    return joined


def _entropy_bits(counts: np.ndarray) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def _share_of_entropy(units: np.ndarray, labels: np.ndarray) -> float:
    table = np.bincount(units * (labels.max() + 1) + labels)
    own, other = _entropy_bits(np.bincount(units)), _entropy_bits(np.bincount(labels))
    return (own + other - _entropy_bits(table)) / other
