"""Figures of sound, a row per utterance and system: the output itself, and what needs no model beside it."""
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from core_scripts.data_io.file_io import write_atomically
from core_scripts.errors import DataError
from core_scripts.evaluation.metric import Family, Figure, Metric, make_pair
from core_scripts.evaluation.sound_files import SoundFiles, Wave, read_sound
from core_scripts.progress import Progress

OUTPUT = "output"
# From the source and another recording of its length, None where there is none, to a waveform or none.
Baseline = Callable[[np.ndarray, np.ndarray | None], np.ndarray | None]


@dataclass(frozen=True)
class SoundRow:
    """Figures by the keys of their metrics; `file` is empty for baselines, which are not written."""

    name: str
    system: str
    file: str
    seconds: float
    figures: dict[str, Figure]


@dataclass(frozen=True)
class Measures:
    """What is measured. given: families whose reference is the source of the input frames, not the recording aimed at.
    """

    families: tuple[Family, ...]
    given: tuple[Family, ...] = ()
    baselines: dict[str, Baseline] = field(default_factory=dict)
    about: str = ""  # all that the baselines depend on beside the recordings

    @property
    def metrics(self) -> list[Metric]:
        """In the order of the tables."""
        return [metric for family in (*self.families, *self.given) for metric in family.metrics]

    def of(self, name: str, recordings: tuple[Wave | None, Wave | None], output: Wave) -> dict[str, Figure]:
        """All figures of one waveform. recordings: the one aimed at and the source of the frames.

        Raises: DataError if rates differ.
        """
        found: dict[str, Figure] = {}
        for families, reference in ((self.families, recordings[0]), (self.given, recordings[1])):
            pair = make_pair(name, reference, output)
            for family in families:
                found |= family.measure(pair)
        return found


def measure_outputs(sounds: Sequence[SoundFiles], measures: Measures) -> tuple[list[SoundRow], list[str]]:
    """A row per output that can be compared, and what is wrong with the others; those not there are passed over."""
    rows, faults = [], []
    there = [sound for sound in sounds if sound.output.is_file()]
    with Progress("evaluate", len(there), "file") as progress:
        for done, sound in enumerate(there):
            progress.show(done + 1)
            try:
                output = read_sound(sound.output)
                figures = measures.of(sound.name, _recordings(sound), output)
            except DataError as fault:
                faults.append(str(fault))
                continue
            rows.append(SoundRow(sound.name, OUTPUT, str(sound.output), len(output[0]) / output[1], figures))
    return rows, faults


def measure_baseline_sounds(sounds: Sequence[SoundFiles], measures: Measures, cache: Path) -> list[SoundRow]:
    """Rows of every baseline on the same recordings, from the file `cache` where they were measured before."""
    usable = [sound for sound in sounds if sound.reference is not None and sound.source is not None]
    key = _key(usable, measures)
    rows = _read_cache(cache, key)
    if rows is None:
        rows = list(_baseline_rows(usable, measures))
        plain = {"key": key, "rows": [asdict(row) for row in rows]}
        write_atomically(cache, (json.dumps(plain) + "\n").encode("utf-8"))
    return rows


def _baseline_rows(sounds: Sequence[SoundFiles], measures: Measures) -> Iterator[SoundRow]:
    with Progress("baselines", len(sounds), "file") as progress:
        for done, sound in enumerate(sounds):
            progress.show(done + 1)
            try:
                aim, source = _recordings(sound)
                other = _of_other(sounds, done, len(source[0]))
                waves = {system: make(source[0], other) for system, make in measures.baselines.items()}
                rows = [SoundRow(sound.name, system, "", len(wave) / source[1],
                                 measures.of(sound.name, (aim, source), (wave, source[1])))
                        for system, wave in waves.items() if wave is not None]
            except DataError:
                continue  # the rows of outputs tell it
            yield from rows


def _of_other(sounds: Sequence[SoundFiles], number: int, samples: int) -> np.ndarray | None:
    """The recording of the utterance before, for the first one the last, repeated or cut; None where there is none."""
    other = read_sound(sounds[number - 1].reference)[0] if len(sounds) > 1 else np.zeros(0)
    return np.resize(other, samples) if len(other) else None


def _recordings(sound: SoundFiles) -> tuple[Wave | None, Wave | None]:
    aim = None if sound.reference is None else read_sound(sound.reference)
    if sound.source == sound.reference:
        return aim, aim
    return aim, None if sound.source is None else read_sound(sound.source)


def _key(sounds: Sequence[SoundFiles], measures: Measures) -> str:
    files = [(sound.name, str(path), status.st_size, status.st_mtime_ns) for sound in sounds
             for path in (sound.reference, sound.source) for status in (path.stat(),)]
    installed = [find_spec(name) is not None for name in ("pystoi", "pesq")]  # without them figures are undefined
    metrics = [asdict(metric) for metric in measures.metrics]
    told = [measures.about, installed, sorted(measures.baselines), metrics, files]
    return hashlib.sha256(json.dumps(told).encode("utf-8")).hexdigest()


def _read_cache(path: Path, key: str) -> list[SoundRow] | None:
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        if plain["key"] != key:
            return None
        return [SoundRow(**row | {"figures": {name: Figure(**figure) for name, figure in row["figures"].items()}})
                for row in plain["rows"]]
    except (OSError, ValueError, KeyError, TypeError):  # none, or damaged: it is only a cache
        return None
