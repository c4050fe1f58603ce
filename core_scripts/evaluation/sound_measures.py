"""Which metrics and which baselines apply to a recipe that writes sound."""
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from core_scripts.config_parse.data_config import CorpusSpec
from core_scripts.errors import DataError
from core_scripts.evaluation.families import families_at
from core_scripts.evaluation.griffin_lim import invert_frames
from core_scripts.evaluation.reextraction import family_of
from core_scripts.evaluation.sound_rows import Baseline, Measures
from core_scripts.features import mulaw
from core_scripts.features.feature_record import FeatureRecord
from core_scripts.features.file_frames import file_frames

_LEVELS = 256


def measures_for(corpora: Sequence[CorpusSpec], settings: dict[str, Any]) -> Measures:
    """For the test corpora and the settings of a config.

    Raises: DataError if the config gives no rate, which all settings of metrics follow from.
    """
    rate_hz = settings.get("wav_samp_rate")
    if rate_hz is None:
        raise DataError("wav_samp_rate is None in config.py, and the settings of metrics follow from it; set it")
    front_ends = {stream.front_end for corpus in corpora for stream in corpus.inputs if stream.front_end is not None}
    front_end = front_ends.pop() if len(front_ends) == 1 else None
    baselines: dict[str, Baseline] = {}
    if front_end is not None:
        baselines["Griffin-Lim"] = lambda source, other: griffin_lim(front_end, source)
    baselines["mu-law"] = lambda source, other: round_trip(source)
    baselines["another"] = lambda source, other: other
    given = (family_of(front_end),) if front_end is not None else ()
    return Measures(families_at(rate_hz), given, baselines, repr(front_end))


def round_trip(wave: np.ndarray) -> np.ndarray:
    """A waveform (N,) after quantisation to 256 mu-law levels: what a perfect model of such codes would make."""
    codes = mulaw.encode(torch.from_numpy(wave), _LEVELS)
    return mulaw.decode(codes, _LEVELS).double().numpy()


def griffin_lim(front_end: FeatureRecord, wave: np.ndarray) -> np.ndarray:
    """What Griffin and Lim's method makes of the frames of a waveform (N,), of equal length."""
    made = invert_frames(front_end, file_frames(front_end, wave))
    return made[: len(wave)]
