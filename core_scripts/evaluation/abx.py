"""ABX discrimination of words by time warping: is X nearer to A, of its category, or to B, of another? No torch.

Schatz et al. 2013; the angular distance and the mean along the path are those of the ZeroSpeech challenges.
"""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core_scripts.errors import DataError

_PAIRS_AT_ONCE = 2000
_SMALLEST_NORM = 1e-9


@dataclass(frozen=True)
class AbxScore:
    """Error rates, 0.5 by chance; None where no triple could be formed."""

    within: float | None  # A, B and X of one speaker
    across: float | None  # A and B of one speaker, X of another


def warped_distances(items: Sequence[np.ndarray]) -> np.ndarray:
    """Distances of all pairs of items (T, D), (N, N): the mean angle along the best path, as a share of pi.

    The path goes by steps (1, 1), (1, 0), (0, 1) and has the smallest sum of angles (Sakoe and Chiba 1978).
    Raises: DataError for items without frames.
    """
    lengths = np.array([len(item) for item in items])
    if not len(lengths) or lengths.min() < 1:
        raise DataError("ABX needs items of one frame at least; leave empty ones out")
    padded = np.zeros((len(items), lengths.max(), items[0].shape[1]), dtype=np.float32)
    for row, item in zip(padded, items, strict=True):
        row[: len(item)] = item / np.maximum(np.linalg.norm(item, axis=1, keepdims=True), _SMALLEST_NORM)
    distances = np.zeros((len(items), len(items)))
    first, second = np.triu_indices(len(items), 1)
    order = np.argsort(lengths[first] * lengths[second], kind="stable")  # tables of like sizes together
    for start in range(0, len(first), _PAIRS_AT_ONCE):
        some = order[start : start + _PAIRS_AT_ONCE]
        a, b = first[some], second[some]
        cosines = np.matmul(padded[a, : lengths[a].max()], padded[b, : lengths[b].max()].swapaxes(1, 2))
        distances[a, b] = mean_along_paths(np.arccos(cosines.clip(-1, 1)) / np.pi, lengths[a], lengths[b])
    return distances + distances.T


def abx_errors(distances: np.ndarray, categories: Sequence[int], speakers: Sequence[int]) -> AbxScore:
    """Share of triples with d(A, X) > d(B, X), ties as half; A and X of one category, B of another.

    The mean is over triples within each (speakers, ordered pair of categories), then over these.
    distances: (N, N) as of `warped_distances`.
    """
    categories, speakers = np.asarray(categories), np.asarray(speakers)
    errors: dict[bool, list[float]] = {True: [], False: []}
    for own in np.unique(speakers):
        for other in np.unique(speakers):
            errors[own == other] += _category_errors(distances, categories, speakers == own, speakers == other)
    within, across = (float(np.mean(errors[same])) if errors[same] else None for same in (True, False))
    return AbxScore(within, across)


def _category_errors(distances: np.ndarray, categories: np.ndarray, ab: np.ndarray, x: np.ndarray) -> list[float]:
    """One error per ordered pair of categories; ab, x: (N,) bool, who may be A and B, and who may be X."""
    found = []
    for near in np.unique(categories[x]):
        places_x = np.flatnonzero(x & (categories == near))
        places_a = np.flatnonzero(ab & (categories == near))
        to_a = distances[np.ix_(places_a, places_x)]
        is_other = places_a[:, None] != places_x[None]
        for far in np.unique(categories[ab]):
            if far == near or not is_other.any():
                continue
            to_b = distances[np.ix_(np.flatnonzero(ab & (categories == far)), places_x)]
            gap = to_a[:, None] - to_b[None]
            wrong = (gap > 0) + 0.5 * (gap == 0)
            found.append(float(wrong.mean(1)[is_other].mean()))
    return found


def mean_along_paths(costs: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Mean cost along the cheapest path of each of (P, R, C) tables, from its corner to (rows - 1, columns - 1).

    All tables at once, one anti-diagonal after the other: of each only the two before are kept, by row, with a row of
    infinity above the first.
    """
    count, height, width = costs.shape
    cells = np.ascontiguousarray(costs.transpose(1, 2, 0)).reshape(height * width, count)
    shape = (height + 1, count)
    total, before = np.full(shape, np.inf, dtype=costs.dtype), np.full(shape, np.inf, dtype=costs.dtype)
    steps, steps_before = np.zeros(shape, dtype=costs.dtype), np.zeros(shape, dtype=costs.dtype)
    before[0] = 0.0  # what the corner comes from
    means = np.empty(count, dtype=costs.dtype)
    for diagonal in range(height + width - 1):
        low, high = max(0, diagonal - width + 1), min(height, diagonal + 1)  # rows of this diagonal
        best, walked = before[low:high].copy(), steps_before[low:high].copy()  # a step along both
        for one, way in ((total[low:high], steps[low:high]),  # along the rows alone
                         (total[low + 1 : high + 1], steps[low + 1 : high + 1])):  # along the columns alone
            is_better = one < best
            np.copyto(best, one, where=is_better)
            np.copyto(walked, way, where=is_better)
        first = low * width + diagonal - low
        best += cells[first : first + (high - low - 1) * (width - 1) + 1 : max(1, width - 1)]
        before, total, steps_before, steps = total, before, steps, steps_before
        total[:], steps[low + 1 : high + 1] = np.inf, walked + 1
        total[low + 1 : high + 1] = best
        ending = np.flatnonzero(rows + columns - 2 == diagonal)
        means[ending] = total[rows[ending], ending] / steps[rows[ending], ending]
    return means
