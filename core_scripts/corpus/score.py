"""What an utterance says: a sequence of units with durations, and a melody. Integers of frames; a frame is a hop."""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core_scripts.constants import STREAM_CORPUS
from core_scripts.corpus.voices import PAUSE, UNITS, Voice, unit_names
from core_scripts.streams import uniforms

FRAMES_PER_SECOND = 200

# The second coordinate of the stream of random numbers; the third is the utterance.
DRAW_SCORE = 0
DRAW_ASPIRATION = 1
DRAW_FRICATION = 2
DRAW_ROOM = 3

_DRAWS = 1024  # more than any utterance of 3 s needs
_LENGTHS = (290, 460)  # frames from which on no new word begins
_DECLINATION = 0.18  # F0 falls by this share from the first to the last frame
_ONSETS = unit_names("nasal", "fricative", "stop")
_VOWELS = unit_names("vowel")
_CODAS = unit_names("nasal", "fricative")


@dataclass(frozen=True)
class Segment:
    """One unit in frames [start, stop) of an utterance."""

    unit: str
    start: int
    stop: int
    stress: float  # loudness, a factor


@dataclass(frozen=True)
class Score:
    """All that is true of an utterance before it becomes sound."""

    voice: Voice
    segments: tuple[Segment, ...]  # tile [0, frames)
    f0_hz: np.ndarray  # (frames,) at the centre of each frame, also where unvoiced
    peak: float  # largest magnitude of the waveform

    @property
    def frames(self) -> int:
        return self.segments[-1].stop


class _Dice:
    """Consecutive draws from one stream."""

    def __init__(self, seed: int, utterance: int) -> None:
        self._numbers = iter(uniforms(seed, STREAM_CORPUS, DRAW_SCORE, utterance, count=_DRAWS).tolist())

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * next(self._numbers)

    def one_of(self, choices: Sequence[str]) -> str:
        return choices[int(next(self._numbers) * len(choices))]

    def chance(self, probability: float) -> bool:
        return next(self._numbers) < probability


def write_score(seed: int, utterance: int, voice: Voice) -> Score:
    """The score of one utterance of 1.5 to about 3 s, a function of its arguments alone."""
    dice = _Dice(seed, utterance)
    segments = _lay_out(dice, voice)
    return Score(voice, segments, _melody(dice, voice, segments), dice.between(0.5, 0.8))


def _lay_out(dice: _Dice, voice: Voice) -> tuple[Segment, ...]:
    """Syllables, grouped to words by short pauses, until a length drawn beforehand is reached."""
    wanted = dice.between(*_LENGTHS)
    segments: list[Segment] = []

    def add(name: str) -> None:
        start = segments[-1].stop if segments else 0
        seconds = dice.between(*UNITS[name].seconds) / voice.pace
        frames = max(2, round(seconds * FRAMES_PER_SECOND))
        segments.append(Segment(name, start, start + frames, dice.between(0.6, 1.0)))

    def add_other(names: Sequence[str]) -> None:
        add(dice.one_of([name for name in names if name != segments[-1].unit]))

    add(PAUSE)
    while segments[-1].stop < wanted:
        for _ in range(1 + dice.chance(0.7) + dice.chance(0.3)):
            if dice.chance(0.9):
                add_other(_ONSETS)
            add_other(_VOWELS)
        if dice.chance(0.3):
            add_other(_CODAS)
        if dice.chance(0.4) or segments[-1].stop >= wanted:
            add(PAUSE)
    return tuple(segments)


def _melody(dice: _Dice, voice: Voice, segments: tuple[Segment, ...]) -> np.ndarray:
    """Log F0: a falling line plus one accent per vowel, joined by straight lines and smoothed over 80 ms."""
    frames = segments[-1].stop
    vowels = [segment for segment in segments if UNITS[segment.unit].kind == "vowel"]
    places = [(segment.start + segment.stop) / 2 for segment in vowels]
    accents = [dice.between(-0.6, 1.0) * np.log(voice.f0_range) for _ in vowels]
    time = np.arange(frames) + 0.5
    line = np.interp(time, places, accents) - _DECLINATION * (time / frames - 0.5)
    smooth = np.hanning(18)[1:-1]
    padded = np.pad(line, (8, 7), mode="edge")
    return voice.f0_hz * np.exp(np.convolve(padded, smooth / smooth.sum(), mode="valid"))
