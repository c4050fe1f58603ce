"""All metrics of sound, by the rate that their settings follow from."""
from core_scripts.evaluation import level
from core_scripts.evaluation.metric import Family


def families_at(rate_hz: int) -> tuple[Family, ...]:
    """The families that compare waveforms or look at one, in the order of the tables."""
    return level.families_at(rate_hz)
