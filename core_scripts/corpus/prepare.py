"""From a folder of recordings to a folder that recipes train on; started again, it goes on where it was stopped.

Layout of what it makes:

    wav/NAME.wav         a link to the recording, or 16-bit PCM where it was FLAC or had another rate
    mel/NAME.mel         log-mel frames, raw float32; mel/passport.json says how they were made
    mel_mean_std.bin     mean and deviation of each band over the training list
    train.lst, val.lst, test.lst, speakers.tsv (where speakers are known)
    prepare.json         what was found in each recording
    rejected.tsv         recordings that cannot be used, if there are any
"""
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from core_scripts import log
from core_scripts.config_parse.config_parse import ProjectConfig
from core_scripts.corpus.prepare_extract import MEL_DIR, Done, Job, extract_file, require_soxr
from core_scripts.corpus.prepare_lists import KINDS, Lists, find_speakers, make_lists, names_in_use, read_given_lists
from core_scripts.corpus.prepare_measure import Measured, measure_file
from core_scripts.corpus.prepare_place import Place
from core_scripts.corpus.prepare_pool import choose_workers, map_files, tell_how_to_go_on
from core_scripts.corpus.prepare_proposal import (
    find_mel,
    mel_for_rate,
    minimum_seconds,
    proposed_words,
    speaker_words,
    stored_words,
    train_command,
)
from core_scripts.corpus.prepare_scan import Recording, find_recordings, look_at
from core_scripts.corpus.prepare_table import Needs, Rejected, judge, overview, rejects_text, speaker_table, warnings
from core_scripts.data_io.audio_header import HIGHEST_RATE_HZ
from core_scripts.data_io.statistics import Moments
from core_scripts.errors import DataError, UsageError, all_faults
from core_scripts.features.config_mel import MelConfig
from core_scripts.progress import Progress

_SHOWN_REJECTS = 10


@dataclass(frozen=True, kw_only=True)
class Request:
    """lists: those that the user has, by kind; resample: rate in Hz, 0 none; workers: processes, 0 as fits."""

    wav_dir: Path
    out: Path
    speakers_from: str = ""
    lists: dict[str, Path]
    resample: int = 0
    skip_bad: bool = False
    workers: int = 0
    is_quiet: bool = False


def prepare(request: Request, conf: ProjectConfig) -> None:
    """Do it, and say what was found and how to train on it.

    Raises: DataError with all that is wrong; recordings that cannot be used are told in rejected.tsv as well.
    """
    place = Place(request.wav_dir, request.out)
    recordings = look_at(_choose(find_recordings(request.wav_dir), request.lists))
    given = read_given_lists(request.lists, [recording.name for recording in recordings])
    find_speakers(request.speakers_from, [recording.name for recording in recordings if recording.header])
    needs = _needs(recordings, request, conf)
    mel = mel_for_rate(find_mel(conf)[1], needs.rate_hz)
    with tell_how_to_go_on():
        measured = _measure_all(recordings, place, request)
        log.say(f"{request.wav_dir}\n{overview(recordings, measured, rejected := judge(recordings, measured, needs))}")
        _reject(rejected, recordings, place, request)
        bad = {one.recording.name for one in rejected}
        usable = [recording for recording in recordings if recording.name not in bad]
        good = {recording.name: measured[recording.name] for recording in usable}
        speakers = find_speakers(request.speakers_from, list(good))
        lists = make_lists(given, list(good), speakers)
        _tell(good, usable, speakers)
        with place.locked():
            place.begin(usable, good, mel)
            done, moments = _extract_all(usable, lists, mel, request)
            place.finish(lists, speakers, moments)
    words = proposed_words(conf, mel, round(median(one.samples for one in done.values())))
    words += speaker_words(conf) if len(set(speakers.values())) > 1 else []
    _tell_end(done, lists, request, words, stored_words(conf))


def _choose(recordings: list[Recording], lists: dict[str, Path]) -> list[Recording]:
    """Without those that a full set of lists leaves out."""
    known = [recording.name for recording in recordings]
    kept = set(names_in_use(read_given_lists(lists, known), known))
    if len(kept) < len(known):
        log.note(f"{len(known) - len(kept)} of {len(known)} recordings are in none of the three lists and left alone")
    return [recording for recording in recordings if recording.name in kept]


def _needs(recordings: Sequence[Recording], request: Request, conf: ProjectConfig) -> Needs:
    """Raises: DataError if no header at all can be read; RecitalError without soxr."""
    rates = Counter(recording.header.rate_hz for recording in recordings if recording.header)
    if not rates:
        faults = [f"{recording.path.relative_to(request.wav_dir)} {recording.fault}" for recording in recordings]
        raise all_faults(DataError, f"none of the {len(recordings)} files in {request.wav_dir} can be read",
                         faults[:_SHOWN_REJECTS])
    if request.resample > HIGHEST_RATE_HZ:
        raise UsageError(f"--resample {request.resample}: a rate in Hz of at most {HIGHEST_RATE_HZ:,}, such as 16000")
    rate_hz = request.resample or rates.most_common(1)[0][0]
    if request.resample and set(rates) != {rate_hz}:
        require_soxr()
        if low := min(rates) if min(rates) < rate_hz else 0:
            log.warn(f"resampling from {low} to {rate_hz} Hz adds no sound above {low // 2} Hz")
    mel = find_mel(conf)[1]
    return Needs(rate_hz, request.resample > 0, minimum_seconds(conf, mel))


def _measure_all(recordings: Sequence[Recording], place: Place, request: Request) -> dict[str, Measured]:
    """Of all recordings of one channel; those that have not changed since the last time are not read again."""
    known = place.measured()
    single = [recording for recording in recordings if recording.header and recording.header.channels == 1]
    found = {one.name: known[one.name][1] for one in single if one.name in known and known[one.name][0] == one.mark}
    fresh = [recording for recording in single if recording.name not in found]
    jobs = [(recording.path, recording.header.rate_hz) for recording in fresh]
    results = map_files(measure_file, jobs, choose_workers(request.workers, len(jobs)))
    with Progress("checking", len(jobs), "file", quiet=request.is_quiet) as progress:
        for count, (recording, result) in enumerate(zip(fresh, results, strict=True), 1):
            found[recording.name] = result
            progress.show(count)
    return {recording.name: found[recording.name] for recording in single}


def _reject(rejected: Sequence[Rejected], recordings: Sequence[Recording], place: Place, request: Request) -> None:
    """Tell of recordings that cannot be used. Raises: DataError unless it goes on without them."""
    path = place.write_rejects(rejects_text(rejected) if rejected else "")
    if not rejected:
        return
    title = f"{len(rejected)} of {len(recordings)} recordings cannot be used; all are in {path}"
    if request.skip_bad and len(rejected) < len(recordings):
        log.warn(f"{title}; going on without them")
        return
    shown = [f"{one.recording.path.relative_to(request.wav_dir)}: {one.reason}" for one in rejected[:_SHOWN_REJECTS]]
    shown += [f"and {len(rejected) - len(shown)} more"] if len(rejected) > len(shown) else []
    if len(rejected) == len(recordings):
        title += "; nothing is left to train on"
    else:
        title += "; mend them, or leave them out with --skip-bad"
    lines = "\n".join(f"  {line}" for line in shown)
    raise DataError(f"{title}\n{lines}")


def _tell(measured: dict[str, Measured], usable: Sequence[Recording], speakers: dict[str, str]) -> None:
    seconds = {recording.name: recording.seconds for recording in usable}
    log.say(speaker_table(measured, seconds, speakers))
    for line in warnings(measured, speakers):
        log.warn(line)


def _extract_all(
    usable: Sequence[Recording], lists: Lists, mel: MelConfig, request: Request
) -> tuple[dict[str, Done], Moments]:
    """All files made; and the moments of the training list, pooled in its order whoever computed them."""
    by_name = {recording.name: recording for recording in usable}
    names = list(dict.fromkeys([*lists["train"], *by_name]))
    jobs = [Job(name, by_name[name].path, by_name[name].header.rate_hz, request.out, mel) for name in names]
    done: dict[str, Done] = {}
    moments = Moments.empty(mel.dim)
    results = map_files(extract_file, jobs, choose_workers(request.workers, len(jobs)))
    with Progress("features", len(jobs), "file", quiet=request.is_quiet) as progress:
        for count, (name, result) in enumerate(zip(names, results, strict=True), 1):
            moments = moments.merge(result.moments) if count <= len(lists["train"]) else moments
            done[name] = replace(result, moments=None)
            progress.show(count)
    return done, moments


def _tell_end(done: dict[str, Done], lists: Lists, request: Request, words: list[str], stored: list[str]) -> None:
    clipped = sum(one.clipped for one in done.values())
    if clipped:
        log.warn(f"{clipped} samples overshot full scale when they were resampled, and were cut off")
    ready = sum(not one.is_new for one in done.values())
    sizes = ", ".join(f"{kind} {len(lists[kind])}" for kind in KINDS)
    log.say(f"{request.out}: {sizes}" + (f"; features of {ready} files were there already" if ready else ""))
    name = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in request.out.name)
    log.say(f"to train on it, frames computed from the waveform while it is read:\n"
            f"  {train_command(name, request.out, words)}")
    if stored:
        log.say(f"or with the stored frames of {request.out / MEL_DIR}:\n"
                f"  {train_command(name, request.out, words + stored)}")
