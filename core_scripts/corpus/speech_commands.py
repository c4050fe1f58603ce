"""Speech Commands (Warden 2018, arXiv:1804.03209): folders of words, WORD/SPEAKER_nohash_N.wav, read as they are.

Names are WORD/STEM. Its own validation_list.txt and testing_list.txt make the lists; where they are missing, a hash of
the speaker does, so that nobody is in two of them. Folders that begin with _ hold noise and are left out. No torch.
"""
import hashlib
from pathlib import Path

from core_scripts.data_io.file_io import write_atomically
from core_scripts.errors import DataError, near_files
from core_scripts.other_tools.list_tools import read_list

SHA256 = "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58"  # of speech_commands_v0.02.tar.gz
WORDS_NAME = "words.tsv"
_OWN_LISTS = {"val": "validation_list.txt", "test": "testing_list.txt"}
_HELD_OUT_PERCENT = 10  # of the speakers in val, and again in test


def write_lists(folder: Path) -> dict[str, int]:
    """train.lst, val.lst, test.lst and words.tsv (NAME<TAB>word) beside the words; returns how many names each has.

    Raises: DataError if these are no folders of words, or a list would be empty.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder{near_files(folder)}; name the one that holds a folder for each word")
    names = sorted(f"{path.parent.name}/{path.stem}" for path in folder.glob("*/*.wav")
                   if not path.parent.name.startswith(("_", ".")))
    if not names:
        raise DataError(f"{folder} has no WORD/NAME.wav; name the folder that holds a folder for each word")
    held = {kind: _read_own(folder / file) for kind, file in _OWN_LISTS.items()}
    is_split = all(own is not None for own in held.values())
    lists: dict[str, list[str]] = {kind: [] for kind in ("train", "val", "test")}
    for name in names:
        lists[_kind_by_list(name, held) if is_split else _kind_by_speaker(name)].append(name)
    empty = [kind for kind, own in lists.items() if not own]
    if empty:
        raise DataError(f"nothing is left for {', '.join(empty)} of {len(names)} recordings in {folder}; take "
                        "more of them")
    for kind, own in lists.items():
        write_atomically(folder / f"{kind}.lst", "".join(f"{name}\n" for name in own).encode("utf-8"))
    words = "".join(f"{name}\t{name.partition('/')[0]}\n" for name in names)
    write_atomically(folder / WORDS_NAME, words.encode("utf-8"))
    return {kind: len(own) for kind, own in lists.items()}


def check_archive(archive: Path, expected: str = SHA256) -> None:
    """Raises: DataError if it is not there or not byte for byte the published one."""
    if not archive.is_file():
        raise DataError(f"archive {archive} not found{near_files(archive)}")
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise DataError(f"{archive} has the SHA-256 {found}, not {expected}: it is cut short, damaged or another "
                        "version; get it anew")


def _read_own(path: Path) -> set[str] | None:
    return {name.removesuffix(".wav") for name in read_list(path)} if path.is_file() else None


def _kind_by_list(name: str, held: dict[str, set[str]]) -> str:
    return next((kind for kind, own in held.items() if name in own), "train")


def _kind_by_speaker(name: str) -> str:
    speaker = name.partition("/")[2].partition("_nohash_")[0]
    share = int.from_bytes(hashlib.sha256(speaker.encode("utf-8")).digest()[:8], "big") % 100
    return "val" if share < _HELD_OUT_PERCENT else "test" if share < 2 * _HELD_OUT_PERCENT else "train"
