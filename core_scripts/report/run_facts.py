"""All that a run's folder tells of itself, whatever of it is there; what cannot be read is told and left out."""
import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from core_scripts.errors import CheckpointError, DataError, near_files
from core_scripts.report.metrics_table import MetricsTable, read_metrics
from core_scripts.report.run_record import RUN_NAME
from core_scripts.report.status import STATUS_NAME
from core_scripts.run_folder import METRICS_NAME, RESULT_NAME

OUTPUT = "output"
EVALUATION_NAME = "evaluation.json"


@dataclass(frozen=True)
class RunFacts:
    """record: of training, output_record: of the last generation (run.yaml); status, result, evaluation as they are."""

    folder: Path
    output: Path
    record: dict[str, Any] = field(default_factory=dict)
    output_record: dict[str, Any] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)
    metrics: MetricsTable = field(default_factory=lambda: MetricsTable({}))
    faults: tuple[str, ...] = ()  # files that are there and cannot be used

    @property
    def name(self) -> str:
        """Of the run: its place below exp/, else the folder's name."""
        return "/".join(self.folder.parts[self._below_exp() :])

    @property
    def recipe(self) -> str:
        """The folder of the recipe; empty where the run lies elsewhere."""
        place = self._below_exp() - 2
        return self.folder.parts[place] if "exp" in self.folder.parts[1:-1] else ""

    def _below_exp(self) -> int:
        """Which part of the path comes behind the last exp/."""
        above = self.folder.parts[:-1]
        return len(above) - above[::-1].index("exp") if "exp" in above else len(above)

    @property
    def settings(self) -> dict[str, Any]:
        """With which the output was made, else the run."""
        found = self.output_record.get("settings") or self.record.get("settings")
        return found if isinstance(found, dict) else {}


def read_run(folder: Path, output: Path | None = None) -> RunFacts:
    """What the folder of a run holds; output: where its generated files are, None: output/ in it.

    Raises: CheckpointError if nothing in it tells of a run.
    """
    faults: list[str] = []
    folder, output = folder.resolve(), (output or folder / OUTPUT).resolve()

    def take(read: Callable[[Path], Any], path: Path) -> Any:
        try:
            return read(path)
        except DataError as fault:
            faults.append(str(fault))
            return None

    facts = RunFacts(
        folder, output,
        record=take(_read_yaml, folder / RUN_NAME) or {}, output_record=take(_read_yaml, output / RUN_NAME) or {},
        status=take(_read_json, folder / STATUS_NAME) or {}, result=take(_read_json, folder / RESULT_NAME) or {},
        evaluation=take(_read_json, folder / EVALUATION_NAME) or {},
        metrics=take(read_metrics, folder / METRICS_NAME) or MetricsTable({}), faults=tuple(faults),
    )
    if not (facts.record or facts.metrics.columns or facts.output_record or facts.result or faults or output.is_dir()):
        raise CheckpointError(f"no run in {folder}{near_files(folder)}: it holds neither {RUN_NAME} nor {METRICS_NAME} "
                              f"nor {OUTPUT}/; train first, or name another one")
    return facts


def next_command(facts: RunFacts, verb: str, *more: str) -> str:
    """What to type for this run: its name, and the settings that were typed when it was trained."""
    typed = str(facts.record.get("command") or "")
    try:
        words = shlex.split(typed)[1:]
    except ValueError:  # a record of before, without quotes
        words = typed.split()[1:]
    was_demo = words[:1] == ["demo"]
    kept = [word for word in words if "=" in word and not word.startswith("-")]
    files = [word for before, word in zip(words, words[1:], strict=False) if before == "--config-file"]
    files += [word.partition("=")[2] for word in words if word.startswith("--config-file=")]
    files = files or ["demo.yaml"] * was_demo
    named = [part for file in files for part in ("--config-file", shlex.quote(file))]
    given = [verb, *more, "--exp", shlex.quote(facts.name), *named, *(shlex.quote(word) for word in kept)]
    return " ".join(["python main.py", *given])


def _read_yaml(path: Path) -> dict[str, Any]:
    return _require_map(path, yaml.safe_load)


def _read_json(path: Path) -> dict[str, Any]:
    return _require_map(path, json.loads)


def _require_map(path: Path, parse: Callable[[str], Any]) -> dict[str, Any]:
    """Nothing where there is no such file. Raises: DataError if it is not text, not of its kind, or no map."""
    if not path.exists():
        return {}
    try:
        found = parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as fault:
        reason = str(fault).split("\n")[0]
        raise DataError(f"{path} cannot be read ({reason}); the page does without it") from None
    if not isinstance(found, dict):
        raise DataError(f"{path} holds no keys and values; the page does without it")
    return found
