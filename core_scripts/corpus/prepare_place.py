"""The folder that prepare makes: whose it is, what of it is still true, and when it is complete."""
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from core_scripts import log
from core_scripts.corpus.prepare_extract import MEL_DIR, WAV_DIR
from core_scripts.corpus.prepare_lists import KINDS, Lists
from core_scripts.corpus.prepare_measure import Measured
from core_scripts.corpus.prepare_scan import Recording
from core_scripts.data_io.file_io import write_atomically
from core_scripts.data_io.statistics import Moments
from core_scripts.errors import EXIT_IN_USE, DataError, RecitalError, UsageError
from core_scripts.features.config_mel import MelConfig
from core_scripts.features.passport import PASSPORT_NAME, passport_of
from core_scripts.files import remove_leftovers

RECORD_NAME, REJECTS_NAME, SPEAKERS_NAME = "prepare.json", "rejected.tsv", "speakers.tsv"
STATISTICS_NAME = "mel_mean_std.bin"
FORMAT = "recital-prepare 2"  # count up when older folders cannot be gone on with


class Place:
    """Raises: UsageError if the folders lie in one another; DataError if `out` holds what prepare did not make."""

    def __init__(self, source: Path, out: Path) -> None:
        self.source, self.out = source, out
        inner, outer = out.resolve(), source.resolve()
        if inner == outer or inner.is_relative_to(outer) or outer.is_relative_to(inner):
            raise UsageError(f"--out {out} and --wav-dir {source} lie in one another: what is made would be taken "
                             f"for recordings, or overwrite them; name an --out apart")
        if out.exists() and not out.is_dir():
            raise UsageError(f"--out {out} is a file; name a folder")
        there = next(folder for folder in (inner, *inner.parents) if folder.exists())
        if not (there.is_dir() and os.access(there, os.W_OK)):
            raise UsageError(f"--out {out} cannot be made: nothing can be written to {there}; name another one")
        self._record = self._read_record()

    def _read_record(self) -> dict[str, Any]:
        path = self.out / RECORD_NAME
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            is_ours = record["format"] == FORMAT and isinstance(record["files"], dict)
            before = record["source"]
        except FileNotFoundError:
            others = [name for name in os.listdir(self.out) if name != REJECTS_NAME] if self.out.is_dir() else []
            if others:
                raise DataError(f"{self.out} holds other things ({', '.join(sorted(others)[:3])}) and no "
                                f"{RECORD_NAME}; nothing was touched, name another --out") from None
            return {"files": {}}
        except (OSError, ValueError, KeyError, TypeError):
            is_ours = False
        if not is_ours:
            raise DataError(f"{path} is no record of this version of prepare; move {self.out} away, or name another "
                            f"--out")
        if before != str(self.source):
            raise DataError(f"{self.out} was prepared from {before}, not from {self.source}; nothing was touched, name "
                            f"another --out, or take {self.out} away")
        return record

    def measured(self) -> dict[str, tuple[list, Measured]]:
        """What an earlier start found: mark of the recording, and its measures."""
        keys = [field.name for field in fields(Measured)]
        return {name: (entry["mark"], Measured(**{key: entry[key] for key in keys}))
                for name, entry in self._record["files"].items()}

    def write_rejects(self, text: str) -> Path:
        """rejected.tsv with this text; without text, none."""
        path = self.out / REJECTS_NAME
        if text:
            write_atomically(path, text.encode("utf-8", "backslashreplace"))
        else:
            path.unlink(missing_ok=True)
        return path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The folder exists and is ours alone.

        Raises: RecitalError (exit code 5) if another process prepares it; UsageError if it cannot be made.
        """
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.out, os.O_RDONLY)
        except OSError as fault:
            raise UsageError(f"--out {self.out} cannot be made: {fault.strerror}; name another one") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            busy = RecitalError(f"{self.out} is being prepared by another process; wait, or name another --out")
            busy.exit_code = EXIT_IN_USE
            raise busy from None
        finally:
            os.close(handle)

    def begin(self, recordings: Sequence[Recording], measured: dict[str, Measured], mel: MelConfig) -> None:
        """Take away what is no longer true, lists first, so that nothing half-made looks complete; then the record."""
        passport = passport_of(mel)
        for name in (*(f"{kind}.lst" for kind in KINDS), SPEAKERS_NAME, STATISTICS_NAME):
            (self.out / name).unlink(missing_ok=True)
        remove_leftovers(self.out, deep=True)
        marks = {recording.name: recording.mark for recording in recordings}
        same_features = self._record.get("passport") == passport.hash
        same_rate = self._record.get("rate_hz") == mel.rate_hz
        if self._record["files"] and not same_features:
            log.note(f"{self.out} had features of passport {self._record.get('passport')}; they are made anew as "
                     f"{passport.hash}")
        for name, entry in self._record["files"].items():
            is_same = marks.get(name) == entry["mark"]
            if not (is_same and same_rate):
                (self.out / WAV_DIR / f"{name}.wav").unlink(missing_ok=True)
            if not (is_same and same_features):
                (self.out / MEL_DIR / f"{name}.mel").unlink(missing_ok=True)
        files = {name: {"mark": mark, **asdict(measured[name])} for name, mark in marks.items()}
        record = {"format": FORMAT, "source": str(self.source), "rate_hz": mel.rate_hz, "passport": passport.hash,
                  "files": files}
        write_atomically(self.out / RECORD_NAME, json.dumps(record, ensure_ascii=False).encode("utf-8"))
        write_atomically(self.out / MEL_DIR / PASSPORT_NAME, passport.to_json().encode("ascii"))

    def finish(self, lists: Lists, speakers: dict[str, str], moments: Moments) -> None:
        """Statistics, speakers and lists: with the last list the folder is complete."""
        write_atomically(self.out / STATISTICS_NAME, moments.to_bytes())
        if speakers:
            rows = "".join(f"{name}\t{speaker}\n" for name, speaker in sorted(speakers.items()))
            write_atomically(self.out / SPEAKERS_NAME, rows.encode("utf-8"))
        for kind in KINDS:
            write_atomically(self.out / f"{kind}.lst", "".join(f"{name}\n" for name in lists[kind]).encode("utf-8"))
