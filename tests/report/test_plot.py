"""Curves as a record of settings asks for them: files over defaults, flags over files, TeX, faults together."""
import json

import numpy as np
import pytest

from core_scripts.errors import ConfigError, DataError, UsageError
from core_scripts.report.plot import draw_plot, read_curves, read_table
from core_scripts.report.plot_settings import PlotSettings, settle

TABLE = "epoch,train_loss,val_loss,seconds,best\n0,2.0,2.1,1.0,yes\n1,1.5,,1.0,no\n2,1.2,1.4,1.0,yes\n"
KINDS = {"png": b"\x89PNG", "pdf": b"%PDF", "jpg": b"\xff\xd8\xff", "svg": b"<?xml"}


@pytest.fixture
def runs(tmp_path):
    """Two runs with a table each."""
    paths = [tmp_path / name / "metrics.csv" for name in ("base", "wide")]
    for path in paths:
        path.parent.mkdir()
        path.write_text(TABLE)
    return paths


def test_curves_are_named_by_what_tells_them_apart(runs):
    def names(paths, **values):
        return [curve.label for curve in read_curves(paths, PlotSettings(**values))]

    assert names(runs[:1]) == ["train loss", "val loss"]
    assert names(runs, columns=("val_loss",)) == ["base", "wide"]
    assert names(runs) == ["base train loss", "base val loss", "wide train loss", "wide val loss"]
    assert names(runs[:1], labels=("$a$", "b")) == ["$a$", "b"]
    train, val = read_curves(runs[:1], PlotSettings())
    assert train.y.tolist() == [2.0, 1.5, 1.2] and np.isnan(val.y[1]) and val.x.tolist() == [0, 1, 2]


def test_every_extension_is_a_picture_of_its_kind(runs, tmp_path):
    pytest.importorskip("matplotlib")
    settings = PlotSettings(extensions=tuple(KINDS), plot_title=r"$\mu$-law", width=3.0, height=2.0, dpi=50)
    written = draw_plot(read_curves(runs, settings), settings, tmp_path / "v1.2")
    assert [path.name for path in written] == [f"v1.2.{kind}" for kind in KINDS]
    assert all(path.read_bytes().startswith(KINDS[path.suffix[1:]]) for path in written)


def test_flags_go_before_the_file_and_the_file_before_defaults_each_typed(tmp_path):
    (tmp_path / "a.yaml").write_text("plot-title: T\ndpi: 90\nwidth: 5\nlog_y: true\nextensions: pdf\n")
    settings = settle(tmp_path / "a.yaml", {"dpi": 200, "columns": ["seconds"]})
    assert settings == PlotSettings(plot_title="T", dpi=200, width=5.0, log_y=True, extensions=("pdf",),
                                    columns=("seconds",))
    assert isinstance(settings.width, float)


@pytest.mark.parametrize(("name", "text"), [
    ("a.json", r'{"plot_title": "$\tau\nu$", "labels": ["$\beta$", "two\nlines"]}'),
    ("a.yaml", 'plot_title: "$\\tau\\nu$"\nlabels: ["$\\beta$", "two\\nlines"]\n'),
    ("a.yml", 'plot_title: $\\tau\\nu$\nlabels: [$\\beta$, "two\\nlines"]\n'),
])
def test_backslashes_in_math_survive_json_and_yaml_whether_doubled_or_not(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    settings = settle(tmp_path / name, {})
    assert settings.plot_title == r"$\tau\nu$" and settings.labels == (r"$\beta$", "two\nlines")


def test_unknown_keys_and_wrong_types_are_told_together_with_what_was_meant(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"plot_titel": "a", "dpi": "3", "columns": [1]}))
    with pytest.raises(ConfigError, match=r"(?s)3 found.*plot_titel: unknown key; did you mean plot_title\?.*a.json.*"
                                          r"dpi: expects int, got str.*columns: expects str, got int"):
        settle(tmp_path / "a.json", {})
    with pytest.raises(ConfigError, match=r"(?s)2 found.*'jpeg' is none of png, pdf, jpg, svg; did you mean.*width=0"):
        PlotSettings(extensions=("jpeg",), width=0)
    with pytest.raises(ConfigError, match=r"plot_name='a.png' has an extension; leave it out and set extensions=png"):
        PlotSettings(plot_name="a.png")


@pytest.mark.parametrize(("name", "text", "message"), [
    ("a.json", '{"dpi": 3,\n "x": }', "a.json, line 2, column 7: Expecting value"),
    ("a.json", r'{"plot_title": "$\mu$"}', r"line 1, column 18: .*in JSON a backslash is written twice"),
    ("a.json", "[1]", "holds a list, not a map"),
    ("a.yaml", "x: [1\n", "a.yaml, line 2: expected ',' or ']'"),
    ("a.jsn", None, "a.jsn not found; did you mean a.json"),
])
def test_a_file_of_settings_that_cannot_be_read_is_told_with_the_place(tmp_path, name, text, message):
    (tmp_path / "a.json").write_text("{}")
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=message):
        settle(tmp_path / name, {})


@pytest.mark.parametrize(("content", "message"), [
    (b"", "is empty; a run writes its first line at the end of its first epoch"),
    (b"epoch,train_loss\n", "has the names of 2 columns and no line of numbers yet"),
    (b"epoch,train_loss\n0,1\n1\n", "line 3 has 1 values, the first line names 2 columns"),
    (b"\xff\xfe\x00", "cannot be read as a table"),
])
def test_a_file_that_is_no_table_is_told(tmp_path, content, message):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_table(tmp_path / "a.csv")


def test_missing_columns_and_words_in_columns_are_told_of_all_tables(runs):
    with pytest.raises(DataError, match=r"(?s)4 found.*no column 'los'.*it has epoch, train_loss.*'best' holds what is "
                                        r"no number"):
        read_curves(runs, PlotSettings(columns=("los", "best")))
    with pytest.raises(UsageError, match="3 labels for 2 curves; give one for each of train loss, val loss"):
        read_curves(runs[:1], PlotSettings(labels=("a", "b", "c")))


def test_a_label_that_is_no_tex_and_a_place_that_cannot_be_written_are_told(runs, tmp_path):
    pytest.importorskip("matplotlib")
    settings = PlotSettings(plot_title=r"$\nosuchthing$")
    with pytest.raises(UsageError, match=r"a label cannot be set: \\nosuchthing .*Unknown symbol"):
        draw_plot(read_curves(runs, settings), settings, tmp_path / "a")
    (tmp_path / "b.png").mkdir()
    with pytest.raises(DataError, match=r"b.png cannot be written"):
        draw_plot(read_curves(runs, PlotSettings()), PlotSettings(), tmp_path / "b")


def test_without_latex_mathtext_sets_the_labels_and_one_line_says_so(runs, tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.setenv("PATH", str(tmp_path))
    settings = PlotSettings(tex=True, dpi=50)
    assert draw_plot(read_curves(runs, settings), settings, tmp_path / "a")[0].is_file()
    assert "no latex and no dvipng here: labels are set by matplotlib's own mathtext" in capsys.readouterr().err
