"""Speakers, passports and the files of a run, from the command line: recipe 01 on a tiny corpus of two speakers."""
import csv
import json
import shutil

import pytest
import soundfile
import yaml
from desk import Desk, copy_recipe, write_corpus

from core_scripts.checkpoint.store import read_checkpoint

VOICED = ("speakers={data}/speakers.tsv", "net.global_channels=3")


@pytest.fixture(scope="module")
def voices(tmp_path_factory):
    """The tiny corpus with two speakers in the training list, and a third who only tests."""
    folder = write_corpus(tmp_path_factory.mktemp("voices") / "corpus")
    (folder / "speakers.tsv").write_text("aa\tann\nbb\tbob\ncc\tann\ndd\tann\n")
    return folder


@pytest.fixture(scope="module")
def voiced_run(tmp_path_factory, voices) -> Desk:
    """Trained for an epoch with speakers; for reading only."""
    desk = Desk(copy_recipe(tmp_path_factory.mktemp("voiced") / "01-wavenet-vocoder"), voices)
    answer = desk.run("train", *VOICED)
    assert answer.code == 0, answer.err
    return desk


@pytest.fixture
def desk(tmp_path, voiced_run) -> Desk:
    """A copy of that run."""
    return Desk(shutil.copytree(voiced_run.folder, tmp_path / "01-wavenet-vocoder"), voiced_run.data)


def output(desk: Desk, folder: str = "output") -> bytes:
    return (desk.folder / "exp/base" / folder / "dd.wav").read_bytes()


def test_speakers_stand_in_the_weights_and_train(voiced_run):
    weights = read_checkpoint(voiced_run.folder / "exp/base/trained_model.pt")
    assert weights["voices.weight"].shape == (2, 3)
    assert json.loads(bytes(weights["_extra_state"].tolist()))["speakers"] == ["ann", "bob"]
    first = read_checkpoint(voiced_run.folder / "exp/base/epoch_000.pt")
    assert first["optimizer"]["state"], "the optimizer has seen the vectors"


def test_the_target_speaker_changes_what_is_generated(desk):
    assert desk.run("infer", *VOICED).code == 0
    own = output(desk)
    assert desk.run("infer", *VOICED, "--target-speaker", "ann").code == 0
    assert output(desk) == own  # dd is of ann
    assert desk.run("infer", *VOICED, "--target-speaker", "bob").code == 0
    assert output(desk) != own


def test_an_unknown_target_is_answered_with_the_nearest_name(desk):
    answer = desk.run("infer", *VOICED, "--target-speaker", "an")
    assert answer.code == 2 and "the model knows no such speaker; did you mean ann? (it knows ann, bob)" in answer.err


def test_a_target_is_no_matter_of_training(desk):
    answer = desk.run("train", *VOICED, "--target-speaker", "ann")
    assert answer.code == 2 and "--target-speaker is for generating" in answer.err


def test_somebody_unknown_in_the_data_is_told_before_the_first_step(desk, tmp_path):
    other = shutil.copytree(desk.data, tmp_path / "other")
    (other / "speakers.tsv").write_text("aa\tann\nbb\tanne\ncc\tann\ndd\tann\n")
    answer = desk.on(other).run("train", *VOICED, "epochs=2")
    assert answer.code == 2
    assert "bb is of anne, whom the model does not know; did you mean ann? (it knows ann, bob)" in answer.err


def test_speakers_of_the_validation_list_are_looked_at_before_the_first_step_too(desk, tmp_path):
    other = shutil.copytree(desk.data, tmp_path / "other")
    (other / "speakers.tsv").write_text("aa\tann\nbb\tanne\ncc\tbobb\ndd\tann\n")
    answer = desk.on(other).run("train", *VOICED, "epochs=2")
    assert answer.code == 2 and "(2 found)" in answer.err
    assert "1 bb is of anne, whom" in answer.err and "2 cc is of bobb, whom the model does not know" in answer.err
    assert desk.files(".pt") == ["base/epoch_000.pt", "base/trained_model.pt"]


@pytest.mark.parametrize(("words", "told"), [
    (("speakers={data}/speakers.tsv",), "net.global_channels=0; give both, as in"),
    (("net.global_channels=4",), "speakers='' but net.global_channels=4; give both, as in"),
    (("speakers={data}/speaker.tsv", "net.global_channels=4"), r"speaker.tsv not found; did you mean speakers.tsv?"),
])
def test_half_a_setting_of_speakers_is_told(voices, tmp_path, words, told):
    answer = Desk(copy_recipe(tmp_path / "01-wavenet-vocoder"), voices).run("train", *words)
    assert answer.code == 2 and told in answer.err and not (tmp_path / "01-wavenet-vocoder/exp").exists()


def test_features_of_another_kind_than_those_trained_on_are_refused(desk):
    answer = desk.run("infer", *VOICED, "mel.low_hz=0")
    assert answer.code == 2 and "the checkpoint has passport" in answer.err
    assert "they differ in low_hz 60.0 and 0.0" in answer.err
    answer = desk.run("train", *VOICED, "mel.low_hz=0", "epochs=2")
    assert answer.code == 2 and "they differ in low_hz 60.0 and 0.0" in answer.err


def test_a_run_leaves_status_metrics_with_the_audit_and_its_record(voiced_run):
    folder = voiced_run.folder / "exp/base"
    status = json.loads((folder / "status.json").read_text())
    assert status["state"] == "finished" and status["step"] == 1 and status["last_checkpoint"] == "epoch_000.pt"
    with (folder / "metrics.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert abs(float(row["constant_gap_bits"])) < 1 and "swap_gap_bits" not in row  # one utterance to validate with
    record = yaml.safe_load((folder / "run.yaml").read_text())
    assert record["features"]["mel"]["formula"] == "log-mel 1" and record["settings"]["net"]["global_channels"] == 3


def test_output_of_other_settings_is_moved_aside_and_never_written_over(desk):
    assert desk.run("infer", *VOICED).code == 0
    first = output(desk)
    assert desk.run("infer", *VOICED, "--batch-size", "2").code == 0
    assert not (desk.folder / "exp/base/output.old-1").exists()
    answer = desk.run("infer", *VOICED, "--temperature", "0.5")
    assert answer.code == 0 and "generated before is kept in" in answer.out
    assert output(desk, "output.old-1") == first
    record = yaml.safe_load((desk.folder / "exp/base/output/run.yaml").read_text())
    assert record["weights"].endswith("trained_model.pt") and record["features"]["mel"]["hop"] == 80


def test_a_folder_that_holds_other_things_is_left_as_it_is(desk, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    assert desk.run("infer", *VOICED, "--output-dir", str(tmp_path / "mine")).code == 0
    assert (tmp_path / "mine/notes.txt").read_text() == "mine"
    assert soundfile.info(tmp_path / "mine/dd.wav").frames == 2000


def test_evaluate_scores_what_was_trained(desk):
    answer = desk.run("evaluate", *VOICED, "--json")
    assert answer.code == 0, answer.err
    table = json.loads(answer.out.splitlines()[-1])
    assert table == json.loads((desk.folder / "exp/base/result.json").read_text())
    assert table["samples"] == 2000 and table["model"] > 0
    assert desk.run("evaluate", "--exp", "bas").code == 4  # nothing trained there


def test_a_result_that_cannot_be_written_is_printed_all_the_same(desk):
    (desk.folder / "exp/base/result.json").mkdir()
    answer = desk.run("evaluate", *VOICED, "--json")
    assert answer.code == 0 and json.loads(answer.out.splitlines()[-1])["samples"] == 2000
    assert "warning: the result is only printed: " in answer.err


def test_minutes_end_a_run_from_the_command_line(desk):
    answer = desk.run("train", *VOICED, "--exp", "timed", "--minutes", "0.03")
    assert answer.code == 0, answer.err
    assert "as many as fit into 0.03 minutes" in answer.out
    status = json.loads((desk.folder / "exp/timed/status.json").read_text())
    assert status["state"] == "finished" and status["epochs"] is None and status["epoch"] >= 1


def test_tensorboard_gets_curves_sound_and_pictures(desk):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    answer = desk.run("train", *VOICED, "--exp", "board", "--tensorboard", "minibatch_num_train=0", "batch_size=1",
                      "epochs=4")
    assert answer.code == 0, answer.err
    events = EventAccumulator(str(desk.folder / "exp/board/tensorboard")).Reload()
    assert {"train/loss", "train/gradient_norm", "train/rate", "valid/loss", "valid/constant_gap_bits"} <= {
        *events.Tags()["scalars"]}
    assert events.Tags()["audio"] == ["sound/target", "sound/output"]
    assert {"spectrogram/target", "spectrogram/output"} <= {*events.Tags()["images"]}
    sound = events.Audio("sound/output")
    assert len(sound) == 4 and sound[0].sample_rate == 16000


def test_without_tensorboard_one_line_says_how_to_get_it(desk, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)
    answer = desk.run("train", *VOICED, "--exp", "board", "--tensorboard")
    assert answer.code == 1 and answer.errors == [
        "error: --tensorboard needs TensorBoard, which is not installed: pip install tensorboard==2.21.0"]
