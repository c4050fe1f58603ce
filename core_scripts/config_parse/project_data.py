"""The data keys of a recipe's config.py as corpus records and options. No torch."""
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core_scripts.config_parse.corpus_lists import StreamLists, corpora_from_lists, whole_frames
from core_scripts.config_parse.data_config import CorpusSpec, DataOptions
from core_scripts.errors import ConfigError

SPLITS = ("trn", "val", "test")


def read_corpora(
    conf: Any, split: str, context: tuple[Sequence, Sequence] = ((), ())
) -> tuple[CorpusSpec, ...]:
    """The corpora of one split ("trn", "val" or "test"); none if the config gives no list for it.

    `{key}` in a path stands for another key of the config; relative paths start at the config's folder. context:
    (left, right) frames per input stream and per output stream.
    Raises: ConfigError with all faults.
    """
    values = vars(conf)
    lists = values.get(f"{split}_list")
    if lists is None:
        return ()
    prefix = "test_" if split == "test" else ""
    sides = []
    for side, contexts in zip(("input", "output"), context, strict=True):
        front_ends = [_record(conf, name) for name in values.get(f"{side}_front_ends") or ()]
        fills = [_record(conf, fill).silence if isinstance(fill, str) else fill
                 for fill in values.get(f"{side}_fills") or ()]
        sides.append(
            StreamLists(
                dirs=[[_path(conf, folder) for folder in corpus] for corpus in values[f"{prefix}{side}_dirs"]],
                exts=values[f"{side}_exts"],
                dims=values[f"{side}_dims"],
                reso=values.get(f"{side}_reso"),
                norm=values.get(f"{side}_norm"),
                functions=values.get(f"{prefix}{side}_trans_fns"),
                front_ends=front_ends or None,
                contexts=contexts or None,
                fills=fills or None,
                written_exts=values.get(f"{side}_written_exts"),
            )
        )
    lists = [_path(conf, entry) if isinstance(entry, str) else entry for entry in lists]
    corpora = corpora_from_lists(values[f"{split}_set_name"], lists, *sides,
                                 values.get(f"{prefix}input_output_trans_fn"))
    for corpus in corpora if split != "test" else ():
        whole_frames(values.get("truncate_seq"), corpus)  # told now, before anything is read
    return corpora


def read_options(conf: Any, args: Any, split: str, cache_dir: Path) -> DataOptions:
    """How utterances of a split are cut and checked: crops in training and validation, whole files in the test set."""
    values = vars(conf)
    whole = split == "test"
    return DataOptions(
        rate_hz=values.get("wav_samp_rate"),
        truncate=None if whole else values.get("truncate_seq"),
        minimum=None if whole else values.get("minimum_len"),
        random_offset=split == "trn" and bool(values.get("random_offset")),
        cache_dir=Path(args.path_cache_file) if args.path_cache_file else cache_dir,
        save_mean_std=split == "trn",
        ignore_invalid_length=args.ignore_length_invalid_data,
        ignore_cache=args.ignore_cached_file_infor,
        skip_scan=args.force_skip_datadir_scanning,
        reverse=args.flag_reverse_data_loading_order,
        silence_handler=args.opt_wav_silence_handler,
        adapt_lengths=args.force_update_seq_length,
    )


def speakers_file(conf: Any) -> Path | None:
    """The file NAME<TAB>speaker that the config names; None: speakers are not told apart."""
    named = vars(conf).get("speakers") if conf is not None else None
    return _path(conf, named) if named else None


def needs_synthetic_corpus(conf: Any, splits: Sequence[str]) -> Path | None:
    """The folder of the synthetic corpus, if a list of one of the splits lies in it."""
    values = vars(conf)
    if not values.get("synthetic_corpus"):
        return None
    folder = _path(conf, values["synthetic_corpus"])
    entries = [entry for split in splits for entry in values.get(f"{split}_list") or ()]
    return folder if any(isinstance(entry, str) and _path(conf, entry).parent == folder for entry in entries) else None


def _record(conf: Any, name: str | None) -> Any:
    if name is None:
        return None
    values = vars(conf)
    if name not in values:
        raise ConfigError(f"input_front_ends names {name!r}, which config.py does not define")
    return values[name]


def _path(conf: Any, text: str) -> Path:
    try:
        expanded = text.format_map(vars(conf))
    except (KeyError, ValueError, IndexError) as error:
        raise ConfigError(f"the path {text!r} names a key that config.py does not define: {error}") from None
    return Path(conf.path).parent / expanded
