"""How far a job is, told where no terminal shows a bar."""
from core_scripts.progress import Progress


def test_without_a_terminal_progress_is_lines_with_the_time_left(capsys, monkeypatch):
    monkeypatch.setattr("core_scripts.progress.LINE_INTERVAL_SECONDS", 0.0)
    with Progress("train epoch 3", 400, "batch") as progress:
        progress.show(100, "loss 2.31")
    assert capsys.readouterr().err == "train epoch 3: 100/400  loss 2.31  0 s left\n"


def test_quiet_progress_says_nothing(capsys, monkeypatch):
    monkeypatch.setattr("core_scripts.progress.LINE_INTERVAL_SECONDS", 0.0)
    with Progress("train epoch 3", 400, "batch", quiet=True) as progress:
        progress.show(100, "loss 2.31")
    assert capsys.readouterr().err == ""
