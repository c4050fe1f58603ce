"""What the recordings that a model was trained on are like, from a short look at a few of them."""
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core_scripts.config_parse.data_config import CorpusSpec
from core_scripts.config_parse.project_data import read_corpora
from core_scripts.data_io.catalog import read_names
from core_scripts.data_io.file_io import is_audio
from core_scripts.data_io.stream_reader import StreamReader
from core_scripts.errors import ConfigError, DataError
from core_scripts.evaluation.metric import Metric
from core_scripts.evaluation.sound_facts import SoundFacts, look_at
from core_scripts.evaluation.sound_files import read_sound

_FILES = 12  # spread over the list
_SECONDS = 5.0  # of each, from its beginning


@dataclass(frozen=True)
class Usual:
    """Mean and standard deviation over recordings by the keys of metrics; the rate of the first of them."""

    figures: dict[str, tuple[float, float]]
    rate_hz: int

    def of(self, metric: Metric) -> tuple[float, float] | None:
        return self.figures.get(metric.key)


def usual_sound(conf: Any) -> Usual | None:
    """Of the training list of a config; None where no waveform of it can be read any more."""
    try:
        paths = [path for corpus in read_corpora(conf, "trn") for path in _waveforms(corpus)]
    except (ConfigError, DataError):  # training is over, and its data need not be on this machine
        return None
    chosen = [paths[number * len(paths) // _FILES] for number in range(_FILES)] if len(paths) > _FILES else paths
    return summarise([facts for path in chosen for facts in _look_at_file(path)])


def summarise(recordings: Sequence[SoundFacts]) -> Usual | None:
    """Undefined figures do not count; None of no recordings."""
    if not recordings:
        return None
    figures = {}
    for key in recordings[0].figures:
        values = [facts.figures[key].value for facts in recordings if facts.figures[key].value is not None]
        if values:
            figures[key] = (float(np.mean(values)), float(np.std(values)))
    return Usual(figures, recordings[0].rate_hz)


def _waveforms(corpus: CorpusSpec) -> list[Path]:
    """The files of the first stream that is made of waveforms, whether they are there or not."""
    for stream in (*corpus.outputs, *corpus.inputs):
        if stream.directory is not None and is_audio(Path(f"x{stream.ext}")):
            reader = StreamReader(stream, None)
            return [reader.path(name) for name in read_names(corpus, [reader])]
    return []


def _look_at_file(path: Path) -> list[SoundFacts]:
    try:
        return [look_at(path.stem, read_sound(path, _SECONDS))]
    except DataError:
        return []
