"""The table of sound: every metric of the outputs and of the baselines, in total and per utterance."""
import csv
import io
import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core_scripts.data_io.file_io import write_atomically
from core_scripts.evaluation.metric import HIGHER, LOWER, Metric
from core_scripts.evaluation.sound_rows import OUTPUT, SoundRow
from core_scripts.evaluation.summary import HOW, Summary, summarise

CSV_NAME, JSON_NAME = "evaluation.csv", "evaluation.json"
WORST = 10
_WIDTH = 110
_NO_VALUE = "-"


@dataclass(frozen=True)
class SoundTable:
    """Rows of `measure_outputs` and `measure_baseline_sounds`; remarks: what a reader must know before the figures."""

    folder: str  # of the outputs
    utterances: int  # of the test list
    rows: tuple[SoundRow, ...]
    metrics: tuple[Metric, ...]
    remarks: tuple[str, ...] = ()

    def systems(self) -> list[str]:
        """The output first."""
        return list(dict.fromkeys([OUTPUT, *(row.system for row in self.rows)]))

    def of(self, system: str) -> list[SoundRow]:
        return [row for row in self.rows if row.system == system]

    def summaries(self, system: str) -> dict[str, Summary]:
        """Mean and interval over utterances of each metric."""
        rows = self.of(system)
        return {metric.key: summarise([row.figures[metric.key] for row in rows]) for metric in self.metrics}

    def worst(self) -> tuple[Metric | None, list[SoundRow]]:
        """The outputs with the worst figures of the first metric that tells good from bad and has figures."""
        rows = self.of(OUTPUT)
        for metric in self.metrics:
            told = [row for row in rows if row.figures[metric.key].value is not None]
            if metric.better in (LOWER, HIGHER) and told:
                sign = -1 if metric.better == LOWER else 1
                return metric, sorted(told, key=lambda row: sign * row.figures[metric.key].value)[:WORST]
        return None, []

    def as_plain(self) -> dict[str, Any]:
        """What evaluation.json holds; its layout is told in docs/EVALUATION.md."""
        metric, worst = self.worst()
        told = {system: {key: asdict(summary) for key, summary in self.summaries(system).items()}
                for system in self.systems()}
        return {
            "output": self.folder,
            "utterances": self.utterances,
            "measured": len(self.of(OUTPUT)),
            "interval": HOW,
            "metrics": told.pop(OUTPUT),
            "baselines": told,
            "settings": {metric.key: asdict(metric) for metric in self.metrics},
            "worst_by": metric.key if metric else None,
            "worst": [{"name": row.name, "file": row.file, "value": row.figures[metric.key].value} for row in worst],
            "remarks": list(self.remarks),
        }

    def as_csv(self) -> str:
        """A line per utterance and system; a figure that is undefined is left empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        keys = [metric.key for metric in self.metrics]
        writer.writerow(["name", "system", "file", "seconds", *keys])
        for row in self.rows:
            values = [row.figures[key].value for key in keys]
            writer.writerow([row.name, row.system, row.file, f"{row.seconds:.4f}",
                             *("" if value is None else f"{value:.6g}" for value in values)])
        return text.getvalue()

    def write(self, folder: Path) -> None:
        """evaluation.csv and evaluation.json. Raises: DataError if they cannot be written."""
        write_atomically(folder / CSV_NAME, self.as_csv().encode("utf-8"))
        write_atomically(folder / JSON_NAME, (json.dumps(self.as_plain(), indent=1) + "\n").encode("utf-8"))

    def __str__(self) -> str:
        told = {system: self.summaries(system) for system in self.systems()}
        head = f"sound: {len(self.of(OUTPUT))} of {self.utterances} utterances, in {self.folder}"
        lines = [head, f"  {'':<34} {'output, 95 % interval':>27} " + " ".join(
            f"{_short(system):>11}" for system in told if system != OUTPUT)]
        lines += [self._line(metric, told) for metric in self.metrics]
        lines += [part for remark in self.remarks for part in _wrap(f"! {remark}")]
        lines += self._reasons(told) + self._worst_lines() + ["settings", *_wrap(f"all: {HOW}")]
        return "\n".join([*lines, *(part for metric in self.metrics for part in _wrap(
            f"{metric.title}: {metric.settings} ({metric.source})"))])

    def _line(self, metric: Metric, told: dict[str, dict[str, Summary]]) -> str:
        better = {LOWER: "low is good", HIGHER: "high is good"}.get(metric.better, "")
        title = f"{metric.title}{', ' + metric.unit if metric.unit else ''}"
        own = told[OUTPUT][metric.key]
        text = _NO_VALUE if own.mean is None else _number(own.mean)
        if own.low is not None:
            text += f" [{_number(own.low)}, {_number(own.high)}]"
        others = [summaries[metric.key].mean for system, summaries in told.items() if system != OUTPUT]
        cells = " ".join(f"{_NO_VALUE if mean is None else _number(mean):>11}" for mean in others)
        return f"  {title:<34} {text:>27} {cells} {better}".rstrip()

    def _reasons(self, told: dict[str, dict[str, Summary]]) -> list[str]:
        reasons: dict[str, list[str]] = {}
        for metric in self.metrics:
            own = told[OUTPUT][metric.key]
            if own.mean is None:
                reasons.setdefault(own.why, []).append(metric.title)
        return [part for why, titles in reasons.items() for part in _wrap(f"undefined: {', '.join(titles)}: {why}")]

    def _worst_lines(self) -> list[str]:
        metric, rows = self.worst()
        if metric is None:
            return []
        return [f"worst by {metric.title}", *(f"  {_number(row.figures[metric.key].value):>9}  {row.file}"
                                              for row in rows)]


def _short(system: str) -> str:
    return system if len(system) <= 11 else system[:10] + "…"


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.1f}"


def _wrap(text: str) -> Sequence[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
