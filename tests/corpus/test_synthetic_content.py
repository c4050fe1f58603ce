"""What stands in the synthetic corpus is true: its labels describe its audio."""
import json
import wave as wave_files

import numpy as np
import pytest

from core_scripts.corpus.recipe import CorpusRecipe
from core_scripts.corpus.synthetic import ensure_corpus
from core_scripts.corpus.voices import PAUSE, UNITS, VOICES
from core_scripts.errors import ConfigError

RECIPE = CorpusRecipe(seconds=50, speakers=4)
HOP = RECIPE.hop


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return ensure_corpus(tmp_path_factory.mktemp("data") / "synthetic", RECIPE)


def read_list(corpus, name):
    return (corpus / name).read_text().split()


def all_names(corpus):
    return [name for part in ("train.lst", "val.lst", "test.lst") for name in read_list(corpus, part)]


def read_wave(corpus, name):
    with wave_files.open(str(corpus / "wav" / f"{name}.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RECIPE.rate_hz)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 2**15


def read_f0(corpus, name):
    return np.fromfile(corpus / "f0" / f"{name}.f0", "<f4")


def read_units(corpus, name):
    rows = [line.split("\t") for line in (corpus / "units" / f"{name}.txt").read_text().splitlines()]
    return [(unit, int(start), int(stop)) for unit, start, stop in rows]


def test_lists_are_disjoint_and_cover_all_files(corpus):
    names = all_names(corpus)
    assert len(set(names)) == len(names)
    for kind, ext in (("wav", ".wav"), ("f0", ".f0"), ("units", ".txt")):
        assert sorted(path.name for path in (corpus / kind).iterdir()) == sorted(name + ext for name in names)


def test_every_speaker_is_in_every_list(corpus):
    speakers = dict(line.split("\t") for line in (corpus / "speakers.tsv").read_text().splitlines())
    assert sorted(speakers) == sorted(all_names(corpus))
    for part in ("train.lst", "val.lst", "test.lst"):
        assert {speakers[name] for name in read_list(corpus, part)} == {voice.name for voice in VOICES[:4]}


def test_all_lengths_agree_and_are_as_announced(corpus):
    lengths = []
    for name in all_names(corpus):
        lengths.append(len(read_wave(corpus, name)))
        assert lengths[-1] == len(read_f0(corpus, name)) * HOP == read_units(corpus, name)[-1][2]
    seconds = np.array(lengths) / RECIPE.rate_hz
    assert RECIPE.seconds <= seconds.sum() < RECIPE.seconds + 4
    assert 1.4 < seconds.min() and seconds.max() < 4
    assert json.loads((corpus / "corpus.json").read_text())["samples"] == sum(lengths)


def test_units_tile_the_file_and_no_unit_follows_itself(corpus):
    for name in all_names(corpus):
        units = read_units(corpus, name)
        assert units[0][:2] == (PAUSE, 0) and units[-1][0] == PAUSE
        for (unit, _, stop), (following, start, _) in zip(units, units[1:], strict=False):
            assert stop == start and unit != following and stop % HOP == 0
        assert all(start < stop and unit in UNITS for unit, start, stop in units)


def test_every_unit_occurs(corpus):
    assert {unit for name in all_names(corpus) for unit, _, _ in read_units(corpus, name)} == set(UNITS)


def test_frames_are_voiced_exactly_where_the_unit_is(corpus):
    for name in all_names(corpus):
        voiced = read_f0(corpus, name) > 0
        for unit, start, stop in read_units(corpus, name):
            assert (voiced[start // HOP : stop // HOP] == (UNITS[unit].voicing > 0)).all()


def period_by_autocorrelation(block: np.ndarray, expected: float) -> float:
    """The lag of the highest autocorrelation within 30 % of what is expected, to a fraction of a sample."""
    half = len(block) // 2
    lags = np.arange(int(expected * 0.7), int(expected * 1.3) + 2)
    windows = np.stack([block[lag : lag + half] for lag in lags])
    score = windows @ block[:half] / (np.linalg.norm(windows, axis=1) * np.linalg.norm(block[:half]))
    best = int(np.clip(score.argmax(), 1, len(lags) - 2))
    left, middle, right = score[best - 1 : best + 2]
    return lags[best] + 0.5 * (left - right) / (left - 2 * middle + right)


def test_f0_is_the_inverse_of_the_period_of_the_audio_in_steady_vowels(corpus):
    errors = []
    for name in all_names(corpus):
        wave, f0 = read_wave(corpus, name), read_f0(corpus, name)
        for unit, start, stop in read_units(corpus, name):
            if UNITS[unit].kind != "vowel":
                continue
            middle = (start + stop) // 2
            expected = RECIPE.rate_hz / f0[middle // HOP]
            reach = int(1.5 * expected)  # on each side of the middle of the frame
            block = wave[max(0, middle + HOP // 2 - reach) : middle + HOP // 2 + reach]
            errors.append(abs(period_by_autocorrelation(block, expected) / expected - 1))
    assert len(errors) > 100
    assert np.median(errors) < 0.002 and max(errors) < 0.015


def test_f0_moves_slowly_and_in_the_range_of_the_speaker(corpus):
    middles = {voice.name: voice.f0_hz for voice in VOICES}
    for name in all_names(corpus):
        f0 = read_f0(corpus, name)
        together = (f0[1:] > 0) & (f0[:-1] > 0)
        assert np.abs(np.log(f0[1:][together] / f0[:-1][together])).max() < 0.05
        ratio = f0[f0 > 0] / middles[name.split("_")[0]]
        assert 0.6 < ratio.min() and ratio.max() < 1.7


def test_levels_are_those_of_speech(corpus):
    levels: dict[str, list[float]] = {}
    for name in all_names(corpus):
        wave = read_wave(corpus, name)
        assert 0.45 < np.abs(wave).max() < 0.85 and abs(wave.mean()) < 0.01
        for unit, start, stop in read_units(corpus, name):
            levels.setdefault(UNITS[unit].kind, []).append(20 * np.log10(wave[start:stop].std()))
    mean = {kind: np.mean(values) for kind, values in levels.items()}
    assert mean["vowel"] > mean["nasal"] + 5 > mean["pause"] + 15
    assert mean["fricative"] > mean["pause"] + 15
    assert min(levels["pause"]) > -70  # no digital silence


def test_fricatives_are_high_and_vowels_low(corpus):
    centres: dict[str, list[float]] = {}
    for name in all_names(corpus):
        wave = read_wave(corpus, name)
        for unit, start, stop in read_units(corpus, name):
            power = np.abs(np.fft.rfft(wave[start:stop] * np.hanning(stop - start))) ** 2
            hz = np.fft.rfftfreq(stop - start, 1 / RECIPE.rate_hz)
            centres.setdefault(unit, []).append((power * hz).sum() / power.sum())
    assert np.mean(centres["s"]) > 4500 and np.mean(centres["a"]) < 1500


@pytest.mark.parametrize(("values", "message"), [
    ({"speakers": 0}, "speakers=0 must be 1 to 6"),
    ({"speakers": 7}, "speakers=7 must be 1 to 6"),
    ({"rate_hz": 8000}, "rate_hz=8000 must be a multiple of 8000 from 16000"),
    ({"seconds": 47}, r"seconds=47 must be 48 \(12 for each of 4 speakers\)"),
    ({"seconds": 5, "seed": -1}, r"(?s)2 found.*seconds=5.*seed=-1"),
])
def test_a_recipe_that_cannot_be_made_is_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        CorpusRecipe(**values)


def test_other_rates_keep_the_hop_of_5_ms(tmp_path):
    recipe = CorpusRecipe(seconds=12, speakers=1, rate_hz=24000)
    folder = ensure_corpus(tmp_path / "c", recipe)
    name = read_list(folder, "test.lst")[0]
    with wave_files.open(str(folder / "wav" / f"{name}.wav")) as file:
        assert file.getframerate() == 24000 and file.getnframes() == 120 * len(read_f0(folder, name))
