"""Which recordings cannot be used and why, and what a person should know about the others."""
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from core_scripts.corpus.prepare_measure import Measured
from core_scripts.corpus.prepare_scan import Recording

_SILENT_DB = -65.0  # loudest 25 ms; the quietest speech that is known to be usable reaches -47
_OFFSET = 3e-4  # ten steps of 16 bits
_LARGE_OFFSET = 0.02  # of a recording; a good converter stays a hundred times below
_QUIET_DB = -36.0  # of a speaker, all recordings together
_QUIETER_DB = 10.0  # than the loudest speaker
_SHOWN = 3
KINDS = ("unreadable", "channels", "other rate", "too short", "silent", "duplicate")


@dataclass(frozen=True)
class Needs:
    """What a recording must be; rate_hz: after resampling, resamples: whether other rates can be brought to it."""

    rate_hz: int
    resamples: bool
    seconds: float


@dataclass(frozen=True)
class Rejected:
    """kind: one of KINDS; reason: with the numbers and what can be done."""

    recording: Recording
    kind: str
    reason: str


def judge(recordings: Sequence[Recording], measured: dict[str, Measured], needs: Needs) -> list[Rejected]:
    """All recordings that cannot be used, each with the first reason that was found."""
    rejected, first_with = [], {}
    for recording in recordings:
        verdict = _fault_of_header(recording, needs) or _fault_of_samples(recording, measured, first_with)
        if verdict:
            rejected.append(Rejected(recording, *verdict))
    return rejected


def _fault_of_header(recording: Recording, needs: Needs) -> tuple[str, str] | None:
    header = recording.header
    if header is None:
        return "unreadable", recording.fault
    if header.channels != 1:
        return "channels", f"{header.channels} channels, one is needed; mix it down or take one of them"
    if header.rate_hz != needs.rate_hz and not needs.resamples:
        return "other rate", f"{header.rate_hz} Hz, most have {needs.rate_hz}; prepare with --resample {needs.rate_hz}"
    if recording.seconds < needs.seconds:
        return "too short", f"{recording.seconds:.3f} s, the shortest usable is {needs.seconds:.3f} s (minimum_len)"
    return None


def _fault_of_samples(recording: Recording, measured: dict[str, Measured], first: dict) -> tuple[str, str] | None:
    found = measured[recording.name]
    if found.fault:
        return "unreadable", found.fault
    if found.loudest_db < _SILENT_DB:
        return "silent", (f"never louder than {found.loudest_db:.0f} dB of full scale; there is nothing to learn from, "
                          f"unless speech is in it and you make it louder")
    other = first.setdefault((found.digest, recording.header.rate_hz), recording.name)
    if other != recording.name:
        return "duplicate", f"the same samples as {other}; in two lists they would falsify figures"
    return None


def rejects_text(rejected: Sequence[Rejected]) -> str:
    """Content of rejected.tsv."""
    rows = [f"{one.recording.name}\t{one.kind}\t{' '.join(one.reason.split())}\n" for one in rejected]
    return "name\tkind\treason\n" + "".join(rows)


def overview(recordings: Sequence[Recording], measured: dict[str, Measured], rejected: Sequence[Rejected]) -> str:
    """The table that prepare prints."""
    heads = [recording.header for recording in recordings if recording.header]
    kinds = Counter(one.kind for one in rejected)
    usable = [found for found in measured.values() if not found.fault]
    lengths = sorted(recording.seconds for recording in recordings if recording.header) or [0.0]
    rows = [
        ("files", f"{len(recordings):,}"),
        ("hours", f"{sum(lengths) / 3600:.2f}"),
        ("rates", _counts(Counter(head.rate_hz for head in heads), " Hz")),
        ("channels", _counts(Counter(head.channels for head in heads), "")),
        ("length", f"{lengths[0]:.2f} to {lengths[-1]:.2f} s, median {median(lengths):.2f} s"),
        ("unusable", ", ".join(f"{kind} {kinds[kind]}" for kind in KINDS)),
        ("to note", f"clipped {sum(found.is_clipped for found in usable)}, "
                    f"8 bits in 16 {sum(found.is_coarse for found in usable)}, "
                    f"constant offset {sum(abs(found.offset) > _OFFSET for found in usable)}, "
                    f"without speech {sum(found.is_steady for found in usable)}"),
    ]
    return "\n".join(f"  {title:<10}{text}" for title, text in rows)


def _counts(counter: Counter, unit: str) -> str:
    return ", ".join(f"{value}{unit}: {count:,}" for value, count in counter.most_common()) or "none"


def speaker_table(measured: dict[str, Measured], seconds: dict[str, float], speakers: dict[str, str]) -> str:
    """Files, minutes, level and offset per speaker, or of all where speakers are not known."""
    lines = [f"  {'speaker':<16}{'files':>7}{'minutes':>9}{'level':>10}{'offset':>10}"]
    for speaker, names in _by_speaker(measured, speakers).items():
        minutes = sum(seconds[name] for name in names) / 60
        lines.append(f"  {speaker:<16}{len(names):>7,}{minutes:>9.1f}{_level(measured, names):>7.1f} dB"
                     f"{_offset(measured, names):>10.5f}")
    return "\n".join(lines)


def warnings(measured: dict[str, Measured], speakers: dict[str, str]) -> list[str]:
    """What works but not as one may think, one line each."""
    told = []
    for flag, text in (("is_clipped", "have samples cut off at full scale; a model learns that too"),
                       ("is_coarse", "hold 8-bit audio in 16-bit samples; keep them out of every figure in bits"),
                       ("is_steady", "hardly change their level: noise or a tone, perhaps no speech at all")):
        names = [name for name, found in measured.items() if vars(found)[flag]]
        if names:
            told.append(f"{len(names)} of {len(measured)} recordings {text} ({_some(names)})")
    groups = _by_speaker(measured, speakers)
    levels = {speaker: _level(measured, names) for speaker, names in groups.items()}
    quiet = [speaker for speaker, level in levels.items()
             if level < _QUIET_DB or level < max(levels.values()) - _QUIETER_DB]
    if quiet:
        shown = ", ".join(f"{speaker} {levels[speaker]:.1f} dB" for speaker in quiet[:_SHOWN])
        told.append(f"very quiet ({shown}; the loudest is at {max(levels.values()):.1f} dB): levels stay as recorded, "
                    f"nothing is normalised, and figures in bits depend on the level")
    shifted = [speaker for speaker, names in groups.items() if abs(_offset(measured, names)) > _OFFSET]
    if shifted:
        shown = ", ".join(f"{speaker} {_offset(measured, groups[speaker]):+.5f}" for speaker in shifted[:_SHOWN])
        told.append(f"constant offset of the waveform ({shown}): it stays as recorded")
    apart = [name for name, found in measured.items() if abs(found.offset) > _LARGE_OFFSET]
    if apart:
        most = max(apart, key=lambda name: abs(measured[name].offset))
        told.append(f"{len(apart)} of {len(measured)} recordings have a large constant offset ({_some(apart)}; {most} "
                    f"has {measured[most].offset:+.3f}): take it away first, figures of quality would suffer")
    return told


def _by_speaker(measured: dict[str, Measured], speakers: dict[str, str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in measured:
        groups.setdefault(speakers.get(name, "all"), []).append(name)
    return dict(sorted(groups.items()))


def _level(measured: dict[str, Measured], names: Sequence[str]) -> float:
    power = sum(10 ** (measured[name].level_db / 10) * measured[name].samples for name in names)
    return 10 * math.log10(max(power / max(1, sum(measured[name].samples for name in names)), 1e-18))


def _offset(measured: dict[str, Measured], names: Sequence[str]) -> float:
    return sum(measured[name].offset for name in names) / len(names)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
