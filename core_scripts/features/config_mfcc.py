"""The MFCC front end as a record: numbers only, so that configurations and geometry never import torch."""
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from core_scripts.errors import ConfigError, all_faults
from core_scripts.features.config_mel import MelConfig
from core_scripts.features.feature_record import FeatureRecord
from core_scripts.geometry.chain import Chain
from core_scripts.geometry.ops import Conv

if TYPE_CHECKING:
    from core_scripts.features.mfcc import Mfcc

DELTA_FRAMES = 9  # of the regression behind each delta, four on each side


@dataclass(frozen=True, kw_only=True)
class MfccConfig(FeatureRecord):
    """What an MFCC frame is: the first coefficients of an orthonormal DCT-II over the bands of a log-mel frame.

    With `deltas` their slope and curvature over nine frames follow: three times as many values, and a frame that
    reaches eight hops further. Only whole neighbourhoods are used, so frames of a crop equal those of the file.

        samples                 i*hop - e  |  i*hop ... (i+1)*hop  |  (i+1)*hop + e     e = (window - hop)/2
        static frame i          [----------------- window ----------------)
        frame i with deltas     the static frames i - 4 ... i + 4: window + 8*hop samples, 1680 of the defaults

    Raises: ConfigError, all faults together.
    """

    formula: ClassVar[str] = "mfcc 1"  # count up when the same settings give other values
    meaning: ClassVar[str] = (
        "orthonormal DCT-II over the bands of formula log-mel 1, then (with deltas) the least-squares slope and twice "
        "the quadratic term over 9 frames; frame i is centred on samples [i*hop, (i+1)*hop), zeros outside of the file")

    rate_hz: int = 16000
    window: int = 400  # samples, periodic Hann
    hop: int = 160  # samples from frame to frame
    fft: int = 512  # points; the window is filled up with zeros
    bands: int = 80  # of the log-mel frame below
    low_hz: float = 60.0
    high_hz: float | None = None  # None: half the rate
    floor: float = 1e-5  # smallest magnitude before the logarithm
    coefficients: int = 13  # the first is the level
    deltas: bool = True

    def __post_init__(self) -> None:
        faults = self._faults()
        if faults:
            raise all_faults(ConfigError, "MfccConfig", faults)

    @classmethod
    def at_rate(cls, rate_hz: int, **values: object) -> "MfccConfig":
        """Windows of 25 ms every 10 ms at another rate, an fft of 512 points or as many as a window needs.

        values: other fields, which go before these.

        Raises: ConfigError.
        """
        window = rate_hz // 40
        sizes = {"window": window, "hop": rate_hz // 100, "fft": max(512, 1 << (window - 1).bit_length())}
        return cls(rate_hz=rate_hz, **(sizes | values))

    @property
    def mel(self) -> MelConfig:
        """The log-mel frame that the coefficients are made of."""
        return MelConfig(rate_hz=self.rate_hz, window=self.window, hop=self.hop, fft=self.fft, bands=self.bands,
                         low_hz=self.low_hz, high_hz=self.high_hz, floor=self.floor)

    @property
    def top_hz(self) -> float:
        """Upper edge of the highest band."""
        return self.mel.top_hz

    @property
    def dim(self) -> int:
        """Values per frame."""
        return self.coefficients * (3 if self.deltas else 1)

    @property
    def silence(self) -> tuple[float, ...]:
        """A frame where the waveform is zero: the transform of equal bands is the first coefficient alone."""
        return (math.log(self.floor) * math.sqrt(self.bands), *[0.0] * (self.dim - 1))

    def settings(self) -> dict[str, Any]:
        """All numbers that the values depend on; an upper edge that was left open counts as half the rate."""
        return asdict(self) | {"high_hz": self.top_hz}

    @property
    def geometry(self) -> Chain:
        """From samples to frames, aligned so that frame i is centred on samples [i*hop, (i+1)*hop)."""
        framing = self.mel.geometry
        return Chain((framing, Conv(DELTA_FRAMES, padding=DELTA_FRAMES // 2)) if self.deltas else (framing,))

    def build(self) -> "Mfcc":
        """The module that computes it."""
        from core_scripts.features.mfcc import Mfcc  # torch is imported only by those who compute

        return Mfcc(self)

    def _faults(self) -> list[str]:
        faults = []
        if not isinstance(self.deltas, bool):
            faults.append(f"deltas={self.deltas!r} must be true or false")
        try:
            most = self.mel.bands
        except ConfigError as fault:
            faults.append(f"the log-mel frame below cannot be made. {fault}")
            most = None
        if isinstance(self.coefficients, bool) or not isinstance(self.coefficients, int) or self.coefficients < 1:
            faults.append(f"coefficients={self.coefficients!r} must be a whole number of at least 1")
        elif most is not None and self.coefficients > most:
            faults.append(f"coefficients={self.coefficients} is more than bands={most} give; take at most {most}")
        return faults
