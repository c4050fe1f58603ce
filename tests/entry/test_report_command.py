"""`python main.py report`: a page of the run that is named, and plain words where there is none."""
import re

import pytest


@pytest.fixture
def generated(trained):
    """A run of one epoch with its output."""
    answer = trained.run("infer")
    assert answer.code == 0, answer.err
    return trained


def page_of(desk, name="base"):
    return (desk.folder / "exp" / name / "report.html").read_text(encoding="utf-8")


def test_a_run_that_was_only_trained_gets_a_page_that_says_what_comes_next(trained):
    answer = trained.run("report", small=False)
    assert answer.code == 0 and re.search(r"report\.html \(0\.\d MB\)", answer.out)
    page = page_of(trained)
    assert "Nothing to hear" in page and "python main.py infer --exp base" in page
    assert "WaveNet vocoder" in page and "net.layers" in page


def test_the_data_are_those_of_the_run_whatever_the_recipe_says_now(generated):
    assert generated.run("report", small=False).code == 0
    page = page_of(generated)
    assert page.count("<audio") == 2 and 'aria-label="dd, original"' in page
    assert generated.run("report", f"data={generated.folder}/nowhere", small=False).code == 0
    assert page_of(generated).count("<audio") == 2  # not there, so the run's own


@pytest.mark.slow
def test_every_kept_checkpoint_speaks_once_under_the_settings_of_the_run(generated):
    assert generated.run("train", "epochs=2").code == 0
    first = generated.run("report", "--checkpoints", "5", "num_threads=1", small=False)
    assert first.code == 0 and "with 2 of the 2 checkpoints" in first.err, first.err
    page = page_of(generated)
    assert re.findall(r'data-name="([^"]*)"', page) == ["epoch 0", "epoch 1"]
    again = generated.run("report", "--checkpoints", "5", "num_threads=1", small=False)
    assert "with 0 of the 2 checkpoints" in again.err and page_of(generated).count("<audio") == 2 + 2 + 1
    hotter = generated.run("report", "--checkpoints", "1", "temperature=0.5", "num_threads=1", small=False)
    assert "with 1 of the 2 checkpoints" in hotter.err and "is kept in" in hotter.out


def test_another_run_is_found_by_name_or_by_folder_and_not_by_guess(generated):
    folder = generated.folder / "exp"
    for given in ("other", str(folder / "other")):
        assert generated.run("train", "--exp", "other", "seed=2").code == 0
        assert generated.run("report", "--against", given, small=False).code == 0
        assert "Against other" in page_of(generated)
    for given, told in (("othr", "there is no such run; did you mean other?"), ("base", "is the run itself"),
                        (str(folder.parent), "no run in")):
        answer = generated.run("report", "--against", given, small=False)
        assert answer.code in (2, 4) and told in answer.err, answer.err


@pytest.mark.parametrize("words, code, told", [
    ((), 4, "no run in"),
    (("--exp", "nix", "--checkpoints", "3"), 4, "no run in"),
    (("--utterances", "0"), 2, "must be at least 1, got 0"),
    (("--checkpoints", "many"), 2, "expects a whole number"),
])
def test_without_a_run_there_is_no_page(desk, words, code, told):
    answer = desk.run("report", *words, small=False)
    assert answer.code == code and told in answer.err and desk.files(".html") == []


def test_a_page_that_cannot_be_written_is_told(trained):
    (trained.folder / "exp/base/report.html").mkdir()
    answer = trained.run("report", small=False)
    assert answer.code == 2 and "report.html cannot be written: Is a directory" in answer.err


def test_checkpoints_that_are_not_kept_cannot_speak(trained):
    for path in (trained.folder / "exp/base").glob("epoch_*"):
        path.unlink()
    answer = trained.run("report", "--checkpoints", "2", small=False)
    assert answer.code == 4 and "keeps no epoch_NNN.pt" in answer.err


def test_a_training_in_progress_can_be_looked_at(trained):
    from core_scripts.run_folder import RunFolder

    with RunFolder(trained.folder / "exp/base"):
        assert trained.run("report", small=False).code == 0
        assert trained.run("report", "--checkpoints", "1", small=False).code == 5


def test_help_of_report_is_one_screen_about_it(desk):
    answer = desk.run("report", "--help", small=False)
    assert answer.code == 0 and "--against" in answer.out and "--checkpoints" in answer.out
    assert answer.out.count("\n") < 40
