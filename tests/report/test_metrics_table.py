"""metrics.csv is read as it is, with holes, infinities and all."""
import pytest

from core_scripts.errors import DataError
from core_scripts.report.metrics_table import read_metrics, segments


def write(path, text):
    path.write_text(text)
    return path


def test_holes_and_what_is_no_number_are_left_out_and_counted(tmp_path):
    table = read_metrics(write(tmp_path / "m.csv", "epoch,train_loss,val_loss,best\n0,1.5,,yes\n1,nan,inf,no\n2,1.0\n"))
    assert table.columns["train_loss"] == [1.5, None, 1.0] and table.columns["val_loss"] == [None] * 3
    assert table.not_finite == 2 and table.best_row == 0 and table.last("train_loss") == 1.0
    assert not table.has("val_loss") and not table.has("absent")
    assert list(segments(table.points("train_loss"))) == [[(0, 1.5)], [(2, 1.0)]]


def test_no_file_and_no_row_are_an_empty_table(tmp_path):
    assert read_metrics(tmp_path / "absent.csv").columns == {}
    assert read_metrics(write(tmp_path / "m.csv", "epoch,train_loss\n")).epochs == []


def test_a_file_of_another_kind_is_refused(tmp_path):
    with pytest.raises(DataError, match="has no column epoch, but name, colour; it is no file of metrics"):
        read_metrics(write(tmp_path / "m.csv", "name,colour\na,b\n"))
    (tmp_path / "m.csv").write_bytes(b"\xff\xfe\x00epoch")
    with pytest.raises(DataError, match="is no readable CSV file"):
        read_metrics(tmp_path / "m.csv")
