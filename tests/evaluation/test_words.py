import numpy as np
import pytest

from core_scripts.data_io.file_io import write_frames
from core_scripts.errors import DataError
from core_scripts.evaluation.metric import Pair
from core_scripts.evaluation.words import fit_words, read_words

RATE_HZ = 8000
TUNES = {"up": (300, 2000), "down": (2000, 300)}


def say(word: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time = np.arange(3000) / RATE_HZ
    first, last = TUNES[word]
    hz = np.linspace(first, last, len(time)) * rng.uniform(0.9, 1.1)
    return 0.2 * np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ) + rng.normal(0, 0.003, len(time))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp("words")
    paths = {f"{word}_{take}": folder / f"{word}_{take}.wav" for word in TUNES for take in range(6)}
    for number, (name, path) in enumerate(paths.items()):
        write_frames(path, say(name.partition("_")[0], number)[:, None].astype(np.float32), RATE_HZ)
    return paths


def test_words_are_heard_in_other_takes_at_any_level_and_one_word_for_another_is_not(recordings):
    judge = fit_words(recordings, read_words("prefix", list(recordings)), RATE_HZ)
    family = judge.family({"a": "up", "b": "down"})
    for level in (1.0, 0.01):
        told = [family.measure(Pair(name, None, level * say(word, 99), RATE_HZ))["word_kept"].value
                for name, word in (("a", "up"), ("b", "down"), ("a", "down"))]
        assert told == [1.0, 1.0, 0.0]


def test_an_utterance_without_a_word_is_undefined(recordings):
    family = fit_words(recordings, read_words("prefix", list(recordings)), RATE_HZ).family({})
    assert family.measure(Pair("x", None, say("up", 1), RATE_HZ))["word_kept"].why == "no word is given for x"


def test_words_come_from_a_file_or_from_names(tmp_path):
    table = tmp_path / "words.tsv"
    table.write_text("a\tone\nb\ttwo\n")
    assert read_words(str(table), ["a", "b"]) == {"a": "one", "b": "two"}
    assert read_words("prefix", ["sub/7_theo_3", "no-1"]) == {"sub/7_theo_3": "7", "no-1": "no"}


def test_a_missing_file_and_a_single_word_are_refused_with_a_remedy(tmp_path, recordings):
    with pytest.raises(DataError, match=r"--words .*words.txt is no file.*or prefix where the word stands before"):
        read_words(str(tmp_path / "words.txt"), [])
    with pytest.raises(DataError, match="12 recordings of the training list have 1 different words"):
        fit_words(recordings, dict.fromkeys(recordings, "same"), RATE_HZ)
