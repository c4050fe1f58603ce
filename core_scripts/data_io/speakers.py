"""Who speaks in which utterance, and the number that a network knows each speaker by. No torch."""
from argparse import Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from core_scripts.config_parse.project_data import read_corpora, speakers_file
from core_scripts.config_parse.run_options import option_value
from core_scripts.errors import DataError, UsageError, all_faults, did_you_mean
from core_scripts.other_tools.list_tools import read_list, read_list_from_text

_SHOWN = 5


def read_speakers(path: Path) -> dict[str, str]:
    """Speaker by utterance, from lines NAME<TAB>speaker. Raises: DataError with the line that is none."""
    speakers: dict[str, str] = {}
    for number, line in enumerate(read_list_from_text(path), 1):
        name, tab, speaker = line.partition("\t")
        name, speaker = name.strip(), speaker.strip()
        if not line.strip():
            continue
        if not tab or not name or not speaker or "\t" in speaker:
            raise DataError(f"{path}, line {number}: {line!r} is not NAME<TAB>speaker")
        known = speakers.setdefault(name, speaker)
        if known != speaker:
            raise DataError(f"{path}, line {number}: {name!r} has speaker {speaker}, before it had {known}")
    return speakers


def names_of(speakers: dict[str, str], utterances: Iterable[str]) -> tuple[str, ...]:
    """The different speakers of these utterances, sorted; utterances that nobody is known for do not count."""
    return tuple(sorted({speakers[name] for name in utterances if name in speakers}))


class SpeakerTable:
    """Numbers for speakers, by name; `names` in the order of their numbers.

    of_utterance: who speaks in which; target: speak as this one, whoever the utterance is of.
    Raises: UsageError with the nearest names if the target is none of them.
    """

    def __init__(self, names: Sequence[str], of_utterance: dict[str, str], target: str = "") -> None:
        self.names = tuple(names)
        self._numbers = {name: number for number, name in enumerate(self.names)}
        self._of_utterance = of_utterance
        self._target = target
        if target and target not in self._numbers:
            raise UsageError(f"--target-speaker {target}: the model knows no such speaker{self._nearest(target)}")

    def numbers(self, utterances: Iterable[str]) -> list[int]:
        """Of the speaker of each utterance, or of the target. Raises: DataError, all faults together."""
        if self._target:
            return [self._numbers[self._target] for _ in utterances]
        found, faults = [], []
        for name in utterances:
            speaker = self._of_utterance.get(name)
            if speaker is None:
                faults.append(f"{name} stands in no line NAME<TAB>speaker of the list of speakers")
            elif speaker not in self._numbers:
                faults.append(f"{name} is of {speaker}, whom the model does not know{self._nearest(speaker)}")
            else:
                found.append(self._numbers[speaker])
        if faults:
            raise all_faults(DataError, "speakers; correct the list, or choose a voice with --target-speaker", faults)
        return found

    def _nearest(self, speaker: str) -> str:
        near = did_you_mean(speaker, self.names)
        shown = ", ".join(self.names[:_SHOWN]) + (", ..." if len(self.names) > _SHOWN else "")
        return f"{near} (it knows {shown})"


def load_speakers(conf: Any, args: Namespace | None) -> SpeakerTable | None:
    """The table for a recipe's model; None where the config names no file of speakers.

    Numbers are those of the model that is taken up (`args.speaker_names`), else the speakers of the training lists get
    them. With --target-speaker the file is not needed.
    Raises: DataError, UsageError.
    """
    path = speakers_file(conf)
    if path is None:
        return None
    target, names = option_value(args, "target_speaker"), vars(args or Namespace()).get("speaker_names")
    of_utterance = {} if target and names else read_speakers(path)
    if not names:
        names = names_of(of_utterance, _listed(conf, of_utterance))
    if not names:
        raise DataError(f"speakers: {path} tells of none of the utterances in the training lists; write the names as "
                        "they stand there")
    return SpeakerTable(names, of_utterance, target)


def _listed(conf: Any, known: Iterable[str]) -> Iterable[str]:
    """All utterances of the training lists, or `known` ones where a list is whatever the folder holds."""
    sources = [corpus.list_source for corpus in read_corpora(conf, "trn")]
    if None in sources:
        return known
    return [name.strip() for source in sources
            for name in (read_list(source) if isinstance(source, Path) else source)]
