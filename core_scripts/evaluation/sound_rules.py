"""When a figure of generated sounds is off, what that is called, and what to do next.

Tolerances lie between what speech, its 8-bit mu-law round trip and Griffin-Lim from 80 mel bands show against the
recordings (never off) and white noise, hiss of 10 dB, low-passed and cut sounds (always off): tests hold both.
"""
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from core_scripts.evaluation.level import CLIPPING, DC_OFFSET, LEVEL, SILENCE, TILT
from core_scripts.evaluation.metric import Metric
from core_scripts.evaluation.sound_facts import END, FLOOR, MOVEMENT
from core_scripts.evaluation.sound_findings import (
    OTHER_STATE,
    TRAIN_ON,
    Finding,
    Heard,
    count_of,
    names_of,
)
from core_scripts.evaluation.usual_sound import Usual

_SPREADS = 2.5  # standard deviations of single recordings that a sound may be away from their mean

_LEVELS = "see that the frames come from recordings as loud as those of training, and how output_norm is set"


@dataclass(frozen=True)
class Rule:
    """When a figure is off, and what follows; is_off(value, expected, tolerated) as in Expected."""

    metric: Metric
    fault: str
    is_off: Callable[[float, float, float], bool]
    remedy: str
    single: bool = False  # told of single files too; else only where most of them are off
    alone: float | None = None  # what is expected where there is no recording at all; None: nothing is said then
    noisy: bool = False  # as of a Finding


def above(least: float) -> Callable[[float, float, float], bool]:
    """More than expected, by at least so much."""
    return lambda value, expected, tolerated: value - expected > max(least, tolerated)


def below(least: float) -> Callable[[float, float, float], bool]:
    return lambda value, expected, tolerated: expected - value > max(least, tolerated)


# Of a sound that breaks one of these the others tell little.
NO_SOUND = (
    Rule(SILENCE, "silent", lambda value, expected, tolerated: value > max(0.9, expected + 0.1),
         f"see that their frames hold more than silence; {TRAIN_ON}, or {OTHER_STATE}", single=True, alone=0.2),
    Rule(MOVEMENT, "a steady noise or tone", lambda value, expected, tolerated: value < 2.5 and expected > 5.0,
         f"so sounds a network that has learned little: {TRAIN_ON}, or {OTHER_STATE}", single=True, alone=10.0),
    Rule(END, "silent before their end", below(0.25), f"generation fell silent: {TRAIN_ON}, or {OTHER_STATE}",
         single=True),
)
FAULTS = (
    Rule(DC_OFFSET, "shifted off zero",
         lambda value, expected, tolerated: abs(value) > abs(expected) + 0.01 + tolerated,
         f"the recordings are not: {TRAIN_ON}, or {OTHER_STATE}", single=True, alone=0.0),
    Rule(CLIPPING, "clipped", lambda value, expected, tolerated: value > 0.002 + 2.0 * expected + tolerated,
         f"the scale ends there: {TRAIN_ON}, or {OTHER_STATE}", single=True, alone=0.0, noisy=True),
    Rule(LEVEL, "too loud", above(10.0), _LEVELS),
    Rule(LEVEL, "too quiet", below(10.0), _LEVELS),
    Rule(TILT, "too bright", above(3.0), f"noise covers the highs: {TRAIN_ON}", noisy=True),
    Rule(TILT, "too dull", below(3.0), "highs are missing: see that the frames reach up to half the rate, and that "
         f"--temperature is not far below 1; {TRAIN_ON}"),
    Rule(FLOOR, "noisy in the pauses",
         lambda value, expected, tolerated: value > max(-30.0, expected + max(10.0, tolerated)),
         TRAIN_ON, noisy=True),
)


@dataclass(frozen=True)
class Expected:
    """tolerated: how far off a value may be, beside the rule's own tolerance; 0 against an own recording."""

    value: float
    tolerated: float
    whose: str


@dataclass(frozen=True)
class Expectations:
    """What figures outputs should have. usual: of training recordings; own_voice: they should sound as their own ones.
    """

    usual: Usual | None = None
    own_voice: bool = True

    def of(self, rule: Rule, one: Heard) -> Expected | None:
        """None where nothing tells."""
        if self.own_voice and one.recording is not None and not one.misfit:
            own = one.recording.value(rule.metric)
            return None if own is None else Expected(own, 0.0, "their recordings")
        if self.usual is not None and self.usual.rate_hz == one.output.rate_hz:
            known = self.usual.of(rule.metric)
            if known is not None:
                return Expected(known[0], _SPREADS * known[1], "training recordings")
        return None if rule.alone is None else Expected(rule.alone, 0.0, "recordings as a rule")

    def is_broken(self, rule: Rule, one: Heard) -> bool:
        value, expected = one.output.value(rule.metric), self.of(rule, one)
        return value is not None and expected is not None and rule.is_off(value, expected.value, expected.tolerated)


def judge_sounds(heard: Sequence[Heard], expected: Expectations) -> tuple[list[Finding], list[Heard]]:
    """What is off, and the files that have a sound which more can be asked of."""
    findings, sounding = [], list(heard)
    for rule in NO_SOUND + FAULTS:
        off = [one for one in sounding if expected.is_broken(rule, one)]
        if off and (rule.single or 2 * len(off) > len(heard)):
            findings.append(_tell(rule, off, heard, expected))
        if rule in NO_SOUND:
            sounding = [one for one in sounding if one not in off]
    return findings, sounding


def _tell(rule: Rule, off: Sequence[Heard], heard: Sequence[Heard], expected: Expectations) -> Finding:
    unit = f" {rule.metric.unit}" if rule.metric.unit else ""
    found = np.median([one.output.value(rule.metric) for one in off])
    wanted = [expected.of(rule, one) for one in off]
    return Finding(f"{rule.fault}: {count_of(off, heard)}{names_of(off, heard)}; {rule.metric.title} {found:.3g}{unit}"
                   f", of {wanted[0].whose} {np.median([one.value for one in wanted]):.3g}", rule.remedy, rule.noisy)
