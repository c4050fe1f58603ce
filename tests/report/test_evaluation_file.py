"""What evaluate measured stands on the page, and says which utterances to listen to."""
import json
import os

import pytest
from run_stage import write_run

from core_scripts.report.evaluation_file import choose_names, read_evaluation
from core_scripts.report.page import build_page
from core_scripts.report.page_content import Request
from core_scripts.report.run_facts import read_run

NAMES = [f"u{number:02d}" for number in range(30)]  # of the table; two of them lie in the output


@pytest.fixture
def run(tmp_path):
    """A run whose table has 30 utterances, whose distance grows with their number; the last one has none."""
    folder = write_run(tmp_path / "project" / "01-recipe", utterances=NAMES[:2])
    note = {"unit": "dB", "better": "lower", "settings": "25 ms windows", "source": "definition"}
    plain = {
        "utterances": 30, "measured": 30, "interval": "mean, 95 % by bootstrap", "worst_by": "distance",
        "settings": {"distance": {"key": "distance", "title": "distance", **note},
                     "pitch": {"key": "pitch", "title": "pitch error", **note}},
        "metrics": {"distance": {"mean": 14.5, "low": 11.25, "high": 17.0, "n": 29, "why": ""},
                    "pitch": {"mean": None, "low": None, "high": None, "n": 0, "why": "all frames are unvoiced"}},
        "baselines": {"Griffin-Lim": {"distance": {"mean": 9.75}, "pitch": {"mean": 3.5}}},
        "worst": [], "remarks": ["two files were <left> out"],
    }
    (folder / "evaluation.json").write_text(json.dumps(plain))
    rows = [f"{name},output,f.wav,0.4,{number if number < 29 else ''},\n" for number, name in enumerate(NAMES)]
    rows += ["u00,Griffin-Lim,,0.4,99,1\n"]
    (folder / "evaluation.csv").write_text("name,system,file,seconds,distance,pitch\n" + "".join(rows))
    return folder


def page_of(run, **more):
    return build_page(Request(read_run(run), run.parents[1], {}, **more)).decode("utf-8")


def test_means_intervals_baselines_and_reasons_stand_on_the_page(run):
    page = page_of(run, most_utterances=3)
    for told in ("<b>14.5</b> [11.25, 17]", "9.75", "Griffin-Lim", "distance, dB", "all frames are unvoiced",
                 "25 ms windows", "two files were &lt;left&gt; out", "30 of 30 utterances; mean, 95 % by bootstrap"):
        assert told in page, told


def test_the_worst_the_middle_and_the_best_are_shown_in_this_order(run):
    names, told = choose_names(NAMES, read_evaluation(read_run(run)), 20)
    assert names == [*NAMES[28:20:-1], *NAMES[17:11:-1], *NAMES[5::-1]]
    assert told.startswith("20 of 30 generated utterances: the 8 worst, 6 of the middle and the 6 best by distance")


def test_without_figures_the_first_by_name_are_shown(run):
    (run / "evaluation.csv").unlink()
    names, told = choose_names(NAMES, read_evaluation(read_run(run)), 20)
    assert names == NAMES[:20] and "the first by name" in told
    assert choose_names(NAMES[:3], None, 20) == (NAMES[:3], "All 3 generated utterances.")


def test_an_utterance_has_its_own_figures_and_not_those_of_a_baseline(run):
    evaluation = read_evaluation(read_run(run))
    assert evaluation.figures("u00", 5) == [("distance, dB", 0.0)] and evaluation.figures("u29", 5) == []


def test_figures_of_older_output_are_doubted(run):
    assert read_evaluation(read_run(run)).remarks == ("two files were <left> out",)
    os.utime(run / "evaluation.json", (0, 0))
    assert "was generated after it was measured" in page_of(run, most_utterances=1)


def test_two_runs_are_compared_by_what_was_measured_of_both(run):
    other = write_run(run.parents[1], "wide", NAMES[:1])
    for name in ("evaluation.json", "evaluation.csv"):
        (other / name).write_text((run / name).read_text().replace("14.5", "7.25"))
    page = page_of(run, other=read_run(other), most_utterances=1)
    assert "<td>14.5</td><td>7.25</td>" in page


@pytest.mark.parametrize("junk", [None, "x", [[1]], {"distance": 3}])
def test_whatever_stands_in_the_file_there_is_a_page(run, junk):
    plain = json.loads((run / "evaluation.json").read_text())
    for key in ("settings", "metrics", "baselines", "remarks", "worst_by", "measured"):
        (run / "evaluation.json").write_text(json.dumps(plain | {key: junk}))
        assert "Listening" in page_of(run, most_utterances=1), key


def test_a_file_that_is_no_json_is_told(run):
    (run / "evaluation.json").write_text("{")
    page = page_of(run, most_utterances=1)
    assert "evaluation.json cannot be read" in page and "The sound was not measured" in page
