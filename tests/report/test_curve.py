"""The picture of a run's losses; one that cannot be written costs the picture and nothing else."""
import pytest

from core_scripts.report.curve import draw_curve

pytest.importorskip("matplotlib")
TABLE = "epoch,train_loss,val_loss,seconds,best\n0,2.0,2.1,1.0,yes\n1,1.5,,1.0,no\n"


@pytest.fixture
def metrics(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text(TABLE)
    return path


def test_a_picture_is_drawn_of_finished_epochs_only(metrics, tmp_path):
    assert draw_curve(metrics, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    metrics.write_text(TABLE.splitlines()[0])
    assert not draw_curve(metrics, tmp_path / "curve.png")
    assert not draw_curve(tmp_path / "absent.csv", tmp_path / "curve.png")


def test_a_picture_that_cannot_be_written_is_warned_of(metrics, tmp_path, capsys):
    (tmp_path / "curve.png").mkdir()
    assert not draw_curve(metrics, tmp_path / "curve.png")
    assert "warning: curve is not drawn: " in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curve.png", "metrics.csv"]
