"""A run that goes on, from the command line: its record stays true, and flags about another file do not strike it."""
import yaml
from desk import Desk


def record(desk: Desk) -> dict:
    return yaml.safe_load((desk.folder / "exp/base/run.yaml").read_text())


def test_a_refused_start_leaves_the_record_of_the_run_as_it_was(desk):
    assert desk.run("train").code == 0
    before = record(desk)
    answer = desk.run("train", "epochs=2", "net.residual_channels=16")
    assert answer.code == 4 and "run.yaml beside it tells them" in answer.err
    assert record(desk) == before
    assert desk.run("train").code == 0  # nothing left to do
    assert record(desk) == before
    assert desk.run("train", "epochs=2").code == 0
    assert record(desk)["settings"]["epochs"] == 2


def test_flags_about_a_file_do_not_strike_the_runs_own_state(desk):
    assert desk.run("train", "--exp", "first").code == 0
    weights = str(desk.folder / "exp/first/trained_model.pt")
    begin = ("train", "--init-from", weights, "--allow-mismatched-pretrained-model", "epochs=2")
    assert desk.run(*begin).code == 0
    again = desk.run(*begin)
    assert again.code == 0 and "Nothing is left to train" in again.out
    assert "allow-mismatched-pretrained-model: without effect on a run that goes on" in again.err
    assert "start anew" not in again.out


def test_a_state_of_another_run_is_not_brought_into_one_that_is_there(desk):
    assert desk.run("train", "--exp", "first").code == 0
    assert desk.run("train").code == 0
    state = str(desk.folder / "exp/first/epoch_000.pt")
    answer = desk.run("train", "--trained-model", state, "epochs=2")
    assert answer.code == 2 and "holds another run, which did not begin from it" in answer.err
    assert desk.run("train", "--exp", "branch", "--trained-model", state, "epochs=2").code == 0
    again = desk.run("train", "--exp", "branch", "--trained-model", state, "epochs=2")
    assert again.code == 0 and "Nothing is left to train" in again.out


def test_another_optimizer_is_told_and_not_a_traceback(desk):
    assert desk.run("train").code == 0
    answer = desk.run("train", "epochs=2", "--optimizer", "SGD")
    assert answer.code == 4 and "they are of Adam, this run uses SGD" in answer.err and "Traceback" not in answer.err
