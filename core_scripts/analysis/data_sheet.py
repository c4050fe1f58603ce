"""analyze data: what a corpus is like, and how far its samples know of each other."""
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core_scripts.analysis.correlations import bandwidth, decay_length, linear_order
from core_scripts.analysis.data_baselines import BaselineTable
from core_scripts.analysis.data_files import AudioSet
from core_scripts.analysis.file_facts import ENVELOPE_SECONDS, FileFacts
from core_scripts.analysis.sampling import Estimate, GroupedMean, mean_estimate
from core_scripts.errors import DataError

QUANTILES = (0.0, 0.05, 0.5, 0.95, 1.0)
_SHOWN = 3


@dataclass(frozen=True)
class Correlations:
    """Of all recordings of one rate, each counted by its length. Lengths are where |correlation| falls below 1/e."""

    rate_hz: int
    waveform: np.ndarray  # per sample
    envelope: np.ndarray  # per 5 ms
    spectrum: np.ndarray  # power, 0 to half the rate
    waveform_samples: Estimate | None
    envelope_ms: Estimate | None  # None: longer than was looked at
    linear_order: int  # past samples that a linear predictor makes use of, at most 64
    linear_gain_db: float  # what it takes from the power
    bandwidth_hz: float


@dataclass(frozen=True)
class DataSheet:
    """facts: of the recordings that were read, in a random order, from `of_files` of one rate; correlations None: they
    are silent or constant. wall_seconds: all of it took."""

    audio: AudioSet
    of_files: int
    facts: dict[str, FileFacts]
    correlations: Correlations | None
    baselines: BaselineTable | None
    wall_seconds: float

    @property
    def measured(self) -> list[FileFacts]:
        """Of the recordings that could be read."""
        return [one for one in self.facts.values() if not one.fault]

    @property
    def hours_measured(self) -> float:
        return sum(one.seconds for one in self.measured) / 3600

    @property
    def cpu_seconds_per_hour(self) -> float:
        """Of processor time per hour of audio, without the baselines."""
        return sum(one.cpu_seconds for one in self.measured) / max(self.hours_measured, 1e-9)

    @property
    def is_sampled(self) -> bool:
        """Whether time was up before all were read."""
        return len(self.facts) < self.of_files

    @property
    def is_steady(self) -> bool:
        """Whether most of them hardly change their level, as noise and tones do and speech never."""
        return sum(one.measured.is_steady for one in self.measured) > len(self.measured) / 2

    def lengths(self) -> dict[str, float]:
        """Seconds of all recordings at the quantiles, from their headers."""
        seconds = [one.seconds for one in self.audio.recordings.values()]
        return {f"{share:g}": float(np.quantile(seconds, share)) for share in QUANTILES}

    def formats(self) -> dict[str, dict[str, int]]:
        """How many recordings have which rate and channels (all of them), kind of samples and bits in use (read)."""
        headers = [one.header for one in self.audio.recordings.values()]
        return {
            "rate_hz": _count(header.rate_hz for header in headers),
            "channels": _count(header.channels for header in headers),
            "samples": _count(one.kind for one in self.measured),
            "effective_bits": _count("float" if one.effective_bits is None else one.effective_bits
                                     for one in self.measured if not one.is_constant),
        }

    def levels(self) -> dict[str, Any]:
        """dB of full scale and offsets at the quantiles; shares and counts of what is wrong."""
        facts = self.measured
        return {
            "level_db": _quantiles([one.measured.level_db for one in facts]),
            "peak": _quantiles([one.peak for one in facts]),
            "offset": _quantiles([one.measured.offset for one in facts]),
            "silent_share": mean_estimate([one.silent_share for one in facts]),
            "clipped_files": sum(one.measured.is_clipped for one in facts),
            "constant_files": sum(one.is_constant for one in facts),
            "steady_files": sum(one.measured.is_steady for one in facts),
        }

    def duplicates(self) -> list[tuple[str, ...]]:
        """Names of recordings of one content, at 16 bits."""
        found: dict[tuple[float, str], list[str]] = {}
        for name, one in self.facts.items():
            if not one.fault:
                found.setdefault((one.seconds, one.measured.digest), []).append(name)
        return sorted(tuple(sorted(names)) for names in found.values() if len(names) > 1)

    def leaks(self) -> list[str]:
        """Names held out for test whose content is trained on too."""
        train, test = set(self.audio.lists["train"]), set(self.audio.lists["test"]) - set(self.audio.lists["train"])
        return [name for names in self.duplicates() if train & set(names) for name in names if name in test]

    def pitch(self) -> dict[str, Any] | None:
        """F0 in Hz at the quantiles and the share of voiced frames; None: the rate is too low, or nothing is voiced."""
        tracks = [one.f0_hz for one in self.measured if one.f0_hz is not None and len(one.f0_hz)]
        if not tracks:
            return None
        voiced = mean_estimate([one.voiced_share for one in self.measured if one.voiced_share is not None])
        return {"hz": _quantiles(np.concatenate(tracks)), "voiced_share": voiced}


def correlate(facts: Sequence[FileFacts], rate_hz: int) -> Correlations | None:
    """Of recordings at one rate; None if none of them changes."""
    lively = [one for one in facts if not one.fault and not np.isnan(one.waveform_acf[0])]
    if not lively:
        return None
    weights = [one.seconds for one in lively]
    waveform = GroupedMean([one.waveform_acf for one in lively], weights)
    envelope = GroupedMean([one.envelope_acf for one in lively], weights)
    spectrum = GroupedMean([one.spectrum for one in lively], weights).mean()
    order, errors = linear_order(waveform.mean(), round(sum(weights) * rate_hz))
    blocks_ms = 1000 * ENVELOPE_SECONDS
    return Correlations(
        rate_hz=rate_hz,
        waveform=waveform.mean(),
        envelope=envelope.mean(),
        spectrum=spectrum,
        waveform_samples=waveform.estimate(decay_length),
        envelope_ms=_scaled(envelope.estimate(decay_length), blocks_ms),
        linear_order=order,
        linear_gain_db=float(10 * np.log10(errors[0] / errors[-1])),
        bandwidth_hz=bandwidth(spectrum, rate_hz),
    )


def require_readable(facts: dict[str, FileFacts]) -> None:
    """Raises: DataError if no recording could be read."""
    if all(one.fault for one in facts.values()):
        shown = [f"{name}: {one.fault}" for name, one in list(facts.items())[:_SHOWN]]
        raise DataError("none of the recordings can be read: " + "; ".join(shown))


def _scaled(estimate: Estimate | None, factor: float) -> Estimate | None:
    if estimate is None:
        return None
    return Estimate(estimate.value * factor, None if estimate.error is None else estimate.error * factor)


def _count(values: Any) -> dict[str, int]:
    return {str(value): count for value, count in Counter(values).most_common()}


def _quantiles(values: Sequence[float] | np.ndarray) -> dict[str, float]:
    return {f"{share:g}": float(np.quantile(values, share)) for share in QUANTILES}
