"""The same sentence as every kept checkpoint makes it: where those files lie, and in which order they come."""
import re
from pathlib import Path

from core_scripts.errors import DataError
from core_scripts.report.page_listen import Stop
from core_scripts.report.sound_clip import read_clip
from core_scripts.report.spectrogram import levels_of_wave
from core_scripts.report.utterances import Take, Utterance, find_outputs

FOLDER = "checkpoints_heard"  # in the run's folder: one folder per checkpoint


def stop_folder(run: Path, checkpoint: Path) -> Path:
    """Where what this checkpoint generates goes."""
    return run / FOLDER / checkpoint.stem


def spread(checkpoints: list[Path], most: int) -> list[Path]:
    """At most so many of a list, evenly, the first and the last among them."""
    if most < 2 or len(checkpoints) <= most:
        return checkpoints[-most:] if most else []
    return [checkpoints[round(place * (len(checkpoints) - 1) / (most - 1))] for place in range(most)]


def find_stops(run: Path, prefix: str) -> tuple[str, dict[str, Path]]:
    """The sentence that most checkpoints have, and its file by checkpoint, oldest first."""
    found: dict[str, dict[str, Path]] = {}
    for folder in sorted(run.glob(f"{FOLDER}/*"), key=_place):
        if folder.is_dir() and ".old-" not in folder.name:
            for name, path in find_outputs(folder, prefix).items():
                found.setdefault(name, {})[folder.name] = path
    name = max(found, key=lambda each: len(found[each]), default="")
    return name, found.get(name, {})


def read_stops(paths: dict[str, Path], like: Utterance, faults: list[str]) -> list[Stop]:
    """Sound and picture of each; those that cannot be read are told and left out."""
    stops = []
    for checkpoint, path in paths.items():
        try:
            clip = read_clip(path)
        except DataError as fault:
            faults.append(str(fault))
            continue
        if like.mel is None or clip.rate_hz != like.mel.rate_hz:
            faults.append(f"{path} is at another rate than the output")
            continue
        words = _in_words(checkpoint)
        stops.append(Stop(words, Take("stop", words, clip, levels_of_wave(clip.wave, like.mel))))
    return stops


def _place(folder: Path) -> tuple[int, float, str]:
    """Epochs in order; what was saved within an epoch comes before its end."""
    match = re.search(r"_(\d+)(?:_(\d+))?$", folder.name)
    if match is None:
        return (0, 0.0, folder.name)
    return (int(match[1]), float(match[2]) if match[2] else float("inf"), folder.name)


def _in_words(name: str) -> str:
    match = re.fullmatch(r".*?_0*(\d+)(?:_0*(\d+))?", name)
    if match is None:
        return name
    return f"epoch {match[1]}" if match[2] is None else f"epoch {match[1]}, step {match[2]}"
