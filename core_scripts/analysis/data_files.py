"""Which recordings are to be analysed: those of a configuration's lists, or all below a folder."""
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core_scripts.config_parse.config_parse import ProjectConfig
from core_scripts.config_parse.data_config import CorpusSpec, StreamSpec
from core_scripts.config_parse.project_data import SPLITS, read_corpora, speakers_file
from core_scripts.corpus.prepare_lists import KINDS, Lists, folder_of_all, make_lists
from core_scripts.corpus.prepare_scan import Recording, find_recordings, look_at
from core_scripts.corpus.synthetic import ensure_corpus_of
from core_scripts.data_io.catalog import told_together
from core_scripts.data_io.file_io import is_audio
from core_scripts.data_io.speakers import read_speakers
from core_scripts.errors import ConfigError, DataError
from core_scripts.other_tools.list_tools import read_list

SPEAKERS_NAME = "speakers.tsv"


@dataclass(frozen=True)
class AudioSet:
    """Recordings whose headers were read, how they are split, and who speaks; `unreadable` ones are in no list."""

    place: Path  # the folder, or the config.py
    recordings: dict[str, Recording]  # by name
    lists: Lists  # names of train, val and test
    speakers: dict[str, str]  # by name; empty: not known
    unreadable: tuple[Recording, ...] = ()
    split_by: str = "lists"  # or "hash": no lists were there

    @property
    def title(self) -> str:
        """A short name for it."""
        return self.place.name if self.place.is_dir() else self.place.parent.name

    def rate_hz(self) -> int:
        """The rate of all recordings. Raises: DataError if they differ or have several channels."""
        rates = sorted({one.header.rate_hz for one in self.recordings.values()})
        channels = sorted({one.header.channels for one in self.recordings.values()})
        if len(rates) > 1 or channels != [1]:
            raise DataError(f"{self.place} holds recordings at {', '.join(map(str, rates))} Hz with "
                            f"{', '.join(map(str, channels))} channels; one rate and one channel are needed: "
                            f"python main.py prepare --wav-dir DIR --resample {rates[0]}")
        return rates[0]


def audio_of_folder(folder: Path) -> AudioSet:
    """All recordings below a folder. train.lst, val.lst, test.lst and speakers.tsv in it are heeded; what they leave
    open a hash of the names decides, as `prepare` does.

    Raises: DataError if nothing there can be read.
    """
    readable, unreadable = _read_headers(find_recordings(folder, ""), folder)
    names = {one.name for one in readable}
    given = {kind: read_list(path) for kind in KINDS if (path := folder / f"{kind}.lst").is_file()}
    within = folder_of_all(given, names | {one.name for one in unreadable})
    prefix = f"{within}/" if within else ""
    speakers = read_speakers(path) if (path := folder / SPEAKERS_NAME).is_file() else {}
    speakers = {f"{prefix}{name}": who for name, who in speakers.items() if f"{prefix}{name}" in names}
    known = {kind: [f"{prefix}{name}" for name in own if f"{prefix}{name}" in names] for kind, own in given.items()}
    known = {kind: own for kind, own in known.items() if own}
    lists = _complete(known, sorted(names), speakers)
    return AudioSet(folder, {one.name: one for one in readable}, lists, speakers, unreadable,
                    "lists" if known else "hash")


def audio_of_config(conf: ProjectConfig) -> AudioSet:
    """The waveforms of a configuration's lists; the synthetic corpus is made if they lie in it.

    Raises: ConfigError if it names no list or no waveforms; DataError if a listed file is missing.
    """
    ensure_corpus_of(conf, SPLITS)
    found: dict[str, Recording] = {}
    lists: Lists = {}
    for kind, split in zip(KINDS, SPLITS, strict=True):
        corpora = read_corpora(conf, split)
        own = [recording for corpus in corpora for recording in _listed(corpus, conf)]
        if own:
            lists[kind] = [one.name for one in own]
            found |= {one.name: one for one in own}
    if not found:
        raise ConfigError(f"{conf.path} names no trn_list, val_list or test_list; name a folder: analyze data DIR")
    missing = [f"{one.path} is missing" for one in found.values() if not one.path.exists()]
    if missing:
        raise told_together("listed files", missing)
    readable, unreadable = _read_headers(list(found.values()), conf.path)
    names = {one.name for one in readable}
    lists = {kind: [name for name in own if name in names] for kind, own in lists.items()}
    lists = _complete({kind: own for kind, own in lists.items() if own}, sorted(names), {})
    told = speakers_file(conf)
    speakers = read_speakers(told) if told is not None else {}
    return AudioSet(conf.path, {one.name: one for one in readable}, lists,
                    {name: who for name, who in speakers.items() if name in names}, unreadable)


def records_of(conf: ProjectConfig) -> list[dict[str, Any]]:
    """The fields of every record of a network in the configuration."""
    return [vars(value) for name, value in vars(conf).items()
            if name != "presets" and not name.startswith("_") and type(value).__module__.startswith("sandbox.")]


def configured_levels(conf: ProjectConfig) -> int | None:
    """The number of levels that a record of the configuration quantises to; None if none does."""
    for fields in records_of(conf):
        if fields.get("head", "categorical") == "categorical":
            if isinstance(fields.get("codes"), int) and fields["codes"]:
                return fields["codes"]
            if isinstance(fields.get("bits"), int):
                return 2 ** fields["bits"]
    return None


def _complete(known: Lists, names: Sequence[str], speakers: dict[str, str]) -> Lists:
    """All three lists; what to validate with may be empty, and is tested with where nothing else is."""
    if known.get("train") and (known.get("test") or known.get("val")):
        return {kind: known.get(kind) or known.get("val", []) * (kind == "test") for kind in KINDS}
    free = len(names) - len({name for own in known.values() for name in own})
    return make_lists(known if free >= len(KINDS) else {}, names, speakers)


def _read_headers(recordings: Iterable[Recording], place: Path) -> tuple[list[Recording], tuple[Recording, ...]]:
    looked = look_at(list(recordings))
    readable = [one for one in looked if one.header]
    unreadable = tuple(one for one in looked if not one.header)
    if not readable:
        raise told_together(f"none of the {len(looked)} recordings of {place} can be read",
                            [f"{one.path}: {one.fault}" for one in unreadable])
    return readable, unreadable


def _listed(corpus: CorpusSpec, conf: ProjectConfig) -> list[Recording]:
    streams = [stream for stream in (*corpus.outputs, *corpus.inputs)
               if stream.directory is not None and is_audio(Path(f"x{stream.ext}"))]
    if not streams:
        raise ConfigError(f"{conf.path}: {corpus.name} has no stream of .wav or .flac files; name a folder: "
                          f"analyze data DIR")
    return [Recording(name, streams[0].directory / f"{name}{streams[0].ext}") for name in _names(corpus, streams[0])]


def _names(corpus: CorpusSpec, stream: StreamSpec) -> list[str]:
    if isinstance(corpus.list_source, Path):
        return read_list(corpus.list_source)
    if corpus.list_source is None:
        return sorted(path.name.removesuffix(stream.ext) for path in stream.directory.glob(f"*{stream.ext}"))
    return list(corpus.list_source)
