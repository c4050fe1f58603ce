"""Whether a vocoder's output has the features that it was made of: the loss-free test of an inverter.

    distance = mean over frames and values of |f(output) - f(source)| / s,  s: deviation of the value within the source

f are the recipe's own features. 0: all of them are there again. A signal of other content has about 1.1, the mean
distance of two normal numbers, in deviations.
"""
from functools import partial

import numpy as np

from core_scripts.evaluation.metric import LOWER, Family, Figure, Metric, Pair, figure_of, undefined
from core_scripts.features.feature_record import FeatureRecord
from core_scripts.features.file_frames import file_frames

_SMALLEST_DEVIATION = 1e-6


def family_of(front_end: FeatureRecord) -> Family:
    """For pairs whose reference is the recording that the frames were computed from."""
    metric = Metric("reextraction", "re-extracted features", "deviations", LOWER,
                    f"{front_end.formula}, {front_end.dim} values a frame, mean absolute difference to those given, in "
                    f"deviations of each value within the utterance", "definition")
    return Family((metric,), partial(_measure, front_end))


def _measure(front_end: FeatureRecord, pair: Pair) -> tuple[Figure, ...]:
    given, found = (file_frames(front_end, wave).astype(np.float64) for wave in (pair.reference, pair.output))
    deviation = given.std(0)
    told = deviation > _SMALLEST_DEVIATION
    if not told.any():
        return (undefined("no value of the given frames varies"),)
    distances = np.abs(found - given)[:, told] / deviation[told]
    return (figure_of(distances.mean(), len(given)),)
