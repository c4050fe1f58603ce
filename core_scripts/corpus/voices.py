"""Who speaks in the synthetic corpus, and what can be said: plain tables.

Formant values follow the averages of Peterson and Barney (1952) for men, rounded; loci of consonants are textbook
values. Every number is in Hz, seconds or linear amplitude.
"""
from dataclasses import dataclass

PAUSE = "_"


@dataclass(frozen=True, kw_only=True)
class Voice:
    """A speaker."""

    name: str
    f0_hz: float  # middle of the range
    f0_range: float  # highest accent over the middle, as a ratio
    tract: float  # all formants are multiplied by it: 1 for a tract of 17 cm, more for a shorter one
    open_quotient: float  # share of a period in which the glottis is open
    breath: float  # aspiration noise over the pulses
    tilt_hz: float  # corner of the low-pass that softens the pulses
    pace: float  # durations are divided by it


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A sound: where its formants head for, what excites it, how long it lasts."""

    name: str
    kind: str  # vowel, nasal, fricative, stop or pause
    formants_hz: tuple[float, float, float, float, float]
    voicing: float = 0.0  # level of the pulses
    noise: float = 0.0  # level of the noise made in the mouth
    noise_hz: float = 4000.0  # centre of that noise
    noise_width_hz: float = 2000.0
    seconds: tuple[float, float] = (0.05, 0.1)  # shortest and longest
    burst_seconds: float = 0.0  # stops: noise only in this last part; before it the mouth is closed


VOICES = (
    Voice(name="ada", f0_hz=205.0, f0_range=1.30, tract=1.16,
          open_quotient=0.65, breath=0.030, tilt_hz=2600.0, pace=1.0),
    Voice(name="ben", f0_hz=112.0, f0_range=1.25, tract=1.00,
          open_quotient=0.55, breath=0.012, tilt_hz=3600.0, pace=0.95),
    Voice(name="cleo", f0_hz=175.0, f0_range=1.40, tract=1.10,
          open_quotient=0.70, breath=0.060, tilt_hz=2000.0, pace=1.1),
    Voice(name="dan", f0_hz=88.0, f0_range=1.20, tract=0.93,
          open_quotient=0.50, breath=0.008, tilt_hz=3000.0, pace=0.9),
    Voice(name="eve", f0_hz=240.0, f0_range=1.25, tract=1.22,
          open_quotient=0.60, breath=0.020, tilt_hz=3200.0, pace=1.15),
    Voice(name="finn", f0_hz=135.0, f0_range=1.35, tract=1.05,
          open_quotient=0.60, breath=0.040, tilt_hz=2400.0, pace=1.05),
)

_VOWEL = {"kind": "vowel", "voicing": 1.0, "seconds": (0.09, 0.20)}
_NASAL = {"kind": "nasal", "voicing": 0.45, "seconds": (0.06, 0.10)}

UNITS = {
    unit.name: unit
    for unit in (
        Unit(name="a", formants_hz=(730, 1090, 2440, 3400, 4500), **_VOWEL),
        Unit(name="e", formants_hz=(530, 1840, 2480, 3500, 4500), **_VOWEL),
        Unit(name="i", formants_hz=(270, 2290, 3010, 3600, 4600), **_VOWEL),
        Unit(name="o", formants_hz=(570, 840, 2410, 3300, 4400), **_VOWEL),
        Unit(name="u", formants_hz=(300, 870, 2240, 3300, 4400), **_VOWEL),
        Unit(name="m", formants_hz=(250, 1000, 2200, 3200, 4400), **_NASAL),
        Unit(name="n", formants_hz=(250, 1600, 2600, 3400, 4500), **_NASAL),
        Unit(name="s", kind="fricative", formants_hz=(320, 1700, 2600, 3500, 4600),
             noise=0.30, noise_hz=5600.0, noise_width_hz=1800.0, seconds=(0.08, 0.14)),
        Unit(name="f", kind="fricative", formants_hz=(320, 1100, 2300, 3300, 4400),
             noise=0.12, noise_hz=4200.0, noise_width_hz=6000.0, seconds=(0.07, 0.12)),
        Unit(name="t", kind="stop", formants_hz=(320, 1750, 2600, 3500, 4600),
             noise=0.35, noise_hz=4200.0, noise_width_hz=2500.0, seconds=(0.06, 0.09), burst_seconds=0.020),
        Unit(name="k", kind="stop", formants_hz=(320, 1900, 2200, 3300, 4500),
             noise=0.40, noise_hz=1900.0, noise_width_hz=900.0, seconds=(0.06, 0.10), burst_seconds=0.030),
        Unit(name=PAUSE, kind="pause", formants_hz=(500, 1500, 2500, 3500, 4500), seconds=(0.05, 0.12)),
    )
}


def unit_names(*kinds: str) -> tuple[str, ...]:
    """Names of all units of these kinds, in the order of the table."""
    return tuple(unit.name for unit in UNITS.values() if unit.kind in kinds)
