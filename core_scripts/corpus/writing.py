"""The files of the synthetic corpora; their layout is told in synthetic.py."""
import hashlib
import json
import wave
from pathlib import Path

import numpy as np

from core_scripts.constants import FLOAT_DTYPE, INT16_SCALE
from core_scripts.corpus.ar2 import Ar2Process
from core_scripts.corpus.recipe import CorpusRecipe
from core_scripts.corpus.score import FRAMES_PER_SECOND, Score, write_score
from core_scripts.corpus.speech import synthesise
from core_scripts.corpus.voices import VOICES

RECORD_NAME = "corpus.json"
FORMAT = "recital-synthetic-corpus 1"  # count up when the bytes of any file change for the same recipe
LISTS = ("train.lst", "val.lst", "test.lst")

_HELD_OUT = 0.08  # share of a speaker's utterances in val, and again in test


def write_corpus(folder: Path, recipe: CorpusRecipe) -> None:
    """Fill an existing empty folder; the same bytes for the same recipe. Raises: OSError."""
    for kind in ("wav", "f0", "units"):
        (folder / kind).mkdir()
    names: dict[str, list[str]] = {}  # of each speaker
    done = 0
    while done < recipe.seconds * recipe.rate_hz:
        utterance = sum(map(len, names.values()))
        score = write_score(recipe.seed, utterance, VOICES[utterance % recipe.speakers])
        name = f"{score.voice.name}_{utterance:04d}"
        _write_utterance(folder, name, score, synthesise(score, recipe.rate_hz, recipe.seed, utterance))
        names.setdefault(score.voice.name, []).append(name)
        done += score.frames * recipe.hop
    _write_lists(folder, names)
    _write_record(folder, recipe, done)


def write_series(folder: Path, process: Ar2Process) -> None:
    """Fill an existing empty folder with a series to train on and another one to test with. Raises: OSError."""
    (folder / "series").mkdir()
    for number, kind in enumerate(("train", "test")):
        (folder / "series" / f"{kind}.x").write_bytes(process.series(number).astype(FLOAT_DTYPE).tobytes())
        _write_text(folder / f"{kind}.lst", f"{kind}\n")
    _write_record(folder, process, 2 * process.samples)


def _write_record(folder: Path, recipe: CorpusRecipe | Ar2Process, samples: int) -> None:
    files = {str(path.relative_to(folder).as_posix()): digest(path) for path in sorted(folder.rglob("*.*"))}
    content = {"format": FORMAT, "recipe": recipe.record(), "samples": samples, "files": files}
    _write_text(folder / RECORD_NAME, json.dumps(content, indent=1) + "\n")


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write_utterance(folder: Path, name: str, score: Score, sound: tuple[np.ndarray, np.ndarray]) -> None:
    waveform, f0_hz = sound
    hop = len(waveform) // len(f0_hz)
    pcm = np.round(waveform * INT16_SCALE).clip(-INT16_SCALE, INT16_SCALE - 1).astype("<i2")
    _write_wav(folder / "wav" / f"{name}.wav", pcm, hop * FRAMES_PER_SECOND)
    (folder / "f0" / f"{name}.f0").write_bytes(f0_hz.astype(FLOAT_DTYPE).tobytes())
    rows = [f"{segment.unit}\t{segment.start * hop}\t{segment.stop * hop}\n" for segment in score.segments]
    _write_text(folder / "units" / f"{name}.txt", "".join(rows))


def _write_lists(folder: Path, names: dict[str, list[str]]) -> None:
    """Each speaker's last utterances are held out, so that every speaker occurs in every list."""
    lists: dict[str, list[str]] = {name: [] for name in LISTS}
    for own in names.values():
        held = max(1, round(_HELD_OUT * len(own)))
        for kind, part in zip(LISTS, (own[: -2 * held], own[-2 * held : -held], own[-held:]), strict=True):
            lists[kind] += part
    for kind, members in lists.items():
        _write_text(folder / kind, "".join(f"{name}\n" for name in sorted(members)))
    rows = sorted((name, speaker) for speaker, own in names.items() for name in own)
    _write_text(folder / "speakers.tsv", "".join(f"{name}\t{speaker}\n" for name, speaker in rows))


def _write_wav(path: Path, pcm: np.ndarray, rate_hz: int) -> None:
    # The standard library writes the plain header of 44 bytes, and tells a full disk as an OSError.
    with path.open("wb") as file, wave.open(file, "wb") as wav:
        wav.setparams((1, 2, rate_hz, 0, "NONE", ""))
        wav.writeframes(pcm.tobytes())


def _write_text(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8"))
