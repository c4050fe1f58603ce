"""What the page shows, read from the run's folder before anything is written: sound, levels, units, checkpoints."""
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core_scripts.data_io.file_io import AUDIO_EXTS
from core_scripts.errors import DataError
from core_scripts.report.checkpoint_takes import find_stops, read_stops
from core_scripts.report.evaluation_file import Evaluation, choose_names, read_evaluation
from core_scripts.report.page_listen import Stop
from core_scripts.report.run_facts import RunFacts
from core_scripts.report.sound_clip import SoundFit, fit_sound
from core_scripts.report.utterances import (
    FRAMES_EXT,
    Sources,
    Utterance,
    collect,
    expand_path,
    find_conversions,
    find_outputs,
    frames_record,
    original_places,
    output_prefix,
)

MOST_BYTES = 14_500_000  # of a page of _UTTERANCES or fewer, so that it can be mailed
_UTTERANCES = 20
_PICTURE_BYTES = 42_000  # of a spectrogram, about
_LEAST_SOUND_BYTES = 2_000_000


@dataclass(frozen=True)
class Request:
    """What page is wanted. config: the recipe's settings as they are now, and where its paths start.

    prefers_config: its data come before those that the run's own record names; title: of the recipe.
    """

    facts: RunFacts
    project_dir: Path
    config: Mapping[str, Any]
    prefers_config: bool = False
    other: RunFacts | None = None
    most_utterances: int = 20
    title: str = ""
    seed: int = 1


@dataclass(frozen=True)
class Content:
    """All that is read for the page, before it is written."""

    utterances: tuple[Utterance, ...]
    sentence: Utterance | None  # of the checkpoints
    stops: tuple[Stop, ...]
    fit: SoundFit
    is_sound: bool  # or something that can be seen like it; else the recipe writes figures of another kind
    chosen: str  # in words, which of the utterances these are
    evaluation: Evaluation | None
    faults: tuple[str, ...]


def read_content(request: Request) -> Content:
    """Sound, pictures' levels and units of the utterances that are shown."""
    facts, faults = request.facts, list(request.facts.faults)
    outputs = find_outputs(facts.output, output_prefix(facts)) if facts.output.is_dir() else {}
    sources = make_sources(request, faults)
    converted, others = find_conversions(facts), {}
    if request.other is not None:
        faults += request.other.faults
        others = find_outputs(request.other.output, output_prefix(request.other))
    evaluation = read_evaluation(facts)
    names, chosen = choose_names(sorted(outputs, key=lambda name: name not in converted), evaluation,
                                 request.most_utterances)
    utterances = []
    for name in names:
        paths = ({"other": others[name]} if name in others else {}) | converted.get(name, {})
        utterances.append(collect(name, outputs[name], sources, paths))
    sentence, stops = _read_stops(request, sources, faults)
    clips = [take.clip for utterance in utterances for take in utterance.takes if take.clip is not None]
    clips += [stop.take.clip for stop in stops]
    pictures = len(stops) + sum(2 * len(utterance.takes) for utterance in utterances)
    exts = written_exts(request)
    is_sound = bool(outputs) or not exts or any(ext in (*AUDIO_EXTS, FRAMES_EXT) for ext in exts)
    room = MOST_BYTES * max(1.0, len(utterances) / _UTTERANCES)
    fit = fit_sound(clips, max(_LEAST_SOUND_BYTES, int(room) - pictures * _PICTURE_BYTES))
    return Content(tuple(utterances), sentence, tuple(stops), fit, is_sound, chosen, evaluation, tuple(faults))


def written_exts(request: Request) -> list[str]:
    """Endings of the files that the recipe writes, as far as its settings tell."""
    told = request.config.get("output_written_exts") or request.config.get("output_exts")
    return [ext for ext in told if isinstance(ext, str)] if isinstance(told, list) else []


def make_sources(request: Request, faults: list[str]) -> Sources:
    """Where originals and true units are looked for: as the output's record has it, then as the recipe is now."""
    settings = [request.facts.settings, request.config]
    settings = settings[::-1] if request.prefers_config else settings
    labels = [expand_path(each, each.get("labels"), request.project_dir) for each in settings]
    try:
        mel = frames_record(request.facts.output)
    except DataError as fault:
        faults.append(str(fault))
        mel = None
    return Sources(request.facts, [place for each in settings for place in original_places(each, request.project_dir)],
                   [path for path in labels if path is not None], request.other, frames_mel=mel)


def _read_stops(request: Request, sources: Sources, faults: list[str]) -> tuple[Utterance | None, list[Stop]]:
    name, paths = find_stops(request.facts.folder, output_prefix(request.facts))
    if not paths:
        return None, []
    sentence = collect(name, list(paths.values())[-1], sources, {})
    stops = read_stops(paths, sentence, faults)
    return (sentence, stops) if stops else (None, [])
