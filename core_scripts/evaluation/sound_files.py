"""The sounds that belong to one utterance of the test list: what was generated, what it should sound like, its source.
"""
import math
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core_scripts.config_parse.data_config import CorpusSpec, StreamSpec
from core_scripts.data_io.audio_header import read_audio_header
from core_scripts.data_io.file_io import is_audio, read_frames
from core_scripts.errors import DataError, all_faults

Wave = tuple[np.ndarray, int]  # (N,) float64 in [-1, 1], and its rate in Hz


@dataclass(frozen=True)
class SoundFiles:
    """reference: the recording of the test list's output; source: the one that the input frames are computed from,
    or where frames are stored, the reference."""

    name: str
    output: Path
    reference: Path | None
    source: Path | None


def find_sounds(data: Any, args: Namespace) -> list[SoundFiles]:
    """A record for each utterance of the data set, whether its output was generated yet or not; none where the recipe
    writes no audio. args: where outputs go, and under which names.
    """
    found = []
    for dataset in (loader.get_dataset() for loader in data.get_dataset()):
        corpus = dataset.corpus
        written = corpus.outputs[0]
        if not is_audio(Path(f"x{written.written_ext or written.ext}")):
            return []
        for item in dataset.items:
            output = data.writer.paths(args.output_dir, args.output_filename_prefix, item.print_to_str())[0]
            reference = _recording(written, item.seq_name)
            sources = (_recording(stream, item.seq_name) for stream in corpus.inputs if stream.front_end is not None)
            found.append(SoundFiles(item.seq_name, output, reference, next(filter(None, sources), reference)))
    return found


def rate_of(sounds: Sequence[SoundFiles]) -> int:
    """Rate in Hz of the first output that can be read. Raises: DataError if none can."""
    faults = []
    for sound in sounds:
        try:
            return read_audio_header(sound.output).rate_hz
        except DataError as fault:
            faults.append(str(fault))
    raise all_faults(DataError, "no output can be read", faults)


def find_references(corpora: Sequence[CorpusSpec], names: Sequence[str]) -> dict[str, Path]:
    """The recordings that the corpora's outputs are, by name, as far as they are there."""
    found = {name: _recording(corpus.outputs[0], name) for corpus in corpora for name in dict.fromkeys(names)}
    return {name: path for name, path in found.items() if path is not None}


def read_sound(path: Path, seconds: float = math.inf) -> Wave:
    """A .wav or .flac file of one channel, or its first seconds.

    Raises: DataError in words for whatever is wrong with it.
    """
    header = read_audio_header(path)
    if header.channels != 1:
        raise DataError(f"{path} has {header.channels} channels; one is compared, write mono files")
    stop = round(min(header.frames, seconds * header.rate_hz))
    return read_frames(path, 1, 0, stop)[:, 0].astype(np.float64), header.rate_hz


def _recording(stream: StreamSpec, name: str) -> Path | None:
    """Where the stream's waveform lies, if it has one that is there."""
    if stream.directory is None:
        return None
    path = stream.directory / f"{name}{stream.ext}"
    return path if is_audio(path) and path.is_file() else None
