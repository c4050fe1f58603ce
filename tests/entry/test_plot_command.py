"""`python main.py plot`: which tables it finds, what flags say, and mistakes at the command line."""
import re
import sys

import pytest
from desk import Desk

TABLE = "epoch,train_loss,val_loss\n0,2.0,2.1\n1,1.5,1.6\n"


@pytest.fixture
def plotted(desk) -> Desk:
    """Two runs that have their tables, and one that has not."""
    for name in ("base", "wide", "new"):
        (desk.folder / "exp" / name).mkdir(parents=True)
        if name != "new":
            (desk.folder / "exp" / name / "metrics.csv").write_text(TABLE)
    return desk


def plot(desk: Desk, *words: str):
    return desk.run("plot", *words, small=False)


def test_runs_and_files_are_named_by_words_or_by_exp_and_flags_have_both_forms(plotted, tmp_path):
    pytest.importorskip("matplotlib")
    (tmp_path / "own.csv").write_text(TABLE)
    for place, words in enumerate([("wide",), ("base", "wide"), ("--exp", "base", "--exp=wide"),
                                   (str(tmp_path / "own.csv"), "wide", "--labels", "a;b;c;$d_{1,2}$")]):
        name = tmp_path / f"p{place}"
        answer = plot(plotted, *words, "--plot-name", str(name), "--extensions=svg", "--log-y=yes")
        assert answer.code == 0 and answer.out.count("drawn: ") == 1, answer.err
        drawn = re.findall("<!-- (.*) -->", name.with_suffix(".svg").read_text())
        assert ("base val loss" in drawn) == (place in (1, 2)) and ("$d_{1,2}$" in drawn) == (place == 3)
    assert plot(plotted).out == f"drawn: {plotted.folder / 'exp/base/plot.png'}\n"


def test_the_file_of_settings_is_read_and_a_flag_goes_before_it_even_if_it_says_the_default(plotted, tmp_path):
    pytest.importorskip("matplotlib")
    (tmp_path / "s.json").write_text(f'{{"plot_name": "{tmp_path}/fig", "extensions": ["pdf", "svg"], "dpi": 40}}')
    assert plot(plotted, "-c", str(tmp_path / "s.json")).code == 0
    assert plot(plotted, "-c", str(tmp_path / "s.json"), "--extensions=png").code == 0
    assert sorted(path.name for path in tmp_path.glob("fig.*")) == ["fig.pdf", "fig.png", "fig.svg"]


@pytest.mark.parametrize(("words", "message"), [
    (("wid",), "wid: no such file, and no run .*exp/wid; did you mean wide"),
    (("new",), "new: no metrics.csv in it yet; a run writes it at the end of its first epoch"),
    (("nothing", "new"), "(?s)2 found.*nothing: .*new: no metrics.csv"),
    (("--columns=val_los",), "no column 'val_los'; did you mean val_loss"),
    (("--title=a",), "unknown option --title; did you mean --plot-title"),
    (("--dpi=x",), "--dpi: expects a whole number, got 'x'"),
    (("--log-y=maybe",), "got 'maybe'; allowed are yes, no"),
    (("--extensions=gif",), "'gif' is none of png, pdf, jpg, svg"),
])
def test_mistakes_are_told_and_nothing_is_drawn(plotted, words, message):
    answer = plot(plotted, *words)
    assert answer.code != 0 and re.search(message, answer.err) and "Traceback" not in answer.err, answer.err
    assert plotted.files(".png") == []


def test_without_matplotlib_one_line_says_how_to_get_it(plotted, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    answer = plot(plotted)
    assert answer.code == 2 and answer.errors == [
        "error: plot draws with matplotlib, which is not installed: pip install matplotlib"]


def test_its_options_are_its_own(plotted):
    answer = plotted.run("infer", "--plot-title", "a")
    assert answer.code == 2 and "--plot-title belongs to the verb plot, not to infer" in answer.err
