"""analyze data: the sheet of a corpus, printed, and its pictures."""
import json
import os
import re
import time
from argparse import Namespace
from collections import Counter
from dataclasses import replace
from pathlib import Path

from core_scripts import log
from core_scripts.analysis.data_baselines import BaselineTable, measure_data_baselines
from core_scripts.analysis.data_files import AudioSet, audio_of_config, audio_of_folder, configured_levels
from core_scripts.analysis.data_pictures import draw_sheet
from core_scripts.analysis.data_sheet import DataSheet, correlate, require_readable
from core_scripts.analysis.data_text import sheet_as_plain, sheet_as_text
from core_scripts.analysis.file_facts import read_facts
from core_scripts.analysis.sampling import Effort, shuffled, work_through
from core_scripts.config_parse.config_parse import Resolved
from core_scripts.data_io.file_io import write_atomically
from core_scripts.errors import DataError, UsageError, all_faults
from core_scripts.run_folder import RunFolder

SHEET_NAME = "data.json"
_DEFAULT_LEVELS = 256
MOST_BITS = 16


def analyze_data(resolved: Resolved, folder: RunFolder) -> None:
    """Print the sheet of a folder, or of the lists of the configuration; keep it with its pictures."""
    begun = time.monotonic()
    levels = chosen_levels(resolved)  # a mistake there is told before any work
    audio = chosen_audio(resolved)
    sheet = measure_sheet(audio, effort_of(resolved.args))
    baselines = _baselines(_without(audio, sheet), levels, resolved.args)
    sheet = replace(sheet, baselines=baselines, wall_seconds=time.monotonic() - begun)
    plain = json.dumps(sheet_as_plain(sheet), indent=None if resolved.args.json else 1)
    log.say(plain if resolved.args.json else sheet_as_text(sheet))
    place = Path(resolved.args.analyze_analysis_dir or _default_place(resolved, audio))
    write_atomically(place / SHEET_NAME, (plain + "\n").encode("utf-8"))
    drawn = draw_sheet(sheet, place)
    log.note(f"{place}: {', '.join([SHEET_NAME, *(path.name for path in drawn)])}")


def measure_sheet(audio: AudioSet, effort: Effort) -> DataSheet:
    """Of the recordings of the commonest rate, as many as the time allows, in a random order. Raises: DataError."""
    begun = time.monotonic()
    rates = Counter(one.header.rate_hz for one in audio.recordings.values())
    rate_hz = rates.most_common(1)[0][0]
    names = shuffled(name for name, one in audio.recordings.items() if one.header.rate_hz == rate_hz)
    if len(rates) > 1:
        log.warn(f"{len(audio.recordings) - len(names)} recordings have other rates than {rate_hz} Hz and are only "
                 f"counted; python main.py prepare --wav-dir DIR --resample {min(rates)} makes them alike")
    jobs = [audio.recordings[name].path for name in names]
    facts = dict(zip(names, work_through("analysis", read_facts, jobs, effort), strict=False))
    require_readable(facts)
    return DataSheet(audio, len(names), facts, correlate(list(facts.values()), rate_hz), None,
                     time.monotonic() - begun)


def chosen_audio(resolved: Resolved) -> AudioSet:
    """The folder that the command line names, or the data of the configuration. Raises: UsageError, DataError."""
    words = resolved.args.words
    if len(words) > 1:
        raise UsageError(f"analyze {resolved.args.subject} takes one folder, not {len(words)}: {' '.join(words)}")
    return audio_of_folder(Path(os.path.abspath(Path(words[0]).expanduser()))) if words \
        else audio_of_config(resolved.config)


def chosen_levels(resolved: Resolved) -> int:
    """Of the quantiser: --levels, --bits, or those of the configuration. Raises: UsageError."""
    args = resolved.args
    faults = []
    if args.analyze_levels and args.analyze_bits:
        faults.append("--levels and --bits say the same; give one of them")
    if args.analyze_levels == 1:
        faults.append("--levels 1: with one level every sample is the same code, there is nothing to predict; take 2 "
                      "or more")
    if args.analyze_bits > MOST_BITS or args.analyze_levels > 2**MOST_BITS:
        faults.append(f"samples have {MOST_BITS} bits, {2**MOST_BITS} levels at most; mu-law models use 8 to 10 bits")
    if faults:
        raise all_faults(UsageError, "analyze", faults)
    if args.analyze_bits:
        return 2 ** args.analyze_bits
    return args.analyze_levels or configured_levels(resolved.config) or _DEFAULT_LEVELS


def effort_of(args: Namespace) -> Effort:
    """What the command line allows."""
    return Effort(args.analyze_analysis_seconds, args.num_workers, args.verbose <= 0)


def _without(audio: AudioSet, sheet: DataSheet) -> AudioSet:
    """The set without recordings that turned out to be damaged behind their headers."""
    bad = {name for name, one in sheet.facts.items() if one.fault}
    return replace(audio, lists={kind: [name for name in names if name not in bad]
                                 for kind, names in audio.lists.items()})


def _baselines(audio: AudioSet, levels: int, args: Namespace) -> BaselineTable | None:
    try:
        return measure_data_baselines(audio, levels, effort_of(args), peak_normalised=args.analyze_peak_normalised)
    except DataError as fault:
        log.warn(f"no baselines: {fault}")
        return None


def _default_place(resolved: Resolved, audio: AudioSet) -> Path:
    name = re.sub(r"[^\w.-]", "_", audio.title)
    return resolved.config.path.parent / "exp" / "analysis" / name
