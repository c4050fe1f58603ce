"""`python main.py evaluate` on what recipe 01 generated: figures of sound beside baselines, and whatever is wrong with
files."""
import csv
import json
import shutil

import numpy as np
import pytest
from desk import Desk, copy_recipe, write_corpus, write_wav

from core_scripts.data_io.file_io import write_frames
from core_scripts.evaluation.sound_table import CSV_NAME, JSON_NAME

SYSTEMS = ["output", "Griffin-Lim", "mu-law", "another"]


@pytest.fixture(scope="module")
def generated(tmp_path_factory) -> Desk:
    """A trained run with outputs for its three test utterances; for reading only."""
    place = tmp_path_factory.mktemp("generated")
    data = write_corpus(place / "corpus")
    (data / "test.lst").write_text("bb\ncc\ndd\n")
    desk = Desk(copy_recipe(place / "01-wavenet-vocoder"), data)
    for verb in ("train", "infer"):
        answer = desk.run(verb)
        assert answer.code == 0, answer.err
    return desk


@pytest.fixture
def desk(generated, tmp_path) -> Desk:
    return Desk(shutil.copytree(generated.folder, tmp_path / "01-wavenet-vocoder"), generated.data)


@pytest.fixture(scope="module")
def answered(generated, tmp_path_factory) -> tuple[dict, Desk]:
    """What evaluate --json printed, and the desk where it did; for reading only."""
    desk = Desk(shutil.copytree(generated.folder, tmp_path_factory.mktemp("answered") / "01"), generated.data)
    answer = desk.run("evaluate", "--json")
    assert answer.code == 0, answer.err
    return json.loads(answer.out.splitlines()[-1]), desk


def place(desk: Desk):
    return desk.folder / "exp" / "base"


def test_every_metric_has_mean_interval_and_number_of_utterances(answered):
    told, _ = answered
    wanted = {"log_mel_l1", "mel_dct_distance_db", "vuv_error", "level_error_db", "reextraction"}
    assert set(told["metrics"]) == set(told["settings"]) >= wanted
    for summary in told["metrics"].values():
        assert set(summary) == {"mean", "low", "high", "n", "why"}
        assert summary["n"] == 0 or summary["low"] <= summary["mean"] <= summary["high"]
        assert summary["n"] > 0 or summary["why"]
    assert told["measured"] == told["utterances"] == 3 and not told["remarks"]


def test_bits_stand_beside_every_baseline(answered):
    told, desk = answered
    kept = json.loads((place(desk) / "result.json").read_text())
    for key in ("model", "marginal", "bigram", "persistence", "flac", "lpc16"):
        assert told[key] == kept[key] > 0
    assert 0 <= kept["accuracies"]["lpc16"] <= 1 and 0 < kept["certainty"]["avg_max"] <= 1


def test_the_mu_law_round_trip_is_nearer_than_another_utterance(answered):
    told = answered[0]["baselines"]
    assert list(told) == SYSTEMS[1:]
    for key in ("log_mel_l1", "reextraction"):
        assert told["mu-law"][key]["mean"] < told["another"][key]["mean"]


def test_the_csv_has_a_row_per_utterance_and_system(answered):
    with (place(answered[1]) / CSV_NAME).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted((row["name"], row["system"]) for row in rows) == sorted(
        (name, system) for name in ("bb", "cc", "dd") for system in SYSTEMS)
    assert all(row["seconds"] == "0.1250" and "nan" not in ",".join(row.values()).lower() for row in rows)


def test_the_worst_outputs_are_named_with_their_files(answered):
    told = answered[0]
    assert told["worst_by"] == "log_mel_l1" and len(told["worst"]) == 3
    values = [row["value"] for row in told["worst"]]
    assert values == sorted(values, reverse=True)
    assert all(row["file"].endswith(f"output/{row['name']}.wav") for row in told["worst"])


def test_baselines_are_measured_once(answered, monkeypatch):
    _, desk = answered
    before = (place(desk) / "cache" / "sound_baselines.json").read_bytes()
    monkeypatch.setattr("core_scripts.evaluation.sound_rows._baseline_rows", lambda *_: pytest.fail("measured again"))
    assert desk.run("evaluate").code == 0
    assert (place(desk) / "cache" / "sound_baselines.json").read_bytes() == before


def test_a_damaged_cache_is_measured_anew(desk):
    cache = place(desk) / "cache" / "sound_baselines.json"
    cache.write_text('{"key": "half')
    assert desk.run("evaluate").code == 0 and json.loads(cache.read_text())["rows"]


def test_damaged_foreign_and_missing_outputs_are_named_and_the_rest_is_measured(desk):
    output = place(desk) / "output"
    (output / "bb.wav").write_bytes((output / "bb.wav").read_bytes()[:700])
    write_wav(output / "cc.wav", rate_hz=8000)
    write_wav(output / "dd.wav", channels=2)
    answer = desk.run("evaluate", "--json")
    assert answer.code == 0
    told = json.loads(answer.out.splitlines()[-1])
    assert told["measured"] == 0 and told["metrics"]["log_mel_l1"]["why"] == "no utterance was measured"
    for words in ("bb.wav", "the output of cc has 8000 Hz and its reference 16000 Hz", "dd.wav has 2 channels"):
        assert any(words in remark for remark in told["remarks"]), told["remarks"]
    (output / "bb.wav").unlink()
    assert "1 of 3 utterances of the test list have no file in" in " ".join(desk.run("evaluate").out.split())


def test_silent_outputs_leave_no_nan_but_a_reason(desk):
    for name in ("bb", "cc", "dd"):
        write_frames(place(desk) / "output" / f"{name}.wav", np.zeros((2000, 1), np.float32), 16000)
    answer = desk.run("evaluate")
    assert answer.code == 0 and "nan" not in answer.out.lower().replace("mean", "")
    assert "undefined: level error" in answer.out and "the output is silent" in answer.out
    assert "NaN" not in (place(desk) / JSON_NAME).read_text()


def test_outputs_of_other_weights_are_said_to_be(desk):
    assert desk.run("train", "epochs=2").code == 0
    told = " ".join(desk.run("evaluate").out.split())
    assert "was made with other weights than" in told


def test_without_outputs_the_bits_are_told_and_how_to_get_the_rest(desk):
    shutil.rmtree(place(desk) / "output")
    answer = desk.run("evaluate")
    assert answer.code == 0 and "bits per sample" in answer.out
    assert "nothing was generated in" in answer.err and "python main.py infer" in answer.err
    assert not (place(desk) / JSON_NAME).exists()


def test_words_are_judged_where_they_are_named(desk, tmp_path):
    table = tmp_path / "words.tsv"
    table.write_text("aa\tyes\nbb\tno\ncc\tyes\ndd\tno\n")
    told = json.loads(desk.run("evaluate", "--json", "--words", str(table)).out.splitlines()[-1])
    assert told["metrics"]["word_kept"]["n"] == 3 and "trained on 2 recordings of 2 words" in str(told["settings"])
    answer = desk.run("evaluate", "--words", str(tmp_path / "absent.tsv"))
    assert answer.code == 2 and "absent.tsv is no file; give lines NAME<TAB>word" in answer.err
