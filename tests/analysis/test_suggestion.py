"""analyze suggest: fields that follow from correlations of known length, what is refused, and what is written."""
import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest
from desk import RECIPE, Answer, Desk, copy_recipe
from sound import RATE_HZ, second_order, syllables, write_set

from core_scripts.analysis.config_writing import free_name, rewrite_config, write_new
from core_scripts.analysis.data_files import AudioSet, audio_of_folder
from core_scripts.analysis.data_sheet import DataSheet, correlate
from core_scripts.analysis.file_facts import describe_wave
from core_scripts.analysis.suggestion import suggest
from core_scripts.corpus.prepare_scan import Recording
from core_scripts.data_io.audio_header import AudioHeader
from core_scripts.errors import ConfigError, DataError, UsageError
from core_scripts.features.config_mel import MelConfig

DATA = Path(os.environ.get("RECITAL_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


def sheet_of(waves: list[np.ndarray], rate_hz: int = RATE_HZ, frames: int | None = None) -> DataSheet:
    """As of recordings on disk, without any; frames: what their headers say, if not the truth."""
    names = [f"a{number:02}" for number in range(len(waves))]
    facts = {name: describe_wave(wave.astype(np.float32), rate_hz, "PCM_16")
             for name, wave in zip(names, waves, strict=True)}
    recordings = {name: Recording(name, Path(name), header=AudioHeader(frames or len(wave), 1, rate_hz))
                  for name, wave in zip(names, waves, strict=True)}
    audio = AudioSet(Path("somewhere"), recordings, {"train": names, "val": names, "test": names}, {})
    return DataSheet(audio, len(names), facts, correlate(list(facts.values()), rate_hz), None, 0.0)


@pytest.mark.parametrize("length", [400, 900])
def test_the_field_spans_four_lengths_of_the_envelope(length):
    sheet = sheet_of([syllables(32000, seed, length) for seed in range(8)])
    found = suggest(sheet)
    measured = sheet.correlations.envelope_ms.value * RATE_HZ / 1000
    assert measured == pytest.approx(length, rel=0.35)
    assert 4 * measured <= found.receptive_field < 4 * measured + 2**found.dilation_cycle
    assert abs(found.dilation_cycle - np.log2(measured)) <= 0.5
    assert "the energy envelope forgets itself (1/e) after" in found.reasons[0]


def test_short_recordings_get_a_shorter_field_and_are_told_why():
    found = suggest(sheet_of([syllables(32000, seed, 500) for seed in range(8)], frames=2400))
    assert found.receptive_field <= 1200
    assert any("but half of the recordings are shorter than 0.15 s" in reason for reason in found.reasons)
    assert any("show no correlations longer" in point for point in found.unknown)


def test_a_series_of_two_coefficients_gets_a_field_of_four_samples():
    found = suggest(sheet_of([second_order(10000, seed) for seed in range(4)]))
    assert (found.receptive_field, found.layers, found.channels) == (4, 2, 8)
    assert any("uses 2 past samples" in reason for reason in found.reasons)
    assert any("would be wasted here" in reason for reason in found.reasons)


def test_white_noise_and_tones_get_no_long_field_either():
    noise = suggest(sheet_of([np.random.default_rng(seed).normal(size=20000) * 0.1 for seed in range(4)]))
    assert noise.receptive_field == 2 and any("white noise" in reason for reason in noise.reasons)
    assert suggest(sheet_of([0.3 * np.sin(np.arange(32000) * 0.1)] * 4)).receptive_field <= 128


def test_flaws_of_the_data_are_among_the_reasons():
    waves = [syllables(32000, seed, 400) for seed in range(6)]
    waves[0], waves[1] = np.full(32000, 0.1), np.rint(waves[2] * 128) / 128
    told = "\n".join(suggest(sheet_of([*waves, waves[5]])).reasons)
    for words in ("1 recordings are constant", "use 8 bits only", "1 recordings are copies of others"):
        assert words in told


@pytest.mark.parametrize(("waves", "told"), [
    ([np.zeros(9000)] * 3, "all 3 recordings are constant or silent, so there is nothing to predict"),
    ([np.full(9000, 0.2)] * 3, "constant or silent"),
    ([second_order(900, 0)] * 2, "holds 1,800 samples, too few to suggest from"),
    ([syllables(16000, 1, 900)], "holds 1.0 s, too little to suggest from: its energy envelope"),
    ([np.linspace(0.01, 1, 320000) * second_order(320000, 0)], "stays correlated for longer than"),
])
def test_what_cannot_be_judged_is_refused_with_the_reason(waves, told):
    with pytest.raises(DataError, match=told):
        suggest(sheet_of(waves))


def test_only_the_named_values_of_a_configuration_change():
    source = '"""Old."""\nfrom os import path\n\nrate = 8  # Hz\nnames = [\n    "a",\n]  # all\nmel = None\n'
    text = rewrite_config(source, {"rate": 16, "names": ["b"], "mel": MelConfig(hop=160)}, 'New, "quoted" \\ too')
    values: dict = {}
    exec(text, values)
    assert values["rate"] == 16 and values["names"] == ["b"] and values["mel"] == MelConfig(hop=160)
    assert values["__doc__"].strip() == 'New, "quoted" \\ too'
    assert "rate = 16  # Hz" in text and "]  # all" in text and "mel = MelConfig(hop=160)" in text


def test_settings_that_a_configuration_does_not_have_are_told():
    with pytest.raises(ConfigError, match="config.py assigns no net; such settings can only be given"):
        rewrite_config("rate = 8\n", {"net": 1}, "")


def test_a_file_that_is_there_is_never_replaced(tmp_path):
    place = tmp_path / "config_suggested.py"
    write_new(place, "first")
    with pytest.raises(UsageError, match="is there already and is never overwritten"):
        write_new(place, "second")
    assert place.read_text() == "first" and [path.name for path in tmp_path.iterdir()] == [place.name]
    assert free_name(place).name == "config_suggested_2.py"
    with pytest.raises(DataError, match="cannot be written"):
        write_new(tmp_path / "nowhere" / "config.py", "")


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Desk:
    folder = tmp_path_factory.mktemp("suggest")
    return Desk(copy_recipe(folder / "recipe"), write_set(folder / "set", [second_order(9000, n) for n in range(8)]))


def ask(desk: Desk, *words: str) -> Answer:
    return desk.run("analyze", "suggest", str(desk.data), "--num-workers", "1", "--verbose", "0", *words, small=False)


@pytest.mark.slow
def test_the_configuration_that_is_written_trains(desk):
    answer = ask(desk, "--json", "--bits", "5", "--most-parameters", "20000", "--most-seconds", "10000")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert told["net"]["bits"] == 5 and told["receptive_field_samples"] == 4 and told["parameters"] <= 20000
    assert told["reasons"] and told["unknown"]
    module = Path(told["config"]).stem
    trained = desk.run("train", "--module-config", module, "--exp", "suggested", "--epochs", "1", "device=cpu",
                       "--minibatch-num-train", "3", "--minibatch-num-val", "1", small=False)
    assert trained.code == 0, trained.err
    assert "suggested/trained_model.pt" in desk.files(".pt")
    again = json.loads(ask(desk, "--json", "--levels", "10").out)
    assert again["config"] != told["config"] and again["net"]["codes"] == 10


@pytest.mark.slow
@pytest.mark.parametrize(("words", "told"), [
    (("--suggested-config", "config.py"), "is there already and is never overwritten; name another file"),
    (("--suggested-config", "x.yaml"), "a configuration is a Python module"),
    (("--levels", "1"), "with one level every sample is the same code"),
    (("--most-parameters", "100"), "no network is within the budget: one block of 8 channels takes"),
])
def test_mistakes_of_a_suggestion_are_told(desk, words, told):
    before = sorted(desk.folder.glob("*.py"))
    answer = ask(desk, *words)
    assert answer.code == 2 and told in answer.err
    assert sorted(desk.folder.glob("*.py")) == before


@pytest.mark.slow
def test_a_model_that_would_make_no_use_of_it_is_told(desk):
    answer = ask(dataclasses.replace(desk, folder=RECIPE.parent / "02-vqvae"))
    assert answer.code == 2 and "makes no use of wavenet as it is set" in answer.err


@pytest.mark.slow
@pytest.mark.parametrize(("corpus", "low_ms", "high_ms"), [("speech16k", 190, 330), ("fsdd", 150, 215)])
def test_recorded_speech_gets_the_field_of_published_networks(corpus, low_ms, high_ms):
    if not (DATA / corpus).is_dir():
        pytest.skip(f"no recorded speech: set RECITAL_DATA to the folder that holds {corpus}/")
    audio = audio_of_folder(DATA / corpus)
    names = sorted(audio.recordings)[:: len(audio.recordings) // 40]
    waves = {name: describe_wave(*_read(audio.recordings[name].path), "PCM_16") for name in names}
    found = suggest(DataSheet(audio, len(audio.recordings), waves, correlate(list(waves.values()), audio.rate_hz()),
                              None, 0.0))
    assert low_ms <= found.receptive_field_ms <= high_ms
    assert found.dilation_cycle == (10 if corpus == "speech16k" else 9)


def _read(path: Path) -> tuple[np.ndarray, int]:
    import soundfile

    return soundfile.read(path, dtype="float32")
