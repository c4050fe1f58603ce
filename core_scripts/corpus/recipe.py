"""What the synthetic corpus is made from, as a record."""
from dataclasses import asdict, dataclass

from core_scripts.corpus.score import FRAMES_PER_SECOND
from core_scripts.corpus.voices import VOICES
from core_scripts.errors import ConfigError, all_faults

_SECONDS_PER_SPEAKER = 12  # three utterances at least, one for each list


@dataclass(frozen=True, kw_only=True)
class CorpusRecipe:
    """All that the corpus depends on. Raises: ConfigError, all faults together."""

    seconds: float = 240.0  # of audio in total; the last utterance may run over
    rate_hz: int = 16000
    speakers: int = 4
    seed: int = 1

    def __post_init__(self) -> None:
        faults = []
        if not 1 <= self.speakers <= len(VOICES):
            faults.append(f"speakers={self.speakers} must be 1 to {len(VOICES)}")
        if not 16000 <= self.rate_hz <= 48000 or self.rate_hz % 8000:
            faults.append(f"rate_hz={self.rate_hz} must be a multiple of 8000 from 16000 to 48000, "
                          f"since its fricatives reach up to 8000 Hz and its hop is 5 ms")
        least = _SECONDS_PER_SPEAKER * self.speakers
        if not least <= self.seconds <= 36000:
            faults.append(f"seconds={self.seconds} must be {least} ({_SECONDS_PER_SPEAKER} for each of "
                          f"{self.speakers} speakers) to 36000")
        if not 0 <= self.seed < 2**64:
            faults.append(f"seed={self.seed} must be 0 to 2**64 - 1")
        if faults:
            raise all_faults(ConfigError, "CorpusRecipe", faults)

    @property
    def hop(self) -> int:
        """Samples per frame of F0."""
        return self.rate_hz // FRAMES_PER_SECOND

    def record(self) -> dict[str, int | float]:
        """The values as they stand in corpus.json."""
        return asdict(self)

    def describe(self) -> str:
        """One line for people."""
        return f"{self.seconds / 60:.1f} minutes, {self.speakers} speakers"
