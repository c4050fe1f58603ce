"""Waveforms from a folder, from files, or from numbers."""
import shutil
import tempfile
import weakref
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from core_scripts.corpus.prepare_scan import find_recordings, look_at
from core_scripts.data_io.catalog import told_together
from core_scripts.errors import DataError

Source = str | Path | Sequence[str | Path] | Sequence[float] | np.ndarray


class Dataset:
    """Recordings of one channel, one rate and one kind of file.

    source: a folder (sub-folders too), a list of files, or numbers in [-1, 1] (samples of one waveform, or a list of
    waveforms). rate_hz: of numbers; files know their own. cutoff: that many of the recordings, 0 all.
    Raises: DataError, all faults together.
    """

    def __init__(self, source: Source, rate_hz: int = 16000, cutoff: int = 0) -> None:
        if isinstance(source, str | Path):
            self.folder, names = Path(source).expanduser().absolute(), None
        elif len(source) and isinstance(source[0], str | Path):
            self.folder, names = _common_folder(source)
        else:
            self.folder, names = new_folder(self), None
            _write_numbers(source, rate_hz, self.folder)
        readable = _read(self.folder, names)
        self.recordings = readable[:cutoff] if cutoff else readable
        self.names = tuple(one.name for one in self.recordings)
        self.rate_hz, self.ext = self.recordings[0].header.rate_hz, self.recordings[0].path.suffix

    def __len__(self) -> int:
        return len(self.recordings)

    def __getitem__(self, number: int) -> np.ndarray:
        """The samples of one recording, (T,) float64 in [-1, 1]."""
        return soundfile.read(self.recordings[number].path)[0]

    def __repr__(self) -> str:
        seconds = sum(one.seconds for one in self.recordings)
        return f"Dataset({self.folder}, {len(self)} recordings, {seconds:.1f} s at {self.rate_hz} Hz)"


def new_folder(owner: object) -> Path:
    """A temporary folder, which goes when its owner does."""
    folder = Path(tempfile.mkdtemp(prefix="wavenetlike-"))
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return folder


def _common_folder(files: Sequence[str | Path]) -> tuple[Path, set[str]]:
    paths = [Path(file).expanduser().absolute() for file in files]
    folder = paths[0].parent
    while not all(path.is_relative_to(folder) for path in paths):
        folder = folder.parent
    return folder, {path.relative_to(folder).with_suffix("").as_posix() for path in paths}


def _read(folder: Path, names: set[str] | None) -> list[Any]:
    """The recordings of a folder, by name if these are asked for. Raises: DataError."""
    found = look_at([one for one in find_recordings(folder, "") if names is None or one.name in names])
    missing = sorted((names or set()) - {one.name for one in found})
    faults = [f"{name}: no such recording below {folder}" for name in missing]
    faults += [f"{one.path} {one.fault}" for one in found if one.header is None]
    readable = [one for one in found if one.header is not None]
    faults += [f"{one.path} has {one.header.channels} channels; one is needed" for one in readable
               if one.header.channels != 1]
    for what, values in (("rate", [one.header.rate_hz for one in readable]),
                         ("kind of file", [one.path.suffix for one in readable])):
        if len(set(values)) > 1:
            told = ", ".join(f"{count} of {value}" for value, count in Counter(values).most_common())
            faults.append(f"recordings have more than one {what}: {told}; name a folder of one, or "
                          "make them alike with `python main.py prepare --resample HZ`")
    if faults or not readable:
        raise told_together(f"recordings of {folder}", faults or ["none"])
    return readable


def _write_numbers(numbers: Any, rate_hz: int, folder: Path) -> None:
    waves = [np.asarray(one, dtype=np.float64) for one in (numbers if _is_nested(numbers) else [numbers])]
    if not waves:
        raise DataError("there are no waveforms; give numbers, files or a folder")
    faults = []
    for number, wave in enumerate(waves):
        if wave.ndim != 1 or not len(wave) or not np.isfinite(wave).all() or np.abs(wave).max() > 1:
            faults.append(f"waveform {number} has shape {wave.shape}; give one or more finite numbers in [-1, 1] each")
    if faults:
        raise told_together("waveforms", faults)
    for number, wave in enumerate(waves):
        soundfile.write(folder / f"waveform{number:04d}.wav", wave, rate_hz, subtype="FLOAT")


def _is_nested(numbers: Any) -> bool:
    return len(numbers) == 0 or np.ndim(numbers[0]) > 0
