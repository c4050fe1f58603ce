"""Errors of fundamental frequency and voicing between two tracks of F0. No torch.

Over frames, with f of the reference and f' of the output, in Hz, 0 where unvoiced:

    F0 RMSE      sqrt(mean (1200 log2(f'/f))^2) over the frames voiced in both, in cents
    fine RMSE    the same without the gross errors
    gross error  share of the frames voiced in both with |f'/f - 1| > 0.2 (Rabiner et al. 1976)
    V/UV error   share of all frames that are voiced in one and not in the other
    frame error  share of all frames that have either error (Chu and Alwan 2009, eq. 4)

A track is as good as its tracker: two recordings of one voice never have 0. Both are tracked in the same way.
"""
import numpy as np

from core_scripts.errors import DataError
from core_scripts.evaluation.metric import LOWER, Family, Figure, Metric, Pair, figure_of, undefined
from core_scripts.features.f0 import DEFAULT_F0, track_f0

_GROSS = 0.2
_BOTH = "frames voiced in both"
_TRACKER = str(DEFAULT_F0)
_NONE_IN_BOTH = "no frame is voiced in both"

METRICS = (
    Metric("f0_rmse_cents", "F0 RMSE", "cents", LOWER, f"{_BOTH}, gross errors included; {_TRACKER}", "definition"),
    Metric("f0_fine_rmse_cents", "fine F0 RMSE", "cents", LOWER, f"{_BOTH}, gross errors left out; {_TRACKER}",
           "Rabiner et al. 1976"),
    Metric("gross_pitch_error", "gross pitch error", "", LOWER, f"{_BOTH}, more than 20 % apart; {_TRACKER}",
           "Rabiner et al. 1976"),
    Metric("vuv_error", "V/UV error", "", LOWER, f"all frames; {_TRACKER}", "Chu and Alwan 2009"),
    Metric("f0_frame_error", "F0 frame error", "", LOWER, f"all frames, voicing or 20 % wrong; {_TRACKER}",
           "Chu and Alwan 2009, eq. 4"),
)


def families_at(rate_hz: int) -> tuple[Family, ...]:
    """The one family of pitch, which tracks both waveforms once."""
    return (Family(METRICS, _measure),)


def compare_tracks(reference_hz: np.ndarray, output_hz: np.ndarray) -> tuple[Figure, ...]:
    """Figures in the order of METRICS, of two tracks (F,) in Hz, 0 where unvoiced.

    Undefined where no frame is voiced in both, the errors of voicing only where none is voiced in either.
    Raises: DataError for tracks of different length.
    """
    if reference_hz.shape != output_hz.shape:
        raise DataError(f"tracks of F0 of {len(reference_hz)} and {len(output_hz)} frames do not compare; track both "
                        f"with one hop, and cut the waveforms to one length")
    voiced, found = reference_hz > 0, output_hz > 0
    both, either = voiced & found, voiced | found
    if not either.any():
        return (undefined("no frame of either is voiced"),) * len(METRICS)
    cents = 1200.0 * np.log2(output_hz[both] / reference_hz[both])
    is_gross = np.abs(output_hz[both] / reference_hz[both] - 1.0) > _GROSS
    swapped, frames = int(np.count_nonzero(voiced != found)), len(voiced)
    return (_rms(cents, _NONE_IN_BOTH),
            _rms(cents[~is_gross], "every frame voiced in both is a gross error" if both.any() else _NONE_IN_BOTH),
            figure_of(is_gross.mean(), len(cents)) if both.any() else undefined(_NONE_IN_BOTH),
            figure_of(swapped / frames, frames),
            figure_of((swapped + np.count_nonzero(is_gross)) / frames, frames))


def _measure(pair: Pair) -> tuple[Figure, ...]:
    try:
        return compare_tracks(track_f0(pair.reference, pair.rate_hz), track_f0(pair.output, pair.rate_hz))
    except DataError as fault:  # a rate that is too low
        return (undefined(str(fault)),) * len(METRICS)


def _rms(values: np.ndarray, why: str) -> Figure:
    return figure_of(np.sqrt(np.mean(np.square(values))), len(values)) if len(values) else undefined(why)
