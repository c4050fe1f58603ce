"""Which recordings lie below a folder, and what their headers promise."""
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core_scripts import log
from core_scripts.data_io.audio_header import HIGHEST_RATE_HZ, PCM, AudioHeader, parse_flac_header, read_audio_header
from core_scripts.data_io.file_io import AUDIO_EXTS
from core_scripts.errors import DataError, near_files

_PLAIN = struct.Struct("<4sI4s4sIHHIIHH4sI")  # the header that nearly every 16-bit file has: 44 bytes, then the samples


@dataclass(frozen=True)
class Recording:
    """A file below the folder; name: its path there without ending. header None: see `fault`."""

    name: str
    path: Path
    size: int = 0
    changed_ns: int = 0
    header: AudioHeader | None = None
    fault: str = ""

    @property
    def mark(self) -> list:
        """Another one means another content."""
        return [str(self.path), self.size, self.changed_ns]

    @property
    def seconds(self) -> float:
        return self.header.frames / self.header.rate_hz if self.header else 0.0


def find_recordings(folder: Path, option: str = "--wav-dir ") -> list[Recording]:
    """All .wav and .flac files below the folder in the order of their names, not opened yet; hidden ones do not count.

    option: how the user names the folder, for messages.
    Raises: DataError if there is no such folder or nothing in it.
    """
    if folder.is_file():
        raise DataError(f"{option}{folder} is a file; name the folder that holds it: {option}{folder.parent}")
    if not folder.is_dir():
        raise DataError(f"{option}{folder} is no folder{near_files(folder)}")
    found: dict[str, Recording] = {}
    clashes: list[Recording] = []
    linked: list[str] = []  # folders, which may lead back up
    others = 0
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        linked += [str(Path(place, name)) for name in folders if os.path.islink(os.path.join(place, name))]
        for file in sorted(files):
            stem, ext = os.path.splitext(file)
            if file.startswith(".") or ext.lower() not in AUDIO_EXTS:
                others += 1
                continue
            path = Path(place, file)
            recording = _named(path.parent.relative_to(folder).joinpath(stem).as_posix(), path)
            if recording.name in found:
                clash = f"has the name {recording.name}, as {found[recording.name].path.name}; rename one"
                clashes.append(replace(recording, name=str(path.relative_to(folder)), fault=clash))
            else:
                found[recording.name] = recording
    if linked:
        log.warn(f"{len(linked)} linked folders are not looked into (the first is {linked[0]}); name what they lead to"
                 f"{' with ' + option.strip() if option else ''}, or copy it")
    if not found:
        seen = f", {others} other files" if others else ""
        raise DataError(f"{option}{folder} holds no .wav and no .flac file{seen}; name the folder of the recordings")
    return sorted([*found.values(), *clashes], key=lambda recording: recording.name)


def _named(name: str, path: Path) -> Recording:
    """Raises nothing: a name that no list can hold is a fault of that file."""
    if any("\ud800" <= letter <= "\udfff" for letter in name):
        shown = os.fsencode(name).decode("utf-8", "backslashreplace")
        return Recording(shown, path, fault="the name is not UTF-8; rename the file")
    if name != name.strip() or any(letter in name for letter in "\n\r\t\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"):
        return Recording(name.encode("unicode_escape").decode("ascii"), path,
                         fault="the name has a line break or tab in it, or a space at an end; rename the file")
    return Recording(name, path)


def look_at(recordings: Sequence[Recording]) -> list[Recording]:
    """The same with what their headers say, or why they cannot be read."""
    return [recording if recording.fault else _look(recording) for recording in recordings]


def _look(recording: Recording) -> Recording:
    try:
        handle = os.open(recording.path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would wait for its writer
        try:
            status, beginning = os.fstat(handle), os.read(handle, _PLAIN.size)
        finally:
            os.close(handle)
        header = _quick_header(beginning, status.st_size) or read_audio_header(recording.path)
        return replace(recording, size=status.st_size, changed_ns=status.st_mtime_ns, header=header)
    except BlockingIOError:
        return replace(recording, fault="is a pipe, not a file")
    except OSError as fault:
        return replace(recording, fault=f"cannot be read: {fault.strerror}")
    except DataError as fault:
        return replace(recording, fault=str(fault).removeprefix(str(recording.path)).lstrip(": "))


def _quick_header(beginning: bytes, size: int) -> AudioHeader | None:
    """The header of a file of the plainest kind that contradicts nothing; None: it takes a closer look."""
    if beginning[:4] == b"fLaC":
        return parse_flac_header(beginning)
    if len(beginning) < _PLAIN.size:
        return None
    riff, riff_size, kind, fmt, fmt_size, tag, channels, rate_hz, per_second, block, bits, data, claimed = \
        _PLAIN.unpack(beginning)
    is_plain = (riff, kind, fmt, data, fmt_size, tag, bits) == (b"RIFF", b"WAVE", b"fmt ", b"data", 16, PCM, 16)
    agrees = (channels > 0 and block == 2 * channels and per_second == rate_hz * block and riff_size == size - 8
              and claimed == size - _PLAIN.size > 0 and claimed % block == 0 and 0 < rate_hz <= HIGHEST_RATE_HZ)
    return AudioHeader(claimed // block, channels, rate_hz, "<i2", _PLAIN.size) if is_plain and agrees else None
