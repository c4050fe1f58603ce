"""What a mistyped word may have meant."""
import difflib
from collections.abc import Iterable
from pathlib import Path


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """'; did you mean a or b?' with the nearest candidates, or nothing; a dotted key is also found by its last part."""
    known = sorted(set(candidates))
    same_ending = [name for name in known if name.rpartition(".")[2] == word]
    near = same_ending + [name for name in _nearest(word, known) if name not in same_ending]
    return f"; did you mean {' or '.join(near[:3])}?" if near else ""


def near_files(path: Path) -> str:
    """For a file that is not there: the folder that is missing, or files beside it whose names are near."""
    if not path.parent.is_dir():
        return f"; there is no folder {path.parent}"
    return did_you_mean(path.name, (entry.name for entry in path.parent.iterdir() if entry.is_file()))


def _nearest(word: str, known: list[str]) -> list[str]:
    bare = {name.lstrip("-").lower(): name for name in known}
    return [bare[name] for name in difflib.get_close_matches(word.lstrip("-").lower(), bare, n=3, cutoff=0.65)]
