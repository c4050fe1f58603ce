"""The log-mel front end as a record: numbers only, so that configurations and geometry never import torch."""
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from core_scripts.errors import ConfigError, all_faults
from core_scripts.features.feature_record import FeatureRecord
from core_scripts.geometry.ops import Frame

if TYPE_CHECKING:
    from core_scripts.features.mel import LogMel

# Slaney's Auditory Toolbox (1998): linear up to 1 kHz, then 27 bands per factor of 6.4.
_HZ_PER_MEL = 200.0 / 3.0
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _HZ_PER_MEL
_LOG_STEP = math.log(6.4) / 27.0


def hz_to_mel(hz: float) -> float:
    """Slaney's mel scale: 3/200 mel per Hz below 1 kHz, logarithmic above."""
    return hz / _HZ_PER_MEL if hz < _BREAK_HZ else _BREAK_MEL + math.log(hz / _BREAK_HZ) / _LOG_STEP


def mel_to_hz(mel: float) -> float:
    """Inverse of `hz_to_mel`."""
    return mel * _HZ_PER_MEL if mel < _BREAK_MEL else _BREAK_HZ * math.exp((mel - _BREAK_MEL) * _LOG_STEP)


@dataclass(frozen=True, kw_only=True)
class MelConfig(FeatureRecord):
    """What a log-mel frame is: natural logarithm of mel-weighted spectral magnitudes.

    Frame i is centred on samples [i*hop, (i+1)*hop) of the signal and reaches (window - hop)/2 beyond on each side:

        samples        i*hop - e  |  i*hop ... (i+1)*hop  |  (i+1)*hop + e        e = (window - hop)/2
        frame i        [---------------- window ----------------)

    Raises: ConfigError, all faults together.
    """

    formula: ClassVar[str] = "log-mel 1"
    meaning: ClassVar[str] = (
        "ln(max(floor, triangles of area 1 on Slaney's mel scale x |FFT of periodic Hann window|)); "
        "frame i is centred on samples [i*hop, (i+1)*hop), zeros stand outside of the file")

    rate_hz: int = 16000
    window: int = 400  # samples, periodic Hann
    hop: int = 80  # samples from frame to frame
    fft: int = 512  # points; the window is filled up with zeros
    bands: int = 80
    low_hz: float = 60.0  # keeps DC offsets and mains hum out of the lowest band
    high_hz: float | None = None  # None: half the rate
    floor: float = 1e-5  # smallest magnitude before the logarithm

    def __post_init__(self) -> None:
        faults = self._faults()
        if faults:
            raise all_faults(ConfigError, "MelConfig", faults)

    @property
    def dim(self) -> int:
        """Values per frame."""
        return self.bands

    def settings(self) -> dict[str, Any]:
        """All numbers that the values depend on; an upper edge that was left open counts as half the rate."""
        return asdict(self) | {"high_hz": self.top_hz}

    @property
    def top_hz(self) -> float:
        """Upper edge of the highest band."""
        return self.rate_hz / 2 if self.high_hz is None else self.high_hz

    @property
    def silence(self) -> float:
        """What every band holds where the waveform is zero."""
        return math.log(self.floor)

    @property
    def geometry(self) -> Frame:
        """The framing, aligned so that frame i is centred on samples [i*hop, (i+1)*hop)."""
        return Frame.aligned(self.window, self.hop)

    def build(self) -> "LogMel":
        """The module that computes it."""
        from core_scripts.features.mel import LogMel  # torch is imported only by those who compute

        return LogMel(self)

    def band_edges_hz(self) -> list[float]:
        """The bands + 2 corners of the triangular filters, equally spaced in mel from low_hz to the top."""
        low, high = hz_to_mel(self.low_hz), hz_to_mel(self.top_hz)
        step = (high - low) / (self.bands + 1)
        return [mel_to_hz(low + step * i) for i in range(self.bands + 2)]

    def _faults(self) -> list[str]:
        faults = [
            f"{name}={value!r} must be a whole number of at least 1"
            for name, value in (("rate_hz", self.rate_hz), ("window", self.window), ("hop", self.hop),
                                ("fft", self.fft), ("bands", self.bands))
            if isinstance(value, bool) or not isinstance(value, int) or value < 1
        ]
        if faults:
            return faults
        overhang = self.window - self.hop
        if overhang < 0 or overhang % 2:
            faults.append(f"window={self.window} minus hop={self.hop} must be even and not negative, so that frames "
                          f"centre on their hop; try window={self.hop + max(0, overhang + overhang % 2)}")
        if self.fft < self.window:
            faults.append(f"fft={self.fft} is shorter than window={self.window}; "
                          f"try fft={1 << (self.window - 1).bit_length()}")
        if not self.floor > 0:
            faults.append(f"floor={self.floor} must be above 0, its logarithm is the value of silence; try 1e-5")
        if not 0 <= self.low_hz < self.top_hz <= self.rate_hz / 2:
            faults.append(f"low_hz={self.low_hz} and high_hz={self.top_hz} must satisfy 0 <= low_hz < high_hz <= "
                          f"{self.rate_hz / 2}, half of rate_hz={self.rate_hz}")
        return faults or self._empty_bands()

    def _empty_bands(self) -> list[str]:
        edges, bin_hz = self.band_edges_hz(), self.rate_hz / self.fft
        empty = [band for band in range(self.bands)
                 if (math.floor(edges[band] / bin_hz) + 1) * bin_hz >= edges[band + 2]]
        if not empty:
            return []
        return [f"{len(empty)} of bands={self.bands} (the first is {empty[0]}) hold no bin of fft={self.fft} "
                f"({bin_hz:g} Hz apart); take fewer bands or a longer fft"]
