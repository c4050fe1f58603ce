"""From the lists of a config.py (one entry per corpus, per stream) to records, every fault told together. No torch."""
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core_scripts import log
from core_scripts.config_parse.data_config import CorpusSpec, DataOptions, LoaderOptions, StreamSpec
from core_scripts.errors import ConfigError, all_faults

RAW_FORMATS = ("<f4", "f4", "float32")


@dataclass(frozen=True, kw_only=True)
class StreamLists:
    """One side (input or output) as config.py gives it: `dirs` and `functions` per corpus, the rest per stream."""

    dirs: Sequence[Sequence[Any]]
    exts: Sequence[str]
    dims: Sequence[int]
    reso: Sequence[int] | None = None  # None: all 1
    norm: Sequence[bool] | None = None  # None: all True
    functions: Sequence[Sequence[Callable]] | None = None  # [[]]: none
    front_ends: Sequence[Any] | None = None
    contexts: Sequence[tuple[int, int]] | None = None
    fills: Sequence[float | tuple[float, ...]] | None = None
    written_exts: Sequence[str] | None = None  # None: as exts


def corpora_from_lists(
    names: str | Sequence[str],
    lists: Sequence[Any],
    inputs: StreamLists,
    outputs: StreamLists,
    joint_function: Callable | None = None,
) -> tuple[CorpusSpec, ...]:
    """One record per corpus.

    names: one per corpus, or a stem that becomes stem_sub_0, stem_sub_1, ...; lists: per corpus the path of a text
    file, the names themselves, or None (whatever the folder of the first input holds).
    Raises: ConfigError with all faults.
    """
    faults: list[str] = []
    count = len(inputs.dirs) if _is_sequence(inputs.dirs) else 0
    if _is_sequence(lists) and count == 1 and len(lists) > 1 and all(isinstance(entry, str) for entry in lists):
        lists = [lists]  # a single corpus, its names without the outer brackets
    for what, entries in (("lists", lists), ("input_dirs", inputs.dirs), ("output_dirs", outputs.dirs)):
        if not _is_sequence(entries) or not entries:
            faults.append(f"{what}={entries!r} must be a list with one entry per corpus")
        elif len(entries) != count:
            faults.append(f"{what} has {len(entries)} entries but input_dirs has {count}; give one per corpus")
    named = [f"{names}_sub_{k}" for k in range(count)] if isinstance(names, str) else list(names)
    if len(named) != count:
        faults.append(f"{len(named)} set names {named} for {count} corpora; give one per corpus, or one str for all")
    faults += [f"set name {name!r} stands twice; caches would overwrite each other"
               for name in sorted({name for name in named if named.count(name) > 1})]
    sides = [_read_side("input", inputs, faults), _read_side("output", outputs, faults)]
    if faults:
        raise all_faults(ConfigError, "data lists of the configuration", faults)
    (in_specs, in_functions), (out_specs, out_functions) = sides
    return tuple(
        CorpusSpec(
            name=named[k],
            list_source=_list_source(lists[k]),
            inputs=in_specs[k],
            outputs=out_specs[k],
            input_functions=in_functions[k],
            output_functions=out_functions[k],
            joint_function=joint_function,
        )
        for k in range(count)
    )


def whole_frames(samples: int | None, corpus: CorpusSpec) -> int | None:
    """truncate_seq rounded down to whole frames of all aligned streams; None: no limit.

    Raises: ConfigError if that leaves nothing.
    """
    if not samples:
        return None
    grain = math.lcm(*(stream.resolution for stream in (*corpus.inputs, *corpus.outputs) if stream.resolution > 0))
    if samples < grain:
        raise ConfigError(f"truncate_seq={samples} is shorter than one frame of {grain} samples; "
                          f"take a multiple of {grain}")
    return samples - samples % grain


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _list_source(entry: Any) -> Path | tuple[str, ...] | None:
    if entry is None:
        return None
    return Path(entry) if isinstance(entry, (str, Path)) else tuple(entry)


def _read_side(side: str, given: StreamLists, faults: list[str]) -> tuple[list[tuple], list[tuple]]:
    """Streams and functions per corpus; what is wrong is appended to `faults`."""
    before, count = len(faults), len(given.exts)
    columns = {
        "dims": given.dims,
        "reso": given.reso if given.reso is not None else [1] * count,
        "norm": given.norm if given.norm is not None else [True] * count,
        "front_ends": given.front_ends or [None] * count,
        "contexts": given.contexts or [(0, 0)] * count,
        "fills": given.fills or [0.0] * count,
        "written_exts": given.written_exts or [""] * count,
    }
    for key, values in columns.items():
        if not _is_sequence(values) or len(values) != count:
            faults.append(f"{side}_{key}={values!r} must have {count} entries, one per {side}_exts {list(given.exts)}")
    if len(faults) > before:
        return [], []
    faults += _column_faults(side, given.exts, columns)
    corpora = given.dirs if _is_sequence(given.dirs) else []
    specs = [_streams_of(side, dirs, given.exts, columns, faults) for dirs in corpora]
    functions = []
    for k in range(len(corpora)):
        own = given.functions[k] if given.functions and k < len(given.functions) else ()
        if own and (not _is_sequence(own) or len(own) != count or not all(callable(function) for function in own)):
            faults.append(f"{side} functions of corpus {k} must be {count} callables, one per {side}_exts, or none")
        functions.append(tuple(own) if _is_sequence(own) else ())
    return specs, functions


def _column_faults(side: str, exts: Sequence[str], columns: dict[str, Sequence[Any]]) -> list[str]:
    faults = [f"{side}_exts entry {ext!r} is empty" for ext in exts if not ext]
    faults += [f"{side}_exts holds {ext}: text has to be stored as numbers (raw float32, reso -1) to be read"
               for ext in exts if ext.lower().endswith(".txt")]
    faults += [f"{side}_dims entry {dim!r} must be an integer of at least 1"
               for dim in columns["dims"] if not isinstance(dim, int) or dim < 1]
    reso = columns["reso"]
    wrong = [r for r in reso if not isinstance(r, int) or r == 0 or (r < 0 and side == "output")]
    faults += [f"{side}_reso entry {r!r} must be a positive integer" + (" (negative: unaligned)" * (side == "input"))
               for r in wrong]
    if not wrong and len(set(reso)) > 1:
        faults.append(f"{side}_reso={list(reso)} differ; streams that are joined into one {side} need the same")
    if len(set(columns["contexts"])) > 1:
        faults.append(f"{side}_contexts={list(columns['contexts'])} differ; joined streams need the same")
    return faults


def _streams_of(side: str, dirs: Any, exts: Sequence[str], columns: dict, faults: list[str]) -> tuple[StreamSpec, ...]:
    if not _is_sequence(dirs):
        faults.append(f"{side}_dirs entry {dirs!r} must be a list of folders, one per {side}_exts")
        return ()
    if side == "output" and not dirs:
        dirs = [None] * len(exts)
    elif not all(isinstance(folder, (str, Path)) and str(folder) for folder in dirs):
        faults.append(f"{side}_dirs entry {list(dirs)} must hold paths of folders")
        return ()
    if len(dirs) != len(exts):
        faults.append(f"{side}_dirs entry {list(dirs)} has {len(dirs)} folders for {len(exts)} {side}_exts")
        return ()
    return tuple(
        StreamSpec(
            directory=None if folder is None else Path(folder),
            ext=ext if ext.startswith(".") else f".{ext}",
            dim=columns["dims"][k],
            resolution=columns["reso"][k],
            normalise=bool(columns["norm"][k]),
            front_end=columns["front_ends"][k],
            context=tuple(columns["contexts"][k]),
            fill=columns["fills"][k],
            written_ext=columns["written_exts"][k],
        )
        for k, (folder, ext) in enumerate(zip(dirs, exts, strict=True))
    )


@dataclass(frozen=True)
class ContractData:
    """What the arguments of upstream's data set constructors mean."""

    corpora: tuple[CorpusSpec, ...]
    options: DataOptions
    loader: LoaderOptions


def read_contract(given: dict[str, Any], *, several: bool) -> ContractData:
    """The long argument list of NII_MergeDataSetLoader (`several`) or NIIDataSet (one corpus) as records.

    Raises: ConfigError with all faults.
    """
    outer = "list_" if several else ""
    if given["data_format"] not in RAW_FORMATS:
        raise ConfigError(f"data_format={given['data_format']!r}: raw features are little-endian float32, '<f4'")
    wrap = (lambda entry: entry) if several else (lambda entry: [entry])
    sides = [
        StreamLists(
            dirs=wrap(given[f"{outer}{side}_dirs"]),
            functions=wrap(given[f"{side}_augment_funcs"] or []),
            **{key: given[f"{side}_{key}"] for key in ("exts", "dims", "reso", "norm")},
        )
        for side in ("input", "output")
    ]
    names = given["dataset_name"] if several else [given["dataset_name"]]
    corpora = corpora_from_lists(names, wrap(given[f"{outer}file_list"]), *sides, given["inoutput_augment_func"])
    flags = vars(given["global_arg"]) if given["global_arg"] is not None else {}
    options = DataOptions(
        rate_hz=given["wav_samp_rate"],
        truncate=given["truncate_seq"],
        minimum=given["min_seq_len"],
        cache_dir=Path(flags.get("path_cache_file") or given["stats_path"] or "."),
        save_mean_std=bool(given["save_mean_std"]),
        output_inverse_functions=_inverse_functions(given["output_invtrans_funcs"]),
        ignore_invalid_length=flags.get("ignore_length_invalid_data", False),
        ignore_cache=flags.get("ignore_cached_file_infor", False),
        skip_scan=flags.get("force_skip_datadir_scanning", False),
        reverse=flags.get("flag_reverse_data_loading_order", False),
        silence_handler=flags.get("opt_wav_silence_handler", 0),
        adapt_lengths=flags.get("force_update_seq_length", False),
    )
    return ContractData(corpora, options, read_loader_params(given["params"], flags, given.get("way_to_merge")))


def read_loader_params(params: dict[str, Any] | None, flags: dict[str, Any], merge: str | None) -> LoaderOptions:
    """The `params` dictionary of upstream's loaders. Raises: ConfigError."""
    given = dict(params or {})
    known = {key: given.pop(key) for key in ("batch_size", "shuffle", "num_workers", "pin_memory") if key in given}
    sampler = str(given.pop("sampler", None))
    if given:
        log.warn(f"loader parameters {sorted(given)} are not known here and have no effect")
    return LoaderOptions(
        **known, sampler=sampler, seed=int(flags.get("seed", 1)), merge=merge if merge is not None else "concatenate"
    )


def _inverse_functions(given: Any) -> tuple[Callable, ...]:
    """One function per output stream; upstream also nests them per corpus, of which the first counts."""
    own = given[0] if given and _is_sequence(given[0]) else given
    return tuple(own or ())
