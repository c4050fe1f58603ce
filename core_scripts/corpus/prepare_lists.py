"""Who speaks in which recording, and which recordings train, validate and test."""
import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from core_scripts import log
from core_scripts.data_io.speakers import read_speakers
from core_scripts.errors import DataError, UsageError, all_faults, did_you_mean, near_files
from core_scripts.other_tools.list_tools import read_list

KINDS = ("train", "val", "test")
_HELD_OUT = 0.05  # share of a speaker's recordings in val, and again in test
_HELD_OUT_MOST = 50  # recordings of a speaker
_SHOWN_FAULTS = 20
Lists = dict[str, list[str]]  # by kind


def read_given_lists(paths: dict[str, Path], known: Sequence[str]) -> Lists:
    """The lists that the user has, as they are.

    Raises: DataError with all names that no recording has, and all that train and also validate or test.
    """
    if absent := [f"--{kind}-list {path}: {_why_no_file(path)}" for kind, path in paths.items() if not path.is_file()]:
        raise all_faults(UsageError, "lists", absent)
    lists = {kind: read_list(path) for kind, path in paths.items()}
    there, faults = set(known), []
    if folder := folder_of_all(lists, there):
        raise DataError(f"the names of the lists are those of recordings in the folder {folder}; give that one with "
                        f"--wav-dir, or write {folder}/ before each name")
    for kind, names in lists.items():
        if not names:
            faults.append(f"{paths[kind]} holds no names")
        faults += [f"{name!r} in {paths[kind]}: no such recording{_near(name, known, there, len(faults))}"
                   for name in dict.fromkeys(names) if name not in there]
        faults += [f"{name!r} stands more than once in {paths[kind]}; keep one"
                   for name, count in Counter(names).items() if count > 1]
    trained = set(lists.get("train", ()))
    faults += [f"{name!r} stands in {paths['train']} and in {paths[kind]}; figures of what was trained on mean nothing"
               for kind in ("val", "test") for name in lists.get(kind, ()) if name in trained]
    if faults:
        rest = [f"and {len(faults) - _SHOWN_FAULTS} more"] if len(faults) > _SHOWN_FAULTS else []
        title = "lists; names are paths below --wav-dir without ending"
        raise all_faults(DataError, title, faults[:_SHOWN_FAULTS] + rest)
    return lists


def _why_no_file(path: Path) -> str:
    return "is a folder, not a text file" if path.is_dir() else f"no such file{near_files(path)}"


def folder_of_all(lists: Lists, there: set[str]) -> str:
    """The sub-folder where every name of the lists is a recording, while none is as it stands; else nothing."""
    names = {name for own in lists.values() for name in own}
    if not names or names & there:
        return ""
    folders = {name.rpartition("/")[0] for name in there} - {""}
    return next((folder for folder in sorted(folders) if all(f"{folder}/{name}" in there for name in names)), "")


def _near(name: str, known: Sequence[str], there: set[str], told: int) -> str:
    """A hint; looking for similar names is slow, so only for the first few."""
    bare = re.sub(r"\.(wav|flac)$", "", name, flags=re.IGNORECASE)
    if bare != name and bare in there:
        return f"; write {bare!r}"
    return did_you_mean(name, known) if told < 5 else ""


def names_in_use(given: Lists, known: Sequence[str]) -> list[str]:
    """What has to be prepared: with a training list the names of the lists alone, else all."""
    if "train" not in given:
        return list(known)
    listed = {name for names in given.values() for name in names}
    return list(known) if len(given) < len(KINDS) else [name for name in known if name in listed]


def find_speakers(source: str, names: Sequence[str]) -> dict[str, str]:
    """Speaker by name, as --speakers-from says; empty if it says nothing.

    Raises: DataError with all names whose speaker is not known.
    """
    if not source:
        return {}
    if source == "folder":
        speakers = {name: name.partition("/")[0] for name in names if "/" in name}
        remedy = "put each speaker's recordings into a folder of their own"
    elif source == "prefix":
        found = {name: re.match(r"([^_-]+)[_-]", name.rpartition("/")[2]) for name in names}
        speakers = {name: match[1] for name, match in found.items() if match}
        remedy = "names begin with the speaker and _ or -"
    elif not Path(source).is_file():
        near = did_you_mean(source, ("folder", "prefix")) or near_files(Path(source))
        raise UsageError(f"--speakers-from {source} is neither folder nor prefix, nor a file of NAME<TAB>speaker "
                         f"lines{near}")
    else:
        speakers = read_speakers(Path(source))
        remedy = f"add lines NAME<TAB>speaker to {source}"
    missing = [name for name in names if name not in speakers]
    if missing:
        shown = ", ".join(map(repr, missing[:5])) + (" ..." if len(missing) > 5 else "")
        raise DataError(f"--speakers-from {source}: no speaker for {len(missing)} of {len(names)} recordings "
                        f"({shown}); {remedy}")
    return {name: speakers[name] for name in names}


def make_lists(given: Lists, usable: Sequence[str], speakers: dict[str, str]) -> Lists:
    """All three lists, of usable names alone; given ones keep their order.

    What is in no given list is split: per speaker (all are one where none is known) a twentieth to validate, a
    twentieth to test, at most 50 each, so that every speaker with three recordings occurs in every list. A hash of
    the name decides, so that new recordings do not move the old ones about at random.
    Raises: DataError if a list is empty.
    """
    there = set(usable)
    lists = {kind: [name for name in names if name in there] for kind, names in given.items()}
    taken = {name for names in lists.values() for name in names}
    free = [name for name in usable if name not in taken]
    if not given and len(free) < len(KINDS):
        log.warn(f"{len(free)} recordings cannot be split: train, val and test hold the same, so figures will only "
                 f"tell how well these very recordings are known")
        return {kind: list(free) for kind in KINDS}
    made = [kind for kind in KINDS if kind not in given]
    split = _split(free, speakers, made)
    if speakers and not all(split.values()):  # speakers with one or two recordings each
        split = _split(free, {}, made)
    lists |= split
    empty = [kind for kind in KINDS if not lists[kind]]
    if empty:
        raise DataError(f"nothing is left for {', '.join(empty)} of {len(usable)} usable recordings; "
                        f"give it with --{empty[0]}-list, or add recordings")
    return {kind: lists[kind] for kind in KINDS}


def _split(names: Sequence[str], speakers: dict[str, str], made: Sequence[str]) -> Lists:
    split: Lists = {kind: [] for kind in made}
    for speaker in sorted({speakers.get(name, "") for name in names}):
        own = sorted((name for name in names if speakers.get(name, "") == speaker), key=_draw)
        share = min(max(1, round(_HELD_OUT * len(own))), _HELD_OUT_MOST)
        held = share if len(own) >= len(made) else 0
        for kind in [kind for kind in ("test", "val") if kind in made]:
            split[kind], own = split[kind] + own[:held], own[held:]
        if "train" in made:
            split["train"] += own
    return {kind: sorted(own) for kind, own in split.items()}


def _draw(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8")).hexdigest()
