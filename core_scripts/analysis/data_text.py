"""The data sheet for people, and as one JSON object."""
from dataclasses import asdict
from typing import Any

from core_scripts.analysis.data_sheet import DataSheet
from core_scripts.analysis.file_facts import ENVELOPE_LAGS, ENVELOPE_SECONDS
from core_scripts.analysis.sampling import Estimate

_SHOWN = 3
_LEAST_SECONDS = 60  # of audio, to tell a speed


def sheet_as_plain(sheet: DataSheet) -> dict[str, Any]:
    """Everything but the curves, for json.dumps."""
    audio, found = sheet.audio, sheet.correlations
    seconds = sum(one.seconds for one in audio.recordings.values())
    plain = {
        "place": str(audio.place),
        "files": len(audio.recordings),
        "hours": seconds / 3600,
        "lists": {kind: len(names) for kind, names in audio.lists.items()},
        "split_by": audio.split_by,
        "speakers": len(set(audio.speakers.values())),
        "unreadable": [one.name for one in audio.unreadable] + [name for name, one in sheet.facts.items() if one.fault],
        "seconds": sheet.lengths(),
        "files_measured": len(sheet.measured),
        "is_sampled": sheet.is_sampled,
        "hours_measured": sheet.hours_measured,
        "cpu_seconds_per_hour": sheet.cpu_seconds_per_hour,
        "wall_seconds": sheet.wall_seconds,
        "formats": sheet.formats(),
        "levels": {name: asdict(value) if isinstance(value, Estimate) else value
                   for name, value in sheet.levels().items()},
        "duplicates": sheet.duplicates(),
        "leaks": sheet.leaks(),
        "f0": None,
        "correlations": None,
    }
    if (pitch := sheet.pitch()) is not None:
        plain["f0"] = pitch | {"voiced_share": asdict(pitch["voiced_share"])}
    if found is not None:
        plain["correlations"] = {
            "waveform_samples": _plain(found.waveform_samples), "envelope_ms": _plain(found.envelope_ms),
            "linear_order": found.linear_order, "linear_gain_db": found.linear_gain_db,
            "bandwidth_hz": found.bandwidth_hz,
        }
    return plain | (sheet.baselines.as_plain() if sheet.baselines is not None else {"baselines": {}})


def sheet_as_text(sheet: DataSheet) -> str:
    """Some thirty lines."""
    parts = [*_what_is_there(sheet), *_how_it_sounds(sheet), *_correlations(sheet)]
    if sheet.baselines is not None:
        parts.append(str(sheet.baselines))
    hours = sheet.hours_measured
    parts.append(f"{sheet.wall_seconds:.0f} s for {3600 * hours:,.0f} s of audio"
                 + (f"; without the baselines {sheet.cpu_seconds_per_hour:.0f} s of processor time per hour of audio"
                    if 3600 * hours > _LEAST_SECONDS else ""))
    return "\n".join(parts)


def _what_is_there(sheet: DataSheet) -> list[str]:
    audio, formats = sheet.audio, sheet.formats()
    seconds = sum(one.seconds for one in audio.recordings.values())
    listed = ", ".join(f"{kind} {len(names):,}" for kind, names in audio.lists.items())
    by_hash = " (by a hash of the names; there are no lists)" if audio.split_by == "hash" else ""
    speakers = len(set(audio.speakers.values()))
    lines = [f"{audio.place}",
             f"recordings: {len(audio.recordings):,}, {seconds / 3600:.2f} hours; {listed}{by_hash}"
             + (f"; {speakers} speakers" if speakers else "")]
    bad = [one.name for one in audio.unreadable] + [name for name, one in sheet.facts.items() if one.fault]
    if bad:
        lines.append(f"  cannot be read: {len(bad)} ({_some(bad)})")
    lines.append(f"  seconds each: {_spread(sheet.lengths(), '.2f')}")
    lines.append(f"  rate: {_counts(formats['rate_hz'], ' Hz')}; channels: {_counts(formats['channels'], '')}")
    if sheet.is_sampled:
        lines.append(f"the rest is of {len(sheet.measured):,} recordings drawn at random, {sheet.hours_measured:.2f} "
                     f"hours, as many as --analysis-seconds allows; ± is half of a 95 % interval")
    elif sheet.of_files < len(audio.recordings):
        lines.append(f"the rest is of the {sheet.of_files:,} recordings of the commonest rate")
    lines.append(f"  samples: {_counts(formats['samples'], '')}; bits in use: {_counts(formats['effective_bits'], '')}")
    return lines


def _how_it_sounds(sheet: DataSheet) -> list[str]:
    levels, pitch, twins, leaks = sheet.levels(), sheet.pitch(), sheet.duplicates(), sheet.leaks()
    of = f"of {len(sheet.measured):,}"
    lines = [
        f"  level, dB of full scale: {_spread(levels['level_db'], '.1f')}",
        f"  peak: {_spread(levels['peak'], '.3f')}",
        f"  offset: {_spread(levels['offset'], '+.5f')}",
        f"  silence (40 dB below the loudest 25 ms): {_share(levels['silent_share'])}",
        f"  clipped {levels['clipped_files']} {of}, constant {levels['constant_files']}, no change of level (noise or "
        f"tone) {levels['steady_files']}",
        f"  duplicates by content: {sum(map(len, twins)) - len(twins)}"
        + (f" ({_some([' = '.join(names[:3]) for names in twins])})" if twins else "")
        + (f"; {len(leaks)} of the test list are trained on as well ({_some(leaks)})" if leaks else ""),
    ]
    if pitch is not None:
        lines.append(f"  F0, Hz: {_spread(pitch['hz'], '.0f')}; voiced {_share(pitch['voiced_share'])}")
    return lines


def _correlations(sheet: DataSheet) -> list[str]:
    found = sheet.correlations
    if found is None:
        return ["correlations: none, every recording is constant or silent"]
    rate_hz = found.rate_hz
    waveform = found.waveform_samples
    longest_ms = 1000 * ENVELOPE_SECONDS * ENVELOPE_LAGS
    told = f"{waveform} samples = {1000 * waveform.value / rate_hz:.2f} ms" if waveform else "longer than 50 ms"
    return [
        "correlations (to 1/e):",
        f"  waveform: {told}",
        f"  energy envelope: {found.envelope_ms or f'longer than {longest_ms:.0f}'} ms",
        f"  linear prediction: {found.linear_order} of 64 past samples are of use; all take {found.linear_gain_db:.1f} "
        f"dB from the power",
        f"  spectrum: within 60 dB of its peak up to {found.bandwidth_hz:,.0f} of {rate_hz / 2:,.0f} Hz",
    ]


def _plain(estimate: Estimate | None) -> dict[str, Any] | None:
    return None if estimate is None else asdict(estimate)


def _spread(values: dict[str, float], form: str) -> str:
    low, five, middle, most, high = (format(value, form) for value in values.values())
    return f"{low} to {high}, median {middle}, 90 % within {five} and {most}"


def _share(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.1f} %" + (f" ± {100 * estimate.error:.1f}" if estimate.error else "")


def _counts(values: dict[str, int], unit: str) -> str:
    if not values:
        return "none"
    if len(values) == 1:
        return f"{next(iter(values))}{unit}"
    return ", ".join(f"{value}{unit}: {count:,}" for value, count in list(values.items())[:5])


def _some(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (" ..." if len(names) > _SHOWN else "")
