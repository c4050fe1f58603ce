"""All metrics of sound, by the rate that their settings follow from."""
from core_scripts.evaluation import cepstral, intelligibility, level, pitch, spectral
from core_scripts.evaluation.metric import Family

_MODULES = (spectral, cepstral, pitch, intelligibility, level)


def families_at(rate_hz: int) -> tuple[Family, ...]:
    """The families that compare waveforms or look at one, in the order of the tables."""
    return tuple(family for module in _MODULES for family in module.families_at(rate_hz))
