"""Which items a data set has: names from lists, lengths from file headers, pieces, and the .dic cache of all that."""
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core_scripts import log
from core_scripts.config_parse.corpus_lists import whole_frames
from core_scripts.config_parse.data_config import CorpusSpec, DataOptions
from core_scripts.data_io.file_io import write_atomically
from core_scripts.data_io.segment import CutRule, agree_on_length, common_grain
from core_scripts.data_io.seq_info import SeqInfo
from core_scripts.data_io.stream_reader import StreamReader
from core_scripts.errors import DataError, RecitalError, all_faults, near_files
from core_scripts.files import remove_leftovers
from core_scripts.other_tools.list_tools import read_list

_SHOWN_FAULTS = 20
_SHOWN_NEIGHBOURS = 5  # looking for similar names is slow in large folders
Steps = dict[str, dict[str, list[int]]]  # stream key -> name -> [bytes, time of change in ns, steps]


@dataclass(frozen=True)
class Catalog:
    """items in the order of the list; lengths: whole utterances in samples; steps: the files when looked at."""

    items: tuple[SeqInfo, ...]
    lengths: dict[str, int]
    steps: Steps
    rule: CutRule


def read_catalog(corpus: CorpusSpec, readers: Sequence[StreamReader], options: DataOptions) -> Catalog:
    """All items of a corpus; the header of a file is read again only where the file has changed.

    Raises: DataError with all faulty files, if a stream is missing, damaged or of another length, or nothing is left.
    """
    names = read_names(corpus, readers)
    table_path = options.cache_dir / f"{corpus.name}_utt_length.json"
    known = {} if options.ignore_cache else _read_table(table_path)
    steps = _scan(corpus, names, readers, known, options)
    lengths = _agreed_lengths(corpus, steps, readers, options)
    rule = _cut_rule(corpus, options)
    catalog = Catalog(tuple(_cut_all(corpus, lengths, rule)), lengths, steps, rule)
    if not options.ignore_cache:
        _save(corpus, catalog, table_path, known)
    return catalog


def read_names(corpus: CorpusSpec, readers: Sequence[StreamReader]) -> list[str]:
    """The names of a corpus in the order of its list. Raises: DataError."""
    source = corpus.list_source
    if source is None:
        names, where = _names_in_folder(readers[0]), str(readers[0].spec.directory)
    elif isinstance(source, Path):
        names, where = read_list(source), str(source)
    else:
        names, where = [str(name) for name in source], f"the list of {corpus.name}"
    if not names:
        raise DataError(f"{where} holds no names; give one utterance per line, without folder and ending")
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    faults = [f"{name!r} stands {count} times; keep one" for name, count in counts.items() if count > 1]
    faults += [f"{name!r} is not UTF-8; rename the file"
               for name in counts if any("\ud800" <= letter <= "\udfff" for letter in name)]
    if faults:
        raise told_together(f"names in {where}", faults)
    return names


def _names_in_folder(reader: StreamReader) -> list[str]:
    folder, ext = reader.spec.directory, reader.spec.ext
    if not folder.is_dir():
        raise DataError(f"folder {folder} does not exist{near_files(folder)}")
    return sorted(entry.name[: -len(ext)] for entry in os.scandir(folder) if entry.name.endswith(ext))


def _scan(
    corpus: CorpusSpec, names: list[str], readers: Sequence[StreamReader], known: Steps, options: DataOptions
) -> Steps:
    """Steps of each stream and name. Raises: DataError with the faults of all files."""
    faults: dict[str, None] = {}  # once each: input and output may be the same file
    found: Steps = {reader.key(): {} for reader in readers}
    for reader in readers:
        own, before = found[reader.key()], known.get(reader.key(), {})
        for name in names:
            try:
                own[name] = _look(reader, name, before.get(name), options.skip_scan)
            except DataError as fault:
                near = _near_name(reader, name) if len(faults) < _SHOWN_NEIGHBOURS else ""
                faults[f"{fault}{near}"] = None
    if faults:
        raise told_together(f"files of {corpus.name}", list(faults))
    return found


def told_together(title: str, faults: list[str]) -> RecitalError:
    """A DataError with the first of these faults, and how many more there are."""
    rest = len(faults) - _SHOWN_FAULTS
    return all_faults(DataError, title, faults[:_SHOWN_FAULTS] + ([f"and {rest} more"] if rest > 0 else []))


def _look(reader: StreamReader, name: str, stored: list[int] | None, trusted: bool) -> list[int]:
    if stored is not None and trusted:
        return stored
    path = reader.path(name)
    try:
        status = path.stat()
    except OSError as fault:
        raise DataError(f"{path} cannot be read: {fault.strerror}") from None
    mark = [status.st_size, status.st_mtime_ns]
    return stored if stored is not None and stored[:2] == mark else [*mark, reader.count_steps(name)]


def _near_name(reader: StreamReader, name: str) -> str:
    path = reader.path(name)
    if path.exists():
        return ""
    if (reader.spec.directory / name).exists():
        return f"; names stand without their ending, so write {name[: -len(Path(name).suffix)]!r}"
    return near_files(path)


def _agreed_lengths(
    corpus: CorpusSpec, steps: Steps, readers: Sequence[StreamReader], options: DataOptions
) -> dict[str, int]:
    """Samples at the finest resolution per name, in the order of the names; 0 if nothing is aligned."""
    grain = common_grain([reader.step_samples for reader in readers])
    lengths: dict[str, int] = {}
    faults: list[str] = []
    for name in steps[readers[0].key()]:
        aligned = {reader.path(name): (steps[reader.key()][name][2], reader.step_samples)
                   for reader in readers if reader.is_aligned}
        moving = {path: count * step for path, (count, step) in aligned.items() if count > 1}
        all_lengths = moving or {path: step for path, (_, step) in aligned.items()}
        length = agree_on_length(list(all_lengths.values()), grain) if all_lengths else 0
        if length is None:
            told = ", ".join(f"{path}: {aligned[path][0]} x {aligned[path][1]} = {samples} samples"
                             for path, samples in moving.items())
            faults.append(f"{name}: streams differ in length ({told})")
        elif length == 0 and all_lengths:
            faults.append(f"{name}: {min(all_lengths.values())} samples are less than the shortest piece of {grain}")
        else:
            lengths[name] = length
    if faults and not options.ignore_invalid_length:
        remedy = "correct features or resolutions, or leave these utterances out with --ignore-length-invalid-data"
        raise told_together(f"lengths in {corpus.name} do not fit; {remedy}", faults)
    for fault in faults:
        log.warn(f"left out of {corpus.name}: {fault}")
    return lengths


def _cut_rule(corpus: CorpusSpec, options: DataOptions) -> CutRule:
    """Raises: ConfigError if items would be shorter than a frame."""
    grain = common_grain([stream.resolution for stream in (*corpus.inputs, *corpus.outputs)])
    truncate = whole_frames(options.truncate, corpus)
    if options.random_offset and truncate is None:
        log.warn(f"random_offset has no effect on {corpus.name}: it is about cuts, and without truncate_seq there are "
                 "none")
    minimum = options.minimum - options.minimum % grain if options.minimum else None
    return CutRule(truncate=truncate, minimum=minimum, grain=grain, random_offset=options.random_offset)


def _cut_all(corpus: CorpusSpec, lengths: dict[str, int], rule: CutRule) -> list[SeqInfo]:
    """Raises: DataError if nothing is left."""
    items: list[SeqInfo] = []
    dropped = []
    for name, length in lengths.items():
        pieces = rule.pieces(length) if length else []
        for number, piece in enumerate(pieces):
            items.append(SeqInfo(len(piece), name, number, piece.start, len(items)))
        if not pieces and length == 0:
            items.append(SeqInfo(0, name, 0, 0, len(items)))
        elif not pieces:
            dropped.append(name)
    if not items:
        longest = max(lengths.values(), default=0)
        raise DataError(f"{corpus.name} has no items: the longest of {len(lengths)} utterances has {longest} samples, "
                        f"minimum_len is {rule.minimum}; lower it")
    if dropped:
        log.note(f"{corpus.name}: {len(dropped)} utterances shorter than minimum_len={rule.minimum} are left out, "
                 f"the first is {dropped[0]}")
    return items


def _read_table(path: Path) -> Steps:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        return table["files"] if table.get("format") == 1 else {}
    except (OSError, ValueError, KeyError, AttributeError):
        return {}


def _save(corpus: CorpusSpec, catalog: Catalog, table_path: Path, known: Steps) -> None:
    """Write the .dic and its side file where they differ from what is there; say so if an old .dic was wrong."""
    remove_leftovers(table_path.parent)  # of statistics as well
    dic_path = table_path.with_suffix(".dic")
    wanted = [item.print_to_dic() for item in catalog.items]
    try:
        existing = json.loads(dic_path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        existing = None
    except (OSError, ValueError):
        existing = []
    try:
        if existing is not None and _as_set(existing) != _as_set(wanted):
            log.note(f"{dic_path} is rebuilt: files, lists or settings have changed since it was made")
        elif existing is not None and not known:
            log.note(f"{dic_path} agrees with the files and is taken over")
        if existing != wanted:
            write_atomically(dic_path, json.dumps(wanted).encode("utf-8"))
        if known != catalog.steps:
            write_atomically(table_path, json.dumps({"format": 1, "files": catalog.steps}).encode("utf-8"))
    except DataError as fault:
        log.warn(f"lengths are not cached: {fault}")


def _as_set(items: object) -> set[tuple]:
    keys = ("seq_name", "seg_idx", "start_pos", "length")
    try:
        return {tuple(item[key] for key in keys) for item in items}
    except (TypeError, KeyError):
        return set()
