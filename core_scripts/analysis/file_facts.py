"""What one recording is like: level and damage, bits in use, correlations, spectrum, pitch. No torch."""
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from core_scripts.analysis.correlations import autocorrelation, envelope, power_spectrum
from core_scripts.corpus.prepare_measure import Measured, measure
from core_scripts.data_io.file_io import FrameFile
from core_scripts.errors import DataError
from core_scripts.features.f0 import F0Config, track_f0

LAG_SECONDS = 0.05  # of the waveform's correlations; three periods of the deepest voice
ENVELOPE_SECONDS = 0.005  # per level
ENVELOPE_LAGS = 160  # 0.8 s: a few syllables
_LONGEST_SECONDS = 300  # of one file; a longer one stands with its middle
_SILENT_DB = 40.0  # below the loudest 25 ms of the file
_LEVELS_24 = 2.0**23
_F0_FRAMES_KEPT = 400  # per file, spread evenly
_LOWEST_RATE_HZ = 4000


@dataclass(frozen=True)
class FileFacts:
    """Of the first channel. Correlations are NaN where the file is too short or does not change."""

    seconds: float
    kind: str = ""  # as libsndfile calls it: PCM_16
    effective_bits: int | None = None  # None: floating point
    measured: Measured = field(default_factory=Measured)
    peak: float = 0.0
    silent_share: float = 0.0
    is_constant: bool = False
    waveform_acf: np.ndarray | None = None
    envelope_acf: np.ndarray | None = None
    spectrum: np.ndarray | None = None
    f0_hz: np.ndarray | None = None  # of some voiced frames
    voiced_share: float | None = None  # None: the rate is too low for the tracker
    cpu_seconds: float = 0.0
    fault: str = ""


def read_facts(path: Path) -> FileFacts:
    """All of them; of a file that cannot be read only its fault."""
    begun = time.process_time()
    try:
        wave, rate_hz, kind = read_middle(path)
    except DataError as fault:
        return FileFacts(0.0, fault=str(fault).removeprefix(str(path)).lstrip(": "))
    facts = describe_wave(wave, rate_hz, kind)
    return FileFacts(**vars(facts) | {"cpu_seconds": time.process_time() - begun})


def read_middle(path: Path) -> tuple[np.ndarray, int, str]:
    """First channel, (T,) float32 and T at most 5 minutes, rate in Hz, kind of samples. Raises: DataError."""
    try:
        info = soundfile.info(str(path))
    except soundfile.LibsndfileError as fault:
        raise DataError(f"{path}: {fault.error_string}") from None
    with FrameFile(path, info.channels) as file:
        kept = min(file.total, _LONGEST_SECONDS * info.samplerate)
        start = (file.total - kept) // 2
        return file.read(start, start + kept)[:, 0], info.samplerate, info.subtype


def describe_wave(wave: np.ndarray, rate_hz: int, kind: str) -> FileFacts:
    """wave: (T,) float32, T at least 1."""
    exact = wave.astype(np.float64)
    block = max(1, round(ENVELOPE_SECONDS * rate_hz))
    levels = envelope(exact, block)
    pitch = track_f0(exact, rate_hz, F0Config()) if rate_hz >= _LOWEST_RATE_HZ else None
    voiced = pitch[pitch > 0] if pitch is not None else None
    return FileFacts(
        seconds=len(wave) / rate_hz,
        kind=kind,
        effective_bits=count_effective_bits(exact),
        measured=measure(wave, rate_hz),
        peak=float(np.abs(wave).max()),
        silent_share=_silent_share(exact, max(1, rate_hz // 40)),
        is_constant=bool(np.ptp(wave) == 0),
        waveform_acf=autocorrelation(exact, round(LAG_SECONDS * rate_hz) + 1),
        envelope_acf=autocorrelation(levels, ENVELOPE_LAGS) if len(levels) > 1 else np.full(ENVELOPE_LAGS, np.nan),
        spectrum=power_spectrum(exact),
        f0_hz=None if voiced is None else voiced[::max(1, len(voiced) // _F0_FRAMES_KEPT)],
        voiced_share=None if pitch is None else float((pitch > 0).mean()),
    )


def count_effective_bits(wave: np.ndarray) -> int | None:
    """Bits of the widest even steps, up to 24, on which all samples lie whatever their offset; None: on no such steps.

    8 of a recording of 8 bits that was stored as 16; a quiet recording of 16 bits still has 16.
    """
    scaled = wave * _LEVELS_24
    codes = np.rint(scaled)
    if not np.array_equal(codes, scaled):
        return None
    values = np.unique(codes.astype(np.int64))
    step = int(np.gcd.reduce(np.diff(values))) if len(values) > 1 else 1
    return 24 - (step & -step).bit_length() + 1 if step > 1 else 24


def _silent_share(wave: np.ndarray, block: int) -> float:
    levels = envelope(wave, block)
    if not len(levels) or levels.max() <= 0:
        return 1.0
    return float((levels < levels.max() * 10 ** (-_SILENT_DB / 20)).mean())
