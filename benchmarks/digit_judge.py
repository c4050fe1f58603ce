"""Judges of recorded and generated digits: who speaks, and which digit it is."""
from collections.abc import Sequence

from benchmarks.digit_takes import Take
from core_scripts import log
from core_scripts.evaluation.probes import Judge, fit_judge, score_conversion
from core_scripts.evaluation.words import add_noise, judged_mel
from core_scripts.features.config_mel import MelConfig


def make_judge(mel: MelConfig, names: Sequence[str], train: Sequence[Take], test: Sequence[Take]) -> Judge:
    """Trained on natural takes and on copies with white noise and mu-law, which generators have."""
    waves = [wave for number, take in enumerate(train) for wave in (take.wave, add_noise(take.wave, number))]
    takes = [take for take in train for _ in range(2)]
    judge = fit_judge([judged_mel(mel, wave) for wave in waves], [names.index(take.speaker) for take in takes],
                      [take.digit for take in takes])
    speakers = [names.index(take.speaker) for take in test]
    natural = score_conversion(judge, [judged_mel(mel, take.wave) for take in test], speakers, speakers,
                               [take.digit for take in test])
    log.note(f"  the judge on natural test takes: speaker {natural.target:.3f}, digit {natural.content_kept:.3f}")
    return judge
