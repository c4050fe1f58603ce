"""What the doctor for sound hears and what it has to say, as records."""
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core_scripts.evaluation.sound_facts import SoundFacts

_NAMES = 3
_COLUMNS = 110

TRAIN_ON = "train on while the loss falls"
OTHER_STATE = "take another kept state: --trained-model FILE"


@dataclass(frozen=True)
class Finding:
    """What is off, in words, and what to do about it. noisy: samples drawn less at random would make less of it."""

    fault: str
    remedy: str
    noisy: bool = False

    def __str__(self) -> str:
        return "\n".join((_wrapped(self.fault, "  ", "    "), _wrapped(self.remedy, "    -> ", "       ")))


@dataclass(frozen=True, eq=False)
class Heard:
    """One output. recording: of the waveform that its energy should follow; misfit: why the two cannot be compared;
    alike: it is the output before it once more, although that was made of something else.
    """

    name: str
    output: SoundFacts
    recording: SoundFacts | None = None
    misfit: str = ""
    alike: bool = False


def _wrapped(text: str, first: str, others: str) -> str:
    return textwrap.fill(text, _COLUMNS, initial_indent=first, subsequent_indent=others, break_long_words=False,
                         break_on_hyphens=False)


def count_of(some: Sequence[Any], of: Sequence[Any]) -> str:
    """"3 of 14 files"."""
    return f"{len(some)} of {files(len(of))}"


def files(count: int) -> str:
    """"1 file", "14 files"."""
    return f"{count} file{'' if count == 1 else 's'}"


def names_of(some: Sequence[Heard], of: Sequence[Heard]) -> str:
    """" (a, b, c and 2 more)", or nothing where it is all of them."""
    if len(some) == len(of):
        return ""
    more = f" and {len(some) - _NAMES} more" if len(some) > _NAMES else ""
    return f" ({', '.join(one.name for one in some[:_NAMES])}{more})"
