"""Mel-cepstral distance by DCT of log-mel frames, in dB.

    m = sqrt(2 / N) DCT(log-mel frame of N bands), the coefficients of ln|H| = m_0 / 2 + sum m_k cos(k w)
    distance = mean over frames of (10 / ln 10) sqrt(2 sum_{k = 1..K} (m_k - m'_k)^2)     (Kubichek 1993)

It is the RMS difference in dB of two spectra on the mel scale, smoothed to K coefficients, whatever their levels: the
same formula as the "MCD" of papers, whose m come from SPTK's mel-cepstral analysis or from other filters. Values do not
compare across those, which is why this one is called by its DCT.
"""
import math
from functools import partial

import numpy as np

from core_scripts.evaluation.abx import mean_along_paths
from core_scripts.evaluation.metric import LOWER, Family, Figure, Metric, Pair, figure_of, undefined
from core_scripts.features.config_mfcc import MfccConfig
from core_scripts.features.file_frames import file_frames

_NARROW_RATE_HZ, _NARROW_COEFFICIENTS, _COEFFICIENTS = 12000, 12, 24  # fewer below this rate
_BANDS = 40
_LARGEST_TABLE = 6000 * 6000  # frames of both: a minute against a minute takes half a GB
_FACTOR = 10.0 / math.log(10.0) * math.sqrt(2.0)
_SOURCE = "Kubichek 1993, cepstra by DCT"


def families_at(rate_hz: int) -> tuple[Family, ...]:
    """The distance frame by frame, and along the best path, where lengths may differ."""
    config = cepstra_at(rate_hz)
    settings = (f"c1-c{config.coefficients - 1} of the DCT of {config.bands} log-mel bands "
                f"{config.low_hz:g}-{config.top_hz:g} Hz, {config.fft}/{config.hop}/{config.window} samples "
                f"(fft/hop/window)")
    direct = Metric("mel_dct_distance_db", "mel-DCT cepstral distance", "dB", LOWER, settings, _SOURCE)
    warped = Metric("mel_dct_distance_dtw_db", "mel-DCT distance, warped", "dB", LOWER,
                    f"{settings}, mean along the best path of steps (1, 1), (1, 0), (0, 1)", f"{_SOURCE}; Sakoe and "
                    f"Chiba 1978")
    return (Family((direct,), partial(_direct, config)),
            Family((warped,), partial(_warped, config), lengths_may_differ=True))


def cepstra_at(rate_hz: int) -> MfccConfig:
    """The frames that are compared: 25 ms every 10 ms."""
    coefficients = _NARROW_COEFFICIENTS if rate_hz < _NARROW_RATE_HZ else _COEFFICIENTS
    hop = rate_hz // 100
    window = hop + 2 * ((rate_hz // 40 - hop) // 2)  # so that frames centre at any rate
    return MfccConfig.at_rate(rate_hz, window=window, bands=_BANDS, coefficients=coefficients + 1, deltas=False)


def cepstral_distance(given: np.ndarray, found: np.ndarray, bands: int) -> float:
    """Mean distance in dB of (F, K + 1) orthonormal DCT coefficients of `bands` log-mel bands, the first left out."""
    return float(_scaled(np.linalg.norm(given[:, 1:] - found[:, 1:], axis=1), bands).mean())


def _direct(config: MfccConfig, pair: Pair) -> tuple[Figure, ...]:
    given, found = (file_frames(config, wave).astype(np.float64) for wave in (pair.reference, pair.output))
    return (figure_of(cepstral_distance(given, found, config.bands), len(given)),)


def _warped(config: MfccConfig, pair: Pair) -> tuple[Figure, ...]:
    given, found = (file_frames(config, wave)[:, 1:].astype(np.float64) for wave in (pair.reference, pair.output))
    if len(given) * len(found) > _LARGEST_TABLE:
        return (undefined(f"a path through {len(given)} x {len(found)} frames takes too much memory; cut the "
                          f"recordings into pieces of a minute"),)
    squares = np.square(given).sum(1)[:, None] + np.square(found).sum(1) - 2.0 * given @ found.T
    costs = _scaled(np.sqrt(np.maximum(squares, 0.0)), config.bands)
    mean = mean_along_paths(costs[None], np.array([len(given)]), np.array([len(found)]))[0]
    return (figure_of(mean, max(len(given), len(found))),)


def _scaled(norms: np.ndarray, bands: int) -> np.ndarray:
    return _FACTOR * math.sqrt(2.0 / bands) * norms
