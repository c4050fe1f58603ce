"""The verb prepare: from a folder of recordings to data for training."""
import os
from pathlib import Path

from core_scripts.config_parse.config_parse import Resolved
from core_scripts.corpus.prepare import Request
from core_scripts.corpus.prepare import prepare as prepare_corpus
from core_scripts.errors import UsageError
from core_scripts.run_folder import RunFolder

PLAIN_FOLDERS = ("wav", "wavs", "flac", "audio")  # names that tell nothing of a corpus; the folder above does


def prepare(resolved: Resolved, folder: RunFolder) -> None:
    """Make data for training from the folder of --wav-dir."""
    args = resolved.args
    if not args.prepare_wav_dir:
        raise UsageError("prepare needs the folder of the recordings: python main.py prepare --wav-dir DIR")
    source = Path(os.path.abspath(args.prepare_wav_dir))  # links to the recordings need the whole path
    named = source.parent if source.name.lower() in PLAIN_FOLDERS else source
    lists = {"train": args.prepare_train_list, "val": args.prepare_val_list, "test": args.prepare_test_list}
    request = Request(
        wav_dir=source,
        out=Path(os.path.abspath(args.prepare_out or resolved.config.path.parent.parent / "DATA" / named.name)),
        speakers_from=args.prepare_speakers_from,
        lists={kind: Path(path) for kind, path in lists.items() if path},
        resample=args.prepare_resample,
        skip_bad=args.prepare_skip_bad,
        workers=args.num_workers,
        is_quiet=args.verbose <= 0,
    )
    prepare_corpus(request, resolved.config)
