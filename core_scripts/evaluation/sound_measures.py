"""Which metrics and which baselines apply to a recipe that writes sound."""
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from core_scripts.config_parse.data_config import CorpusSpec, StreamSpec
from core_scripts.data_io.file_io import is_audio
from core_scripts.evaluation.families import families_at
from core_scripts.evaluation.griffin_lim import invert_frames
from core_scripts.evaluation.reextraction import family_of
from core_scripts.evaluation.sound_files import SoundFiles
from core_scripts.evaluation.sound_rows import Baseline, Measures
from core_scripts.evaluation.words import fit_words, read_words
from core_scripts.features import mulaw
from core_scripts.features.feature_record import FeatureRecord
from core_scripts.features.file_frames import file_frames

_LEVELS = 256


def measures_for(corpora: Sequence[CorpusSpec], rate_hz: int) -> Measures:
    """For the test corpora and the rate of what was generated, which the settings of metrics follow from.

    Where nothing but the waveform itself goes in, an output is not meant to be like its recording, and only what needs
    no recording is measured.
    """
    if not any(_tells_content(stream) for corpus in corpora for stream in corpus.inputs):
        return Measures(tuple(family for family in families_at(rate_hz) if not family.needs_reference))
    front_ends = {stream.front_end for corpus in corpora for stream in corpus.inputs if stream.front_end is not None}
    front_end = front_ends.pop() if len(front_ends) == 1 else None
    baselines: dict[str, Baseline] = {}
    if front_end is not None:
        baselines["Griffin-Lim"] = lambda source, other: griffin_lim(front_end, source)
    baselines["mu-law"] = lambda source, other: round_trip(source)
    baselines["another"] = lambda source, other: other
    given = (family_of(front_end),) if front_end is not None else ()
    return Measures(families_at(rate_hz), given, baselines, repr(front_end))


def with_words(measures: Measures, how: str, sounds: Sequence[SoundFiles], recordings: Mapping[str, Path],
               rate_hz: int) -> Measures:
    """The same, and whether the word of each output is heard. how: as --words has it; recordings: to learn from.

    Raises: DataError as `read_words` and `fit_words`.
    """
    spoken = read_words(how, [*recordings, *(sound.name for sound in sounds)])
    families = (*measures.families, fit_words(recordings, spoken, rate_hz).family(spoken))
    return replace(measures, families=families, about=f"{measures.about} {sorted(spoken.items())}")


def _tells_content(stream: StreamSpec) -> bool:
    return stream.front_end is not None or not is_audio(Path(f"x{stream.ext}"))


def round_trip(wave: np.ndarray) -> np.ndarray:
    """A waveform (N,) after quantisation to 256 mu-law levels: what a perfect model of such codes would make."""
    codes = mulaw.encode(torch.from_numpy(wave), _LEVELS)
    return mulaw.decode(codes, _LEVELS).double().numpy()


def griffin_lim(front_end: FeatureRecord, wave: np.ndarray) -> np.ndarray:
    """What Griffin and Lim's method makes of the frames of a waveform (N,), of equal length."""
    made = invert_frames(front_end, file_frames(front_end, wave))
    return made[: len(wave)]
