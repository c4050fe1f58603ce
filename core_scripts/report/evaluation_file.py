"""evaluation.json and evaluation.csv (docs/EVALUATION.md) as a page shows them, and which utterances they point at."""
import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core_scripts.report.run_facts import EVALUATION_NAME, RunFacts

_OUTPUT = "output"  # the system that is the run itself


@dataclass(frozen=True)
class MetricNote:
    """What a metric's figures mean; better: lower, higher, zero or neither."""

    key: str
    title: str
    unit: str = ""
    better: str = ""
    settings: str = ""

    @property
    def heading(self) -> str:
        """Title and unit."""
        return f"{self.title}, {self.unit}" if self.unit else self.title


@dataclass(frozen=True)
class Evaluation:
    """systems: mean, low, high of each metric's key, the output first; rows: figures of the output by utterance."""

    metrics: tuple[MetricNote, ...]
    systems: dict[str, dict[str, Mapping[str, Any]]]
    rows: dict[str, dict[str, float]] = field(default_factory=dict)
    ranked_by: MetricNote | None = None  # of the worst
    remarks: tuple[str, ...] = ()
    counted: str = ""  # of how many utterances

    def figures(self, name: str, most: int) -> list[tuple[str, float]]:
        """The first metrics of an utterance that tell good from bad."""
        row = self.rows.get(name, {})
        told = [metric for metric in self.metrics if metric.better in ("lower", "higher") and metric.key in row]
        return [(metric.heading, row[metric.key]) for metric in told[:most]]

    def ranked(self, names: Sequence[str]) -> list[str]:
        """Those with a figure of the metric that ranks, the worst first."""
        if self.ranked_by is None:
            return []
        key, sign = self.ranked_by.key, 1 if self.ranked_by.better == "higher" else -1
        return sorted((name for name in names if key in self.rows.get(name, {})),
                      key=lambda name: sign * self.rows[name][key])


def read_evaluation(facts: RunFacts) -> Evaluation | None:
    """What was measured of the run's output; None where nothing was."""
    plain = facts.evaluation
    settings = plain.get("settings")
    metrics = [MetricNote(str(key), **{name: str(value.get(name) or "") for name in
                                       ("title", "unit", "better", "settings")})
               for key, value in (settings.items() if isinstance(settings, dict) else ()) if isinstance(value, dict)]
    systems = {_OUTPUT: plain.get("metrics"), **_map(plain.get("baselines"))}
    told = {str(name): {key: value for key, value in figures.items() if isinstance(value, dict)}
            for name, figures in systems.items() if isinstance(figures, dict)}
    if not metrics or not told:
        return None
    remarks = plain.get("remarks")
    return Evaluation(
        tuple(metrics), told, _read_rows(facts.folder / f"{Path(EVALUATION_NAME).stem}.csv"),
        next((metric for metric in metrics if metric.key == plain.get("worst_by")), None),
        (*_staleness(facts), *map(str, remarks if isinstance(remarks, list) else ())),
        f"{plain.get('measured')} of {plain.get('utterances')} utterances; {plain.get('interval')}",
    )


def choose_names(names: Sequence[str], evaluation: Evaluation | None, most: int) -> tuple[list[str], str]:
    """At most so many, and in words which: a third each of the worst, the middle and the best where they are ranked."""
    if len(names) <= most:
        return list(names), f"All {len(names)} generated utterances."
    ranked = evaluation.ranked(names) if evaluation is not None else []
    told = f"{most} of {len(names)} generated utterances"
    if len(ranked) <= most:
        return list(names[:most]), f"{told}, the first by name; --utterances N shows more or fewer."
    best, middle = most // 3, most // 3
    worst = most - best - middle
    begin = min(max((len(ranked) - middle) // 2, worst), len(ranked) - best - middle)
    chosen = ranked[:worst] + ranked[begin : begin + middle] + ranked[len(ranked) - best :]
    return chosen, (f"{told}: the {worst} worst, {middle} of the middle and the {best} best by "
                    f"{evaluation.ranked_by.title}, in this order; --utterances N shows more or fewer.")


def _staleness(facts: RunFacts) -> list[str]:
    """What the figures may not be of: the files that are heard here."""
    path = facts.folder / EVALUATION_NAME
    newest = max((each.stat().st_mtime for each in facts.output.rglob("*") if each.is_file()), default=0.0)
    if path.is_file() and newest > path.stat().st_mtime:
        return ["The output was generated after it was measured: python main.py evaluate measures it anew."]
    return []


def _read_rows(path: Path) -> dict[str, dict[str, float]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row.get("system") == _OUTPUT and row.get("name")]
    except (OSError, UnicodeDecodeError, csv.Error):
        return {}
    return {row["name"]: {key: value for key, text in row.items() if (value := _finite(text)) is not None}
            for row in rows}


def _finite(text: Any) -> float | None:
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
