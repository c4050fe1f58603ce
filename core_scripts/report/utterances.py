"""What there is to hear and to see of each utterance: original, output, another run's, conversions, units."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core_scripts.corpus.unit_files import FOLDER, RUNS_EXT
from core_scripts.data_io.file_io import is_audio, read_frames
from core_scripts.errors import DataError
from core_scripts.evaluation.unit_table import read_segments
from core_scripts.features.config_mel import MelConfig
from core_scripts.features.passport import read_passport
from core_scripts.report.run_facts import RunFacts
from core_scripts.report.sound_clip import MOST_SECONDS, Clip, read_clip
from core_scripts.report.spectrogram import Levels, display_mel, levels_of_frames, levels_of_wave

FRAMES_EXT = ".mel"  # of outputs that are frames
_CONVERTED = "converted_to_"


@dataclass(frozen=True)
class Segment:
    """A unit or a label in seconds [start, stop)."""

    start: float
    stop: float
    label: str


@dataclass(frozen=True)
class Take:
    """One version of an utterance. label: what it is, in words; clip: None where it is frames without sound."""

    key: str  # original, output, other, or of a conversion "as VOICE"
    label: str
    clip: Clip | None
    levels: Levels | None = None


@dataclass(frozen=True)
class Utterance:
    """takes: in the order of the page; faults: of files that are there and cannot be used."""

    name: str
    takes: tuple[Take, ...]
    mel: MelConfig | None  # of all levels
    units: tuple[Segment, ...] = ()
    labels: tuple[Segment, ...] = ()  # true ones, where they are known
    faults: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """What the longest take covers."""
        return max((take.levels.seconds for take in self.takes if take.levels is not None), default=0.0)

    def take(self, key: str) -> Take | None:
        """The version of that key."""
        return next((take for take in self.takes if take.key == key), None)


@dataclass(frozen=True)
class Sources:
    """Where the versions of an utterance are looked for.

    originals: folders and extensions, the first that has the file counts; labels: folders of true units; frames_mel:
    what frames in the output are.
    """

    facts: RunFacts
    originals: Sequence[tuple[Path, str]]
    labels: Sequence[Path] = ()
    other: RunFacts | None = None
    most_seconds: float = MOST_SECONDS
    frames_mel: MelConfig | None = None


def find_outputs(folder: Path, prefix: str = "") -> dict[str, Path]:
    """Generated files by name, sub-folders kept; sound if there is any, else frames. Sorted by name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")
                   and path.relative_to(folder).parts[0] != FOLDER)
    chosen = [path for path in files if is_audio(path)] or [path for path in files if path.suffix == FRAMES_EXT]
    return {_name_of(path.relative_to(folder), prefix): path for path in chosen}


def find_conversions(facts: RunFacts) -> dict[str, dict[str, Path]]:
    """By utterance, files by "as VOICE", the voice that it was put into."""
    found: dict[str, dict[str, Path]] = {}
    for folder in sorted(facts.folder.glob(f"{_CONVERTED}*")):
        for name, path in find_outputs(folder, output_prefix(facts)).items():
            found.setdefault(name, {})[f"as {folder.name.removeprefix(_CONVERTED)}"] = path
    return found


def output_prefix(facts: RunFacts) -> str:
    """What stands before the name in each file of the output."""
    return str(facts.settings.get("output_filename_prefix") or "")


def original_places(settings: Mapping[str, Any], project_dir: Path) -> list[tuple[Path, str]]:
    """Folders and extensions of the test set's targets, as a recipe's settings name them."""
    places = []
    corpora, exts = (settings.get(key) for key in ("test_output_dirs", "output_exts"))
    for corpus in corpora if isinstance(corpora, list) else ():
        for folder, ext in zip(*(each if isinstance(each, list) else () for each in (corpus, exts)), strict=False):
            expanded = expand_path(settings, folder, project_dir)
            if expanded is not None and isinstance(ext, str):
                places.append((expanded, ext if ext.startswith(".") else f".{ext}"))
    return places


def expand_path(settings: Mapping[str, Any], text: Any, project_dir: Path) -> Path | None:
    """A path of the settings with {key} filled in; None where it is none, or names a key that is not there."""
    if not isinstance(text, str) or not text:
        return None
    try:
        return project_dir / text.format_map(settings)
    except (KeyError, ValueError, IndexError, AttributeError, TypeError):
        return None


def frames_record(folder: Path) -> MelConfig | None:
    """What generated frames are, where their passport says log-mel. Raises: DataError if it cannot be read."""
    passport = read_passport(folder)
    if passport is None or passport.formula != MelConfig.formula:
        return None
    return MelConfig(**passport.settings)


def collect(name: str, path: Path, sources: Sources, paths: Mapping[str, Path]) -> Utterance:
    """The utterance whose output is at `path`; paths: further versions by key."""
    faults: list[str] = []
    wanted = [("original", find_original(name, sources.originals)), ("output", path), *paths.items()]
    takes = [Take(key, _label(key, sources), clip) for key, place in wanted
             if place is not None and is_audio(place) and (clip := _read(place, sources, faults)) is not None]
    frames = None if is_audio(path) else _read_output_frames(path, sources, faults)
    mel = sources.frames_mel if frames is not None else None
    rates = {take.clip.rate_hz for take in takes}
    if mel is not None and rates - {mel.rate_hz}:
        faults.append(f"the frames are of {mel.rate_hz} Hz and the original of {min(rates)} Hz")
        mel, frames = None, None
    top_hz = min(rates, default=0) / 2
    takes = [Take(take.key, take.label, take.clip,
                  levels_of_wave(take.clip.wave, mel or display_mel(take.clip.rate_hz, top_hz))) for take in takes]
    if frames is not None:
        takes.append(Take("output", _label("output", sources), None, levels_of_frames(frames, mel)))
    shown = mel or (display_mel(min(rates), top_hz) if rates else None)
    limit = max((take.levels.seconds for take in takes), default=0.0)
    rate_hz = min(rates, default=mel.rate_hz if mel is not None else 0)
    return Utterance(name, tuple(takes), shown, _units(name, sources, limit), _labels(name, sources, rate_hz, limit),
                     tuple(faults))


def find_original(name: str, places: Sequence[tuple[Path, str]]) -> Path | None:
    """The first file of that name."""
    return next((path for folder, ext in places if (path := folder / f"{name}{ext}").is_file()), None)


def _name_of(path: Path, prefix: str) -> str:
    return path.with_name(path.name.removesuffix(path.suffix).removeprefix(prefix)).as_posix()


def _label(key: str, sources: Sources) -> str:
    if sources.other is not None and key in ("output", "other"):
        return f"output of {(sources.facts if key == 'output' else sources.other).name}"
    return key


def _read(path: Path, sources: Sources, faults: list[str]) -> Clip | None:
    try:
        return read_clip(path, sources.most_seconds)
    except DataError as fault:
        faults.append(str(fault))
        return None


def _read_output_frames(path: Path, sources: Sources, faults: list[str]) -> np.ndarray | None:
    mel = sources.frames_mel
    if mel is None:
        faults.append(f"{path.name}: frames without a passport beside them, so there is no telling what they are")
        return None
    try:
        return read_frames(path, mel.bands)[: int(sources.most_seconds * mel.rate_hz / mel.hop)]
    except DataError as fault:
        faults.append(str(fault))
        return None


def _units(name: str, sources: Sources, limit: float) -> tuple[Segment, ...]:
    """Of files that --write-codes wrote, as far as the sound is shown."""
    path = sources.facts.output / FOLDER / f"{name}{RUNS_EXT}"
    try:
        rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
        found = [Segment(float(start), float(stop), unit) for start, stop, unit in rows]
    except (OSError, ValueError):
        return ()
    return _cut(found, limit)


def _labels(name: str, sources: Sources, rate_hz: int, limit: float) -> tuple[Segment, ...]:
    for folder in sources.labels:
        path = folder / f"{name}.txt"
        if not path.is_file():
            continue
        try:
            labels, stops = read_segments(path)
        except DataError:
            continue
        edges = [0.0, *(stops / rate_hz)]
        return _cut([Segment(*place) for place in zip(edges[:-1], edges[1:], labels, strict=True)], limit)
    return ()


def _cut(segments: Sequence[Segment], limit: float) -> tuple[Segment, ...]:
    return tuple(Segment(part.start, min(part.stop, limit), part.label) for part in segments if part.start < limit)
