"""How well simple guesses do on quantised waveforms: what a model must beat. No torch.

Codes are a list of one-dimensional integer arrays in [0, levels), one per utterance; bits are per sample.
"""
import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import soundfile

from core_scripts.errors import DataError

Codes = Sequence[np.ndarray]

_ADDED = 0.5  # count added to every code (Jeffreys' prior)
_FLAC_LEVELS = {"PCM_S8": 2**8, "PCM_16": 2**16}  # what libsndfile writes, the narrowest first
_FLAC_RATE_HZ = 16000  # stands in the header only: FLAC's prediction knows no rate


class Score(NamedTuple):
    """Of one way to guess the next code: bits per sample, and the share of samples whose likeliest code was right."""

    bits: float
    accuracy: float | None  # None: it names no likeliest code, as FLAC


class Costs(NamedTuple):
    """The same for each utterance: its samples, the bits of all of them, and how many were guessed; all (N,)."""

    samples: np.ndarray
    bits: np.ndarray
    right: np.ndarray

    def score(self) -> Score:
        """Of all utterances together."""
        return Score(*(float(part.sum() / self.samples.sum()) for part in (self.bits, self.right)))

    def error_bits(self) -> float | None:
        """Standard error of the bits per sample, the utterances being drawn at random; None for fewer than two.

        That of a ratio (Cochran 1977, eq. 2.39).
        """
        count = len(self.samples)
        if count < 2:
            return None
        apart = self.bits - self.samples * (self.bits.sum() / self.samples.sum())
        return float(np.sqrt(np.square(apart).sum() * count / (count - 1)) / self.samples.sum())


def marginal_bits(train_codes: Codes, test_codes: Codes, levels: int) -> float:
    """Bits per sample of the test codes under the frequencies of the training codes, each code counted 1/2 higher.

    Raises: DataError if there are no codes, or they are no integers in [0, levels).
    """
    return marginal_costs(train_codes, test_codes, levels).score().bits


def marginal_costs(train_codes: Codes, test_codes: Codes, levels: int) -> Costs:
    """As `marginal_bits`; the guess is the training set's most frequent code (majority)."""
    _check(train_codes, test_codes, levels)
    log2_marginal, asked = _log2_frequencies(train_codes, levels), np.concatenate(test_codes)
    return _per_utterance(test_codes, -log2_marginal[asked], asked == log2_marginal.argmax())


def bigram_bits(train_codes: Codes, test_codes: Codes, levels: int) -> float:
    """Bits per sample of the test codes, each predicted from the one before it.

    p(j | i) = (count(i, j) + kinds(i) p(j)) / (count(i) + kinds(i)), kinds(i) being the number of different codes
    seen after i (Witten and Bell 1991, method C, interpolated), and p(j) that of `marginal_bits`, which also predicts
    the first sample of each utterance. Memory grows with the pairs that occur, not with levels**2.
    Raises: DataError as `marginal_bits`.
    """
    return bigram_costs(train_codes, test_codes, levels).score().bits


def bigram_costs(train_codes: Codes, test_codes: Codes, levels: int) -> Costs:
    """As `bigram_bits`; the guess is the code that is likeliest after each."""
    _check(train_codes, test_codes, levels)
    log2_marginal = _log2_frequencies(train_codes, levels)
    marginal = np.exp2(log2_marginal)
    pairs, counts = np.unique(_pairs(train_codes, levels), return_counts=True)
    kinds = np.maximum(np.bincount(pairs // levels, minlength=levels), 1)  # 1: after unseen codes, the marginal alone
    totals = np.bincount(pairs // levels, weights=counts, minlength=levels)

    before, after, is_first = _neighbours(test_codes)
    seen = _look_up(pairs, counts, before * levels + after)
    later = np.log2((seen + kinds[before] * marginal[after]) / (totals + kinds)[before])

    guesses = np.full(levels, marginal.argmax())
    weights = counts + kinds[pairs // levels] * marginal[pairs % levels]
    likely = weights > (kinds * marginal.max())[pairs // levels]  # than a code not seen after this one
    rising = pairs[likely][np.argsort(weights[likely], kind="stable")]
    guesses[rising // levels] = rising % levels  # the last, heaviest one stays
    return _per_utterance(test_codes, -np.where(is_first, log2_marginal[after], later),
                          np.where(is_first, marginal.argmax(), guesses[before]) == after)


def persistence_accuracy(codes: Codes) -> float:
    """Share of samples that equal the one before them in the same utterance.

    Raises: DataError if no utterance has two samples.
    """
    pairs = sum(max(0, len(own) - 1) for own in codes)
    if not pairs:
        raise DataError("persistence needs an utterance of at least two samples; all of these are shorter")
    return float(sum(np.count_nonzero(own[1:] == own[:-1]) for own in codes) / pairs)


def persistence_costs(train_codes: Codes, test_codes: Codes, levels: int) -> Costs:
    """The last code, repeated with some probability.

    p(j | i) = r [i = j] + (1 - r) p(j), p(j) as in `marginal_bits`, which also predicts the first sample of each
    utterance; r is the likeliest one of the training codes. The guess is the last code, none for first samples.
    Raises: DataError as `marginal_bits`.
    """
    _check(train_codes, test_codes, levels)
    log2_marginal = _log2_frequencies(train_codes, levels)
    marginal = np.exp2(log2_marginal)
    rate = _repetition_rate(_pairs(train_codes, levels), marginal)
    before, after, is_first = _neighbours(test_codes)
    later = np.log2(rate * (before == after) + (1.0 - rate) * marginal[after])
    return _per_utterance(test_codes, -np.where(is_first, log2_marginal[after], later), (before == after) & ~is_first)


def flac_bits(test_codes: Codes, levels: int) -> float:
    """Bits per sample of the test codes as a FLAC stream whose samples the codes are, of 8 bits up to 256 levels.

    Linear prediction with Rice-coded residuals (RFC 9639) at libsndfile's default compression level, 5, all utterances
    one after the other, so that the header is paid once. Nothing is fitted beforehand: FLAC sends its coefficients.
    Raises: DataError as `marginal_bits`, and for more than 65536 levels.
    """
    _check(test_codes, test_codes, levels)
    widths = [(subtype, range_) for subtype, range_ in _FLAC_LEVELS.items() if levels <= range_]
    if not widths:
        raise DataError(f"FLAC is written with 16 bits per sample at most, {levels} levels need more; leave it out")
    subtype, range_ = widths[0]
    centred = np.concatenate(test_codes).astype(np.int64) - levels // 2
    samples = (centred * (2**16 // range_)).astype(np.int16)  # libsndfile takes the upper bits
    with io.BytesIO() as file:
        soundfile.write(file, samples, _FLAC_RATE_HZ, subtype, format="FLAC")
        return 8 * len(file.getvalue()) / len(samples)


def _log2_frequencies(codes: Codes, levels: int) -> np.ndarray:
    counts = np.bincount(np.concatenate(codes), minlength=levels) + _ADDED
    return np.log2(counts / counts.sum())


def _pairs(codes: Codes, levels: int) -> np.ndarray:
    """before * levels + after, for all neighbours inside the utterances."""
    return np.concatenate([own[:-1].astype(np.int64) * levels + own[1:] for own in codes])


def _neighbours(codes: Codes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For every code the one before it, itself, and whether it is an utterance's first one, which follows itself."""
    after = np.concatenate(codes).astype(np.int64)
    is_first = np.zeros(len(after), dtype=bool)
    starts = np.cumsum([0, *map(len, codes)])[:-1]
    is_first[starts[starts < len(after)]] = True
    return np.where(is_first, after, np.roll(after, 1)), after, is_first


def _per_utterance(codes: Codes, bits: np.ndarray, right: np.ndarray) -> Costs:
    """Sums over each utterance of what every code of all utterances costs."""
    samples = np.array([len(own) for own in codes])
    stops = np.cumsum(samples)
    sums = (np.concatenate([[0.0], np.cumsum(values)]) for values in (bits, right))
    return Costs(samples, *(total[stops] - total[stops - samples] for total in sums))


def _repetition_rate(pairs: np.ndarray, marginal: np.ndarray) -> float:
    """The likeliest r of `persistence_costs`, as if half a pair more of each kind had been seen (EM)."""
    before, after = pairs // len(marginal), pairs % len(marginal)
    same = np.bincount(before[before == after], minlength=len(marginal))
    rate = 0.5
    for _ in range(100):
        repeated = (same * rate / (rate + (1.0 - rate) * marginal)).sum()
        rate = (repeated + _ADDED) / (len(pairs) + 2 * _ADDED)
    return float(rate)


def _look_up(keys: np.ndarray, values: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """values where keys (ascending) hold what is asked, else 0."""
    if not len(keys):
        return np.zeros(len(asked), dtype=np.int64)
    places = np.searchsorted(keys, asked).clip(max=len(keys) - 1)
    return np.where(keys[places] == asked, values[places], 0)


def _check(train_codes: Codes, test_codes: Codes, levels: int) -> None:
    for kind, codes in (("training", train_codes), ("test", test_codes)):
        if not sum(map(len, codes)):
            raise DataError(f"there are no {kind} codes; give at least one utterance of one sample")
        for number, own in enumerate(codes):
            if own.ndim != 1 or not np.issubdtype(own.dtype, np.integer):
                raise DataError(f"{kind} codes number {number} are {own.ndim}-dimensional {own.dtype}; "
                                f"give one-dimensional integers")
            if len(own) and not 0 <= own.min() <= own.max() < levels:
                raise DataError(f"{kind} codes number {number} reach from {own.min()} to {own.max()}, "
                                f"outside [0, {levels}); quantise with the same number of levels")
