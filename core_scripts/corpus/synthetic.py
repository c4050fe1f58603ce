"""The synthetic corpora: speech-like audio of which F0, voicing, units and speakers are known exactly, or a series.

Made from a seed on first use and kept; the default data of every recipe. Layout of the folder of the speech-like one:

    wav/NAME.wav     16-bit PCM, one channel
    f0/NAME.f0       raw little-endian float32, one value in Hz per hop (5 ms), 0 where unvoiced
    units/NAME.txt   unit <TAB> first sample <TAB> sample after the last
    speakers.tsv     NAME <TAB> speaker
    train.lst, val.lst, test.lst
    corpus.json      recipe, and a SHA-256 of every file

and of an AR(2) process, `ar2.py`, raw float32 in series/train.x and series/test.x, beside lists and record.
"""
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core_scripts.config_parse.project_data import needs_synthetic_corpus
from core_scripts.corpus.ar2 import Ar2Process
from core_scripts.corpus.recipe import CorpusRecipe
from core_scripts.corpus.writing import FORMAT, RECORD_NAME, digest, write_corpus, write_series
from core_scripts.errors import DataError
from core_scripts.log import note

Recipe = CorpusRecipe | Ar2Process
DEFAULT_RECIPE = CorpusRecipe()
_WRITERS = {CorpusRecipe: write_corpus, Ar2Process: write_series}


def ensure_corpus(directory: Path, recipe: Recipe = DEFAULT_RECIPE) -> Path:
    """The folder with the corpus of `recipe` in it: made if absent, made anew if another or damaged, else as it is.

    The folder appears complete or not at all, also when several processes ask at once. What is in it and is not byte
    for byte what was once made is never deleted: then the whole folder is kept beside, as NAME.before-1.
    Raises: DataError if it cannot be written, or holds files but no corpus of ours.
    """
    place = Path(directory).resolve()
    try:
        if _shortcoming(place, recipe) is None:
            return directory
        place.parent.mkdir(parents=True, exist_ok=True)
        with _alone_in(place.parent) as is_alone:
            if is_alone:
                _clear_leftovers(place)
            shortcoming = _shortcoming(place, recipe)  # another process may have made it meanwhile
            if shortcoming is not None:
                _make(place, recipe, shortcoming)
    except OSError as error:
        raise DataError(
            f"cannot make the synthetic corpus in {directory}: {error.strerror or error} ({error.filename or place}); "
            f"mend that, or name a folder that can be written"
        ) from error
    return directory


def ensure_corpus_of(conf: Any, splits: Sequence[str]) -> None:
    """The corpus of a configuration, if lists of these splits lie in it. `synthetic_recipe` names the key of config.py
    that says which it is; without it, it is the speech-like one.
    """
    corpus, named = needs_synthetic_corpus(conf, splits), vars(conf).get("synthetic_recipe")
    if corpus is not None:
        ensure_corpus(corpus, vars(conf)[named] if named else DEFAULT_RECIPE)


def _make(place: Path, recipe: Recipe, shortcoming: str) -> None:
    made = place.with_name(f"{_making(place)}{os.getpid()}-{secrets.token_hex(4)}")
    made.mkdir()
    try:
        _WRITERS[type(recipe)](made, recipe)
        kept = _put_in_place(made, place)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    aside = f"; what was there is now {kept}" if kept else ""
    note(f"made the synthetic corpus {place} ({recipe.describe()}), since {shortcoming}{aside}")


def _shortcoming(place: Path, recipe: Recipe) -> str | None:
    """Why the folder cannot be used as it is; None if it can."""
    if not place.exists():
        return "there was none"
    if not place.is_dir():
        raise DataError(f"{place} is a file, the synthetic corpus needs a folder; name another one")
    if not any(place.iterdir()):
        return "the folder was empty"
    record = _read_record(place)
    if record["format"] != FORMAT:
        return f"the one there has format {record['format']!r}, not {FORMAT!r}"
    wanted, found = recipe.record(), record["recipe"]
    if found != wanted:
        keys = [key for key in wanted if found.get(key) != wanted[key]]
        return "it differs in " + ", ".join(f"{key} ({found.get(key)}, not {wanted[key]})" for key in keys)
    faulty = [name for name, expected in record["files"].items() if not _is_file_with(place / name, expected)]
    return f"{len(faulty)} of its files were missing or changed, the first {faulty[0]}" if faulty else None


def _read_record(place: Path) -> dict[str, Any]:
    path = place / RECORD_NAME
    remedy = "nothing was touched; name another folder for the synthetic corpus, or move this one away"
    if not path.is_file():
        raise DataError(f"{place} holds files but no {RECORD_NAME}, so it is not a synthetic corpus; {remedy}")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is not readable as JSON ({error}); {remedy}") from error
    fields = {"format": str, "recipe": dict, "files": dict}
    if not isinstance(record, dict) or not all(isinstance(record.get(key), kind) for key, kind in fields.items()):
        raise DataError(f"{path} is no record of a synthetic corpus (no {', '.join(fields)}); {remedy}")
    return record


def _is_file_with(path: Path, expected: str) -> bool:
    return path.is_file() and digest(path) == expected


def _put_in_place(made: Path, place: Path) -> Path | None:
    """Rename `made` to `place`; returns where the old folder went, if anything in it was not ours."""
    if not place.exists() or not any(place.iterdir()):
        made.rename(place)  # POSIX: an empty folder is replaced
        return None
    aside = next(path for n in range(1, 10000) if not (path := place.with_name(f"{place.name}.before-{n}")).exists())
    place.rename(aside)
    try:
        made.rename(place)
    except OSError:
        aside.rename(place)
        raise
    if not _is_all_ours(aside):
        return aside
    shutil.rmtree(aside)
    return None


def _is_all_ours(folder: Path) -> bool:
    ours = _read_record(folder)["files"]
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")
             if path.is_symlink() or not path.is_dir()}
    found.pop(RECORD_NAME)
    return all(not path.is_symlink() and digest(path) == ours.get(name) for name, path in found.items())


@contextmanager
def _alone_in(folder: Path) -> Iterator[bool]:
    """Wait for other processes that make a corpus in this folder; False where the file system cannot tell."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:  # some network file systems lock no folders; the renames alone keep the corpus whole
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def _making(place: Path) -> str:
    return f".{place.name}.making-"


def _clear_leftovers(place: Path) -> None:
    """Remove what a killed process left; called only while no other one is at work."""
    for leftover in place.parent.glob(f"{_making(place)}*"):
        shutil.rmtree(leftover, ignore_errors=True)
