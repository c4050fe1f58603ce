"""Which files of an output folder are finished: made by these weights and settings, from this input, and whole.

`finished.tsv` has a line per file, added when the file stood under its name: what made it, digests of the files of its
input and of its own bytes, its place. A file counts if all four are still true. So a run that was killed does the rest
when it is started again, and what was cut, exchanged, or made of other speech is made anew.
"""
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from core_scripts import log
from core_scripts.errors import DataError

LEDGER_NAME = "finished.tsv"
_DIGITS = 32  # of a SHA-256 in hexadecimal


class FinishedFiles:
    """What was finished in `folder` by `made_by`, any words for weights and settings."""

    def __init__(self, folder: Path, made_by: str) -> None:
        self._folder = folder
        self._made_by = hashlib.sha256(made_by.encode("utf-8")).hexdigest()[:_DIGITS]
        self._is_torn = False  # the last line was cut
        self._known = self._read()

    def has(self, paths: Sequence[Path], sources: Sequence[Path]) -> bool:
        """Whether all these outputs are finished that were made from the files `sources`."""
        keys = [self._key(path) for path in paths]
        if not all(key in self._known for key in keys):
            return False
        try:
            source = digest_files(sources)
            return all(self._known[key] == (source, digest_files([path]))
                       for key, path in zip(keys, paths, strict=True))
        except OSError:  # one of them is gone
            return False

    def note(self, paths: Iterable[Path], sources: Sequence[Path]) -> None:
        """These outputs are finished. Raises: DataError if that cannot be written down."""
        try:
            source = digest_files(sources)
            lines = [f"{self._made_by}\t{source}\t{digest_files([path])}\t{self._key(path)}\n" for path in paths]
            with (self._folder / LEDGER_NAME).open("ab") as file:
                file.write("".join(["\n" * self._is_torn, *lines]).encode("utf-8"))
            self._is_torn = False
        except OSError as fault:
            place = fault.filename or self._folder / LEDGER_NAME
            raise DataError(f"{place} cannot be used: {fault.strerror}") from None

    def _key(self, path: Path) -> str:
        return str(path.relative_to(self._folder)) if path.is_relative_to(self._folder) else str(path)

    def _read(self) -> dict[str, tuple[str, str]]:
        try:
            text = (self._folder / LEDGER_NAME).read_bytes().decode("utf-8", errors="replace")
        except FileNotFoundError:
            return {}
        except OSError as fault:
            log.warn(f"{self._folder / LEDGER_NAME} cannot be read ({fault.strerror}): all files are made anew")
            return {}
        *lines, rest = text.split("\n")
        self._is_torn = bool(rest)
        rows = [line.split("\t", 3) for line in lines]
        return {row[3]: (row[1], row[2]) for row in rows if len(row) == 4 and row[0] == self._made_by}


def digest_files(paths: Iterable[Path]) -> str:
    """Of the bytes of all these files. Raises: OSError."""
    whole = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:_DIGITS]
