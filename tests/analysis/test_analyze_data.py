"""analyze data at the command line, on recordings of which everything is known."""
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from desk import RECIPE, Answer, Desk, copy_recipe, write_corpus
from sound import RATE_HZ, second_order, syllables, write_set

from core_scripts.evaluation.baseline_table import measure_baselines, mulaw_scale

DATA = Path(os.environ.get("RECITAL_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


def analyze(folder: Path, place: Path, *words: str) -> Answer:
    return Desk(RECIPE, folder).run("analyze", "data", str(folder), "--analysis-dir", str(place), "--num-workers", "1",
                                    "--verbose", "0", *words, small=False)


@pytest.fixture(scope="module")
def series(tmp_path_factory) -> Path:
    folder = write_set(tmp_path_factory.mktemp("series"), [second_order(9000, seed) for seed in range(6)])
    (folder / "train.lst").write_text("a00\na01\na02\na03\n")
    (folder / "test.lst").write_text("a04\na05\n")
    (folder / "speakers.tsv").write_text("".join(f"a0{number}\t{'xy'[number % 2]}\n" for number in range(6)))
    return folder


@pytest.fixture(scope="module")
def sheet(series, tmp_path_factory) -> dict:
    place = tmp_path_factory.mktemp("sheet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "matplotlib", None)
        answer = analyze(series, place, "--json", "--bits", "8")
    assert answer.code == 0 and "pictures are not drawn: pip install matplotlib" in answer.err
    assert [path.name for path in place.iterdir()] == ["data.json"]
    assert json.loads((place / "data.json").read_text()) == json.loads(answer.out)
    return json.loads(answer.out)


def test_baselines_are_those_of_the_lists_and_of_each_speaker(series, sheet):
    codes = [mulaw_scale(256).encode(soundfile.read(series / f"a0{number}.wav")[0]) for number in range(6)]
    parts = ((None, codes[:4], codes[4:]), ("x", codes[:4:2], codes[4:5]), ("y", codes[1:4:2], codes[5:]))
    for who, train, test in parts:
        found = sheet["baselines"] if who is None else sheet["baselines_by_speaker"][who]
        for name, score in measure_baselines(train, test, mulaw_scale(256)).items():
            assert found[name]["bits"] == pytest.approx(score.bits)
            assert found[name]["accuracy"] == pytest.approx(score.accuracy)
    assert sheet["quantiser"] == {"levels": 256, "peak_normalised": False, "files": 2, "train_files": 4,
                                  "samples": 18000}
    assert sheet["baselines"]["lpc16"]["bits_error"] > 0 and sheet["baselines"]["flac"]["accuracy"] is None


def test_the_sheet_tells_what_is_there(sheet):
    assert sheet["files"] == sheet["files_measured"] == 6 and sheet["hours"] == pytest.approx(6 * 9000 / RATE_HZ / 3600)
    assert sheet["lists"] == {"train": 4, "val": 0, "test": 2} and sheet["speakers"] == 2
    assert sheet["formats"] == {"rate_hz": {"16000": 6}, "channels": {"1": 6}, "samples": {"PCM_16": 6},
                                "effective_bits": {"16": 6}}
    assert sheet["correlations"]["linear_order"] == 2
    assert sheet["correlations"]["waveform_samples"]["value"] == pytest.approx(13.5, abs=2)
    assert sheet["seconds"]["0.5"] == 9000 / RATE_HZ and sheet["duplicates"] == []


@pytest.mark.slow
def test_the_sheet_for_people_has_the_same_figures_and_pictures(series, tmp_path):
    answer = analyze(series, tmp_path, "--levels", "16", "--peak-normalised")
    assert answer.code == 0, answer.err
    for words in ("recordings: 6", "linear prediction: 2 of 64", "16 mu-law levels, each recording brought to its peak",
                  "all 2 test recordings", "persistence", "lpc16", "bits by speaker"):
        assert words in answer.out
    assert {path.name for path in tmp_path.iterdir()} >= {"data.json", "recordings.png", "correlations.png"}


@pytest.mark.slow
def test_the_lists_of_the_configuration_are_analysed_where_no_folder_is_named(tmp_path):
    desk = Desk(copy_recipe(tmp_path / "recipe"), write_corpus(tmp_path / "data"))
    answer = desk.run("analyze", "data", "--json", f"data={desk.data}", "net.bits=5", small=False)
    assert answer.code == 0, answer.err
    sheet = json.loads(answer.out)
    assert sheet["lists"] == {"train": 2, "val": 1, "test": 1} and sheet["quantiser"]["levels"] == 32
    assert (tmp_path / "recipe/exp/analysis/recipe/data.json").is_file()


@pytest.mark.slow
def test_copies_damage_and_other_rates_are_told_and_stop_nothing(tmp_path):
    folder = write_set(tmp_path / "set", [syllables(8000, 0, 800), syllables(8000, 0, 800), np.full(8000, 0.25)])
    (folder / "train.lst").write_text("a00\n")
    (folder / "test.lst").write_text("a01\na02\n")
    write_set(folder / "slow", [syllables(4000, 3, 400)], rate_hz=8000)
    whole = (folder / "a00.wav").read_bytes()
    (folder / "cut.wav").write_bytes(whole[:5000])
    answer = analyze(folder, tmp_path / "out", "--json")
    assert answer.code == 0, answer.err
    sheet = json.loads(answer.out)
    assert sheet["duplicates"] == [["a00", "a01"]] and sheet["leaks"] == ["a01"] and sheet["unreadable"] == ["cut"]
    assert sheet["levels"]["constant_files"] == 1 and sheet["baselines"] == {}
    assert "1 recordings have other rates than 16000 Hz" in answer.err and "--resample 8000" in answer.err


@pytest.mark.slow
def test_a_recording_damaged_behind_its_header_is_left_out(tmp_path):
    folder = write_set(tmp_path / "set", [second_order(4000, seed) for seed in range(3)])
    bad = np.full(4000, 0.1, dtype=np.float32)
    bad[77] = np.nan
    soundfile.write(folder / "b.wav", bad, RATE_HZ, subtype="FLOAT")
    answer = analyze(folder, tmp_path / "out", "--json")
    assert answer.code == 0, answer.err
    sheet = json.loads(answer.out)
    assert sheet["unreadable"] == ["b"] and set(sheet["baselines"]) == {"marginal", "bigram", "persistence", "flac",
                                                                        "lpc16"}


@pytest.mark.slow
def test_silence_has_a_sheet_without_correlations(tmp_path):
    folder = write_set(tmp_path / "set", [np.zeros(4000)] * 4)
    assert "correlations: none, every recording is constant or silent" in analyze(folder, tmp_path / "out").out


@pytest.mark.slow
def test_part_of_a_large_corpus_is_told_as_such(tmp_path):
    folder = write_set(tmp_path / "set", [syllables(800, seed, 100) for seed in range(30)])
    answer = analyze(folder, tmp_path / "out", "--analysis-seconds", "0.0001")
    assert "the rest is of 20 recordings drawn at random" in answer.out and "half of a 95 % interval" in answer.out


@pytest.mark.parametrize(("words", "told"), [
    (("--levels", "1"), "--levels 1: with one level every sample is the same code"),
    (("--levels", "-3"), "--levels: must be at least 0, got -3"),
    (("--bits", "17"), "samples have 16 bits, 65536 levels at most"),
    (("--bits", "8", "--levels", "16"), "--levels and --bits say the same; give one of them"),
    (("more",), "analyze data takes one folder, not 2"),
])
def test_mistakes_at_the_command_line_are_told_before_any_work(series, tmp_path, words, told):
    answer = analyze(series, tmp_path / "out", *words)
    assert answer.code == 2 and told in answer.err and not (tmp_path / "out").exists()


def test_folders_that_hold_nothing_are_told(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    assert "holds no .wav and no .flac file, 1 other files" in analyze(tmp_path, tmp_path / "out").err
    assert "is no folder" in analyze(tmp_path / "nowhere", tmp_path / "out").err
    (tmp_path / "bad.wav").write_text("no sound at all")
    answer = analyze(tmp_path, tmp_path / "out")
    assert answer.code == 2 and "none of the 1 recordings" in answer.err and "it looks like text" in answer.err


@pytest.mark.slow
def test_recorded_speech_is_analysed(tmp_path):
    if not (DATA / "speech16k").is_dir():
        pytest.skip("no recorded speech: set RECITAL_DATA to the folder that holds speech16k/")
    sheet = json.loads(analyze(DATA / "speech16k", tmp_path, "--json", "--analysis-seconds", "8").out)
    assert sheet["files"] == 178 and sheet["lists"] == {"train": 150, "val": 14, "test": 14}
    assert 45 < sheet["correlations"]["envelope_ms"]["value"] < 75
    assert 90 < sheet["f0"]["hz"]["0.05"] < 140 < sheet["f0"]["hz"]["0.5"] < 200
    bits = {name: row["bits"] for name, row in sheet["baselines"].items()}
    assert bits["lpc16"] < bits["flac"] < bits["bigram"] < bits["marginal"]
