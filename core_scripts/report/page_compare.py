"""The part of the page about another run: what differs between the two, and whether they compare at all."""
from collections.abc import Mapping
from typing import Any

from core_scripts.report.evaluation_file import read_evaluation
from core_scripts.report.markup import Markup, Piece, join, table, tag
from core_scripts.report.page_run import BITS_ROWS, in_figures
from core_scripts.report.run_facts import RunFacts

_NO_MATTER = {"exp", "config_file", "verbose", "num_threads", "output_dir", "save_model_dir", "resume", "fresh"}


def compare_section(facts: RunFacts, other: RunFacts) -> Markup:
    """Settings and figures side by side, after what keeps them from comparing."""
    parts: list[Piece] = [tag("p", doubt, class_="warning") for doubt in doubts(facts, other)]
    names = (facts.name, other.name)
    figures = _figures(facts, other)
    if figures:
        parts.append(table("Figures", ("", *names), figures))
    ours, theirs = flatten(_trained_with(facts)), flatten(_trained_with(other))
    rows = [(key, _told(ours, key), _told(theirs, key)) for key in {**ours, **theirs}
            if ours.get(key) != theirs.get(key) and key not in _NO_MATTER]
    if rows:
        parts.append(table("Settings of training that differ", ("setting", *names), rows, "plain"))
    elif ours and theirs:
        parts.append(tag("p", "Both were trained with the same settings."))
    return join(parts)


def doubts(facts: RunFacts, other: RunFacts) -> list[str]:
    """In words, why figures or sound of the two may not compare."""
    found = []
    if facts.recipe != other.recipe:
        found.append(f"{other.name} is a run of another recipe ({other.recipe or 'unknown'}, this is "
                     f"{facts.recipe or 'unknown'}): losses do not compare, sound does.")
    rates = [run.settings.get("wav_samp_rate") for run in (facts, other)]
    if None not in rates and rates[0] != rates[1]:
        found.append(f"The sampling rates differ, {rates[0]} Hz and {rates[1]} Hz: pictures go up to the lower one's "
                     "half, and the ear may tell the two by their bandwidth alone.")
    data = [run.output_record.get("data") for run in (facts, other)]
    if None not in data and data[0] != data[1]:
        found.append("The two generated from different test data (fingerprints differ).")
    found += [f"{run.name} holds no generated files." for run in (facts, other) if not run.output.is_dir()]
    return found


def flatten(tree: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Settings by dotted key."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= flatten(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return flat


def _trained_with(facts: RunFacts) -> Mapping[str, Any]:
    found = facts.record.get("settings")
    return found if isinstance(found, dict) else {}


def _told(settings: Mapping[str, Any], key: str) -> str:
    return str(settings[key]) if key in settings else "–"


def _figures(facts: RunFacts, other: RunFacts) -> list[tuple[str, str, str]]:
    runs, rows = (facts, other), []
    losses = [_best_loss(run) for run in runs]
    if any(losses):
        rows.append(("best validation loss", *(loss or "–" for loss in losses)))
    for metric, ours, theirs in _sound_means(facts, other):
        rows.append((metric, in_figures(ours), in_figures(theirs)))
    keys = [key for key, value in facts.result.items() if _is_figure(value) or _is_figure(other.result.get(key))]
    for key in keys:
        values = [run.result.get(key) for run in runs]
        name = f"bits, {dict(BITS_ROWS)[key]}" if key in dict(BITS_ROWS) else key.replace("_", " ")
        rows.append((name, *(in_figures(value) for value in values)))
    return rows


def _sound_means(facts: RunFacts, other: RunFacts) -> list[tuple[str, Any, Any]]:
    """Means of what was measured of both outputs."""
    found = [read_evaluation(run) for run in (facts, other)]
    if None in found:
        return []
    means = [{key: figure.get("mean") for key, figure in each.systems.get("output", {}).items()} for each in found]
    return [(metric.heading, *(each.get(metric.key) for each in means)) for metric in found[0].metrics
            if any(each.get(metric.key) is not None for each in means)]


def _best_loss(facts: RunFacts) -> str:
    row, losses = facts.metrics.best_row, facts.metrics.columns.get("val_loss", ())
    return f"{losses[row]:.4f}" if row is not None and row < len(losses) and losses[row] is not None else ""


def _is_figure(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
