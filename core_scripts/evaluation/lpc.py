"""Linear prediction that adapts backwards: what classical speech coding knows of the next sample, without training.

Of each utterance alone, nothing sent beside the codes, so it is a fair rival of an autoregressive network: a WaveNet
that does not beat it has learnt less than 16 coefficients say. The state starts anew with every utterance. No torch.
"""
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from core_scripts.errors import DataError
from core_scripts.evaluation.baselines import Costs, Score

ORDER = 16
_BLOCK = 16  # samples that one set of coefficients predicts
_PAST = 256  # samples that it is fitted to
_WHITE_NOISE = 1.0 + 5e-4  # on the autocorrelation at lag 0, as codecs have it (ITU-T G.728)
_SILENCE = 1e-6  # added there, so that zeros have a solution
_SCALE_START, _SCALE_FLOOR = 0.005, 2e-5
_SCALE_DECAY = math.exp(-1.0 / 15.0)  # time constant 15 samples
_UNIFORM = 0.002  # share of a uniform distribution, which bounds what one surprise can cost
_CHUNK = 2**16  # samples whose frames are in memory at once
_CELLS = 2**22  # probabilities in memory at once


@dataclass(frozen=True)
class Scale:
    """What codes mean as amplitudes: `centres` (levels,) and the `borders` (levels - 1,) between them, ascending."""

    centres: np.ndarray
    borders: np.ndarray

    def encode(self, wave: np.ndarray) -> np.ndarray:
        """Codes of amplitudes of any shape."""
        return np.searchsorted(self.borders, wave, side="right")

    @property
    def levels(self) -> int:
        return len(self.centres)

    @property
    def is_uniform(self) -> bool:
        """Whether all cells but the outermost are equally wide; then the cell of the prediction is the likeliest."""
        widths = np.diff(self.borders)
        return len(widths) < 2 or float(np.ptp(widths)) < 1e-3 * float(widths.max())


def lpc_score(codes: Sequence[np.ndarray], scale: Scale) -> Score:
    """Every sample predicted from those before it in its utterance.

    Every 16 samples the normal equations are solved on the previous 256 amplitudes under the rising half of a Hann
    window; the probability of a code is what a Student t distribution with 5 degrees of freedom has between its
    borders, centred on the prediction, its scale a running mean of the |errors| so far.
    Raises: DataError if there are no codes, or they lie outside [0, scale.levels).
    """
    return lpc_costs(codes, scale).score()


def lpc_costs(codes: Sequence[np.ndarray], scale: Scale) -> Costs:
    """As `lpc_score`, for each utterance."""
    if not sum(map(len, codes)):
        raise DataError("there are no codes to predict; give at least one utterance of one sample")
    costs = [_score_utterance(own, scale) for own in codes]
    return Costs(np.array([len(own) for own in codes]), *np.array(costs, dtype=np.float64).T)


def predict_linearly(wave: np.ndarray) -> np.ndarray:
    """(T,) predictions of the samples of (T,) amplitudes, each from the past alone."""
    padded = np.concatenate([np.zeros(_PAST), wave, np.zeros(-len(wave) % _BLOCK)])
    return np.concatenate([_predict_blocks(padded[start:start + _CHUNK + _PAST])
                           for start in range(0, len(padded) - _PAST, _CHUNK)] or [wave])[:len(wave)]


def _score_utterance(codes: np.ndarray, scale: Scale) -> tuple[float, float]:
    if not len(codes):
        return 0.0, 0.0
    if not 0 <= codes.min() <= codes.max() < scale.levels:
        raise DataError(f"codes reach from {codes.min()} to {codes.max()}, outside [0, {scale.levels}); quantise with "
                        f"the same number of levels")
    wave = scale.centres[codes]
    predicted = predict_linearly(wave)
    errors = np.abs(wave - predicted)
    before = np.concatenate([[_SCALE_START], errors])[:-1]
    mean, _ = lfilter([1.0 - _SCALE_DECAY], [1.0, -_SCALE_DECAY], before, zi=[_SCALE_DECAY * _SCALE_START])
    spread = np.maximum(mean, _SCALE_FLOOR)
    rows = _CELLS if scale.is_uniform else max(1, _CELLS // scale.levels)
    cost = right = 0.0
    for start in range(0, len(codes), rows):
        part = slice(start, start + rows)
        more = _score_part(codes[part], predicted[part], spread[part], scale)
        cost, right = cost + more[0], right + more[1]
    return cost, right


def _score_part(codes: np.ndarray, predicted: np.ndarray, spread: np.ndarray, scale: Scale) -> tuple[float, float]:
    """(bits, number of right guesses) of samples one after the other."""
    edges = np.concatenate([[-np.inf], scale.borders, [np.inf]])
    upper = _student_cdf((edges[codes + 1] - predicted) / spread)
    lower = _student_cdf((edges[codes] - predicted) / spread)
    chances = (1.0 - _UNIFORM) * (upper - lower) + _UNIFORM / scale.levels
    if scale.is_uniform:
        guessed = np.searchsorted(scale.borders, predicted, side="right")
    else:
        cumulative = _student_cdf((scale.borders - predicted[:, None]) / spread[:, None])
        guessed = np.diff(cumulative, prepend=0.0, append=1.0).argmax(axis=1)
    return float(-np.log2(chances).sum()), float(np.count_nonzero(guessed == codes))


def _student_cdf(x: np.ndarray) -> np.ndarray:
    """Of Student's t with 5 degrees of freedom, in its closed form; x may be infinite."""
    y = np.clip(x, -1e100, 1e100) / math.sqrt(5.0)
    inverse = 1.0 / (1.0 + np.square(y))
    return 0.5 + (np.arctan(y) + y * inverse * (1.0 + inverse * (2.0 / 3.0))) / math.pi


def _predict_blocks(padded: np.ndarray) -> np.ndarray:
    """Predictions of padded[_PAST:], a whole number of blocks."""
    blocks = (len(padded) - _PAST) // _BLOCK
    window = 0.5 - 0.5 * np.cos(np.pi * (np.arange(_PAST) + 0.5) / _PAST)  # the newest samples weigh most
    past = np.lib.stride_tricks.sliding_window_view(padded, _PAST)[:blocks * _BLOCK:_BLOCK] * window
    lags = np.stack([np.einsum("bt,bt->b", past[:, lag:], past[:, :_PAST - lag]) for lag in range(ORDER + 1)], axis=1)
    lags[:, 0] = lags[:, 0] * _WHITE_NOISE + _SILENCE
    before = np.lib.stride_tricks.sliding_window_view(padded[_PAST - ORDER:-1], ORDER)
    return np.einsum("btk,bk->bt", before.reshape(blocks, _BLOCK, ORDER), solve_normal(lags)[0][:, ::-1]).reshape(-1)


def solve_normal(lags: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (B, order) of the previous samples, the newest first, from autocorrelations (B, order + 1); and what
    is left of the power with 0 to `order` coefficients, (B, order + 1).

    Levinson's recursion (Levinson 1947; Durbin 1960), all rows at once.
    """
    rows, order = lags.shape[0], lags.shape[1] - 1
    found, errors = np.zeros((rows, order)), np.zeros((rows, order + 1))
    errors[:, 0] = lags[:, 0]
    for step in range(order):
        reached = np.einsum("bk,bk->b", found[:, :step], lags[:, step:0:-1])
        reflection = (lags[:, step + 1] - reached) / errors[:, step]
        found[:, :step] -= reflection[:, None] * found[:, :step][:, ::-1]
        found[:, step] = reflection
        errors[:, step + 1] = errors[:, step] * (1.0 - np.square(reflection))
    return found, errors
