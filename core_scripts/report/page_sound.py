"""The table of sound on the page: means with their intervals, baselines beside them, and what each figure is."""
from collections.abc import Mapping
from typing import Any

from core_scripts.report.evaluation_file import Evaluation
from core_scripts.report.markup import Markup, Piece, join, table, tag
from core_scripts.report.page_run import in_figures

_BETTER = {"lower": "less is better", "higher": "more is better", "zero": "0 is best"}


def sound_section(evaluation: Evaluation) -> Markup:
    """Every metric of the output and of the baselines."""
    systems = evaluation.systems
    rows = []
    for metric in evaluation.metrics:
        told = [systems[name].get(metric.key, {}) for name in systems]
        if all(figure.get("mean") is None for figure in told):
            continue
        cells = [_own(told[0]), *(in_figures(figure.get("mean")) for figure in told[1:])]
        rows.append((metric.heading, *cells, tag("span", _BETTER.get(metric.better, ""), class_="note")))
    head = ("", "this run [95 %]", *list(systems)[1:], "")
    remarks: list[Piece] = [tag("p", remark, class_="warning") for remark in evaluation.remarks]
    missing = [(metric.heading, systems["output"][metric.key].get("why") or "")
               for metric in evaluation.metrics if _is_undefined(systems, metric.key)]
    notes = [(metric.heading, metric.settings) for metric in evaluation.metrics]
    return join((
        tag("h3", "Sound"), *remarks, table("Sound of the output against its originals", head, rows),
        tag("p", evaluation.counted, class_="note"),
        table("Undefined, and why", ("", ""), missing, "plain") if missing else None,
        tag("details", tag("summary", "How each figure is made"), table("Settings", ("", ""), notes, "plain"))))


def _own(figure: Mapping[str, Any]) -> Markup:
    mean, low, high = (figure.get(key) for key in ("mean", "low", "high"))
    interval = f" [{in_figures(low)}, {in_figures(high)}]" if low is not None and high is not None else ""
    return join((tag("b", in_figures(mean)), interval))


def _is_undefined(systems: Mapping[str, Mapping[str, Mapping[str, Any]]], key: str) -> bool:
    figure = systems.get("output", {}).get(key)
    return figure is not None and figure.get("mean") is None
