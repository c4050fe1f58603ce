"""Whether generated sounds do what their frames say: as fast, as loud at the same times, and each in its own way."""
from collections import Counter
from collections.abc import Sequence

import numpy as np

from core_scripts.evaluation.sound_facts import correlation, speed_of
from core_scripts.evaluation.sound_findings import (
    OTHER_STATE,
    TRAIN_ON,
    Finding,
    Heard,
    count_of,
    names_of,
)

_FOLLOWS = 0.35  # mean correlation of energies below which the condition hardly counts
_SURELY = 0.7  # above it nothing else is asked
_BETTER = 0.15  # by which the own frames must beat those of another utterance, which speech follows a little as well
_CLEAR = 0.75  # correlation at which a speed is told
_UNHEARD = (f"{TRAIN_ON}; python main.py evaluate tells what frames are worth to the model (other file): "
            "if nothing, see that frames and recordings belong together")


def judge_condition(heard: Sequence[Heard]) -> list[Finding]:
    """At most one finding; none where there is no recording to follow and no two outputs are alike."""
    alike = [one for one in heard if one.alike]
    if len(heard) > 1 and 2 * len(alike) > len(heard) - 1:
        return [Finding(f"alike, although their frames are not: {count_of(alike, heard)} repeat the one before",
                        _UNHEARD)]
    given, own = [], []
    for one in heard:
        follows = None if one.recording is None else correlation(one.output.envelope, one.recording.envelope)
        if follows is not None:
            given.append(one)
            own.append(follows)
    if not given:
        return []
    others = [correlation(one.output.envelope, _other(given, number)) or 0.0 for number, one in enumerate(given)]
    mean, mean_of_others = float(np.mean(own)), float(np.mean(others))
    if mean < _FOLLOWS or (mean < _SURELY and mean - mean_of_others < _BETTER):
        return [_too_fast(given) or Finding(
            f"their frames hardly count: {len(given)} of {len(heard)} compared; energies correlate {mean:.2f} with "
            f"their own recordings, {mean_of_others:.2f} with others", _UNHEARD, noisy=True)]
    lost = [one for one, follows in zip(given, own, strict=True) if follows < _BETTER]
    return [Finding(f"astray: the energy of {count_of(lost, heard)} does not follow its frames{names_of(lost, heard)}",
                    f"{TRAIN_ON}, or {OTHER_STATE}")] if lost else []


def _too_fast(given: Sequence[Heard]) -> Finding | None:
    """Where most files run at one speed that is not that of their frames."""
    fits = [speed_of(one.output.envelope, one.recording.envelope) for one in given]
    speeds = Counter(factor for factor, follows in fits if follows > _CLEAR).most_common(1)
    if not speeds or 2 * speeds[0][1] <= len(given):
        return None
    return Finding(f"{speeds[0][0]:.3g} times as fast as their frames: {speeds[0][1]} of {len(given)} compared",
                   "the rate of the frames and that of the outputs differ: set wav_samp_rate to the former")


def _other(given: Sequence[Heard], number: int) -> np.ndarray:
    """The envelope of another utterance's recording; of a single one its own, turned by half."""
    envelope = given[number - 1].recording.envelope
    return envelope if len(given) > 1 else np.roll(envelope, len(envelope) // 2)
