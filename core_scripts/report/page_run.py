"""The parts of the page about the run: what it is, with what it was made, how it learned, what it scores."""
import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from core_scripts.report.chart import SMALL, Line, draw_chart
from core_scripts.report.markup import Markup, Piece, join, table, tag
from core_scripts.report.run_facts import RunFacts
from core_scripts.run_folder import CURVE_NAME

_HIDDEN = {"exp", "config_file"}  # of the differences: they say where and how, and the command shows them
_CHARTS = (  # further columns of metrics.csv: title, name of the values, columns and their names
    ("What another condition costs", "bits per sample", {
        "swap_gap_bits": "another utterance's", "zero_gap_bits": "none", "constant_gap_bits": "a constant one",
        "speaker_gap_bits": "another speaker"}),
    ("What other latents cost", "squared error", {
        "swap_gap_mse": "another utterance's", "zero_gap_mse": "none", "speaker_gap_mse": "another speaker"}),
    ("Units in use, as if all were used alike", "perplexity", {"perplexity": "perplexity"}),
    ("How sure it is of the code that comes", "probability", {"avg_prob_target": "of the true code",
                                                              "avg_max": "of its favourite"}),
)
_GAPS = {"swap": "another utterance's units", "zero": "no units", "speaker": "another speaker"}
_UNIT_FIGURES = (("perplexity", "units in use, as if all were used alike (perplexity)"), ("used_share", "share used"),
                 ("bits_per_second", "bit/s"), ("energy_r2", "level told by them, R2"), ("tokens", "tokens"))
_ROWS = 200  # of metrics.csv, as a table
_PICTURES, _PICTURE_BYTES = 6, 500_000  # of the recipe, at most
_STYLES = ("first", "second", "third", "fourth")
BITS_ROWS = (("model", "this model"), ("swapped", "with another file's condition"),
             ("constant", "with a constant condition"), ("lpc16", "LPC-16"), ("flac", "FLAC"), ("bigram", "bigram"),
             ("persistence", "persistence"), ("marginal", "marginal"))


def head_line(facts: RunFacts) -> Markup:
    """The few figures that one wants first."""
    metrics, status = facts.metrics, facts.status
    best = metrics.best_row
    losses = metrics.columns.get("val_loss", ())
    tiles: list[tuple[str, Piece]] = [("state", status.get("state"))]
    if best is not None and losses and losses[best] is not None:
        tiles.append((f"best validation loss, epoch {metrics.epochs[best]:g}", f"{losses[best]:.4f}"))
    bits = _bits_of(facts.result).get("model")
    if bits is not None:
        tiles.append(("bits per sample, test list", f"{bits:.3f}"))
    elif _is_number(facts.result.get("error")):
        unit = "bits per sample" if facts.result.get("error_name") == "bits" else "squared error"
        tiles.append((f"{unit}, test list", f"{facts.result['error']:.3f}"))
    if _is_number(status.get("step")):
        tiles.append(("steps", f"{status['step']:,}"))
    if _is_number(status.get("seconds")):
        tiles.append(("training time", _duration(status["seconds"])))
    made = [tag("div", tag("dt", name), tag("dd", value), class_="tile") for name, value in tiles if value is not None]
    return tag("dl", *made, class_="tiles") if made else Markup("")


def run_section(facts: RunFacts) -> Markup:
    """With what it was made, enough to make it again."""
    if not facts.record and not facts.output_record:
        return tag("p", f"{facts.folder.name} holds no run.yaml, so that nothing is known of how it was made.")
    parts = [_listing(_described(facts.record, facts.folder.name))]
    changes = [(key, _plain(pair.get("recipe")), _plain(pair.get("here")))
               for key, pair in _map(facts.record, "differences").items()
               if isinstance(pair, dict) and key not in _HIDDEN]
    if changes:
        parts.append(table("Settings that are not the recipe's", ("setting", "recipe", "here"), changes, "plain"))
    elif facts.record:
        parts.append(tag("p", "All settings are the recipe's."))
    if facts.output_record:
        rows = _described(facts.output_record, facts.output.name)
        rows += [("weights", facts.output_record.get("weights")),
                 ("weights and settings, hash", facts.output_record.get("made_by"))]
        rows += [(name, facts.settings.get(name)) for name in ("temperature", "generation_seed", "target_speaker")]
        parts.append(_details("How the output was generated", _listing(rows)))
    settings = facts.record.get("settings")
    if settings:
        text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
        parts.append(_details("All settings, as they can be given with --config-file", tag("pre", text, tabindex=0)))
    return join(parts)


def curve_section(facts: RunFacts, other: RunFacts | None) -> Markup:
    """Learning curves, the other run's validation beside them, and what else was measured after each epoch."""
    metrics = facts.metrics
    lines = [Line("training", metrics.points("train_loss"), "second"),
             Line("validation", metrics.points("val_loss"), "first")]
    if other is not None and other.metrics.has("val_loss"):
        lines.append(Line(shorten(other.name), other.metrics.points("val_loss"), "third"))
    best = metrics.best_row
    mark = None if best is None else (metrics.epochs[best], "best")
    chart = draw_chart(lines, f"Loss per epoch of {facts.name}", "epoch", mark)
    if chart is None:
        return tag("p", "No epoch is finished, or metrics.csv is not there: nothing to draw.")
    told = "Loss per epoch. Point at a dot for its value."
    told += f" {other.name}: its loss of validation." if len(lines) > 2 else ""
    parts: list[Piece] = [tag("figure", chart, tag("figcaption", told))]
    if metrics.not_finite:
        parts.append(tag("p", f"{metrics.not_finite} values of metrics.csv are NaN or infinite and left out: the "
                              "model diverged there.", class_="warning"))
    parts.append(tag("div", *_small_charts(facts), class_="small-charts"))
    parts.append(_details("metrics.csv as a table", _metrics_table(facts)))
    return join(parts)


def scores_section(facts: RunFacts) -> Markup:
    """result.json: bits beside baselines, or what units carry."""
    result = facts.result
    parts: list[Piece] = []
    if "model" in _bits_of(result):
        parts.append(_bits_table(result))
    if isinstance(result.get("gaps"), dict):
        parts.append(_gaps_table(result))
    if isinstance(result.get("rows"), list):
        parts.append(_units_table(result["rows"]))
    plain = [(name.replace("_", " "), in_figures(value)) for name, value in _flat(result)
             if name not in dict(BITS_ROWS)]
    if plain:
        parts.append(_details("Every figure of result.json", table("Figures", ("name", "value"), plain, "plain"))
                     if parts else table("Figures", ("name", "value"), plain, "plain"))
    return join(parts)


def shorten(name: str, most: int = 14) -> str:
    """A name that fits beside a line."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _small_charts(facts: RunFacts) -> list[Markup]:
    made = []
    for title, unit, columns in _CHARTS:
        found = [(column, name) for column, name in columns.items() if facts.metrics.has(column)]
        lines = [Line(name, facts.metrics.points(column), style)
                 for (column, name), style in zip(found, _STYLES, strict=False)]
        chart = draw_chart(lines, f"{title}, {unit}, per epoch", "epoch", frame=SMALL)
        if chart is not None:
            made.append(tag("figure", chart, tag("figcaption", f"{title} ({unit})")))
    return made


def _metrics_table(facts: RunFacts) -> Markup:
    columns = facts.metrics.columns
    count = len(facts.metrics.epochs)
    rows = [[in_figures(values[row]) for values in columns.values()] for row in range(max(0, count - _ROWS), count)]
    caption = "metrics.csv" if count <= _ROWS else f"metrics.csv, the last {_ROWS} of {count:,} epochs"
    return table(caption, [name.replace("_", " ") for name in columns], rows)


def _bits_table(result: Mapping[str, Any]) -> Markup:
    """The model and its baselines, the shortest bar the best."""
    bits = _bits_of(result)
    rows = [(name, bits[key]) for key, name in BITS_ROWS if key in bits]
    levels = result.get("levels")
    if _is_number(levels) and levels > 1:
        rows.append(("uniform", math.log2(levels)))
    offset = result.get("density_offset")
    longest = max(bits for _, bits in rows)
    owned = sum(key in bits for key in ("model", "swapped", "constant"))
    cells = [(name, _bar(bits / longest, own=place < owned), f"{bits:.3f}",
              f"{bits + offset:.3f}" if _is_number(offset) else "") for place, (name, bits) in enumerate(rows)]
    told = tag("p", f"{in_figures(result.get('samples'))} held-out samples, {levels} {result.get('quantiser', '')} "
                    "levels, level as recorded. Fewer bits are better; “16-bit LSB” is the same as a density, which "
                    "compares with other quantisers. A condition that another file's replaces at no cost is not used.",
               class_="note")
    return join((table("Bits per sample on the test list", ("", "", "code", "16-bit LSB"), cells, "bars"), told))


def _bits_of(result: Mapping[str, Any]) -> dict[str, float]:
    """By the keys of BITS_ROWS; records of small recipes call them bits and bits_KEY."""
    told = {"model": result.get("model", result.get("bits"))}
    told |= {key: result.get(key, result.get(f"bits_{key}")) for key, _ in BITS_ROWS[1:]}
    return {key: float(value) for key, value in told.items() if _is_number(value)}


def pictures_section(facts: RunFacts) -> Markup | None:
    """What the recipe drew into the folder of the run, but for its curve, which is drawn anew here."""
    found = [path for path in sorted(facts.folder.glob("*.png")) if path.name != CURVE_NAME and path.is_file()]
    small = [path for path in found if path.stat().st_size <= _PICTURE_BYTES][:_PICTURES]
    figures = [tag("figure", tag("img", src="data:image/png;base64," + base64.b64encode(path.read_bytes()).decode(),
                                 alt=f"{path.name}, as it lies in the run's folder", class_="drawn"),
                   tag("figcaption", path.name)) for path in small]
    return join(figures) if figures else None


def _bar(share: float, *, own: bool) -> Markup:
    return tag("span", class_="bar own" if own else "bar", style=f"width:{max(share, 0):.1%}")


def _gaps_table(result: Mapping[str, Any]) -> Markup:
    """Does the decoder use its units and its speaker, and how many units it has."""
    unit = "bits per sample" if result.get("error_name") == "bits" else "squared error of normalised frames"
    gaps = {_GAPS.get(name, name): gap for name, gap in result["gaps"].items()}
    rows = [("error with its own units and speaker", in_figures(result.get("error"))),
            *((f"more with {name}", in_figures(gap)) for name, gap in gaps.items())]
    counts = [(name, in_figures(result.get(key))) for key, name in _UNIT_FIGURES if result.get(key) is not None]
    note = tag("p", "What costs nothing to replace is not used.", class_="note")
    return join((table(f"What the decoder listens to, {unit}", ("", ""), rows), note,
                 table("Units of the test list", ("", ""), counts) if counts else None))


def _units_table(rows: Sequence[Any]) -> Markup:
    cells = [(row.get("name"), *(in_figures(row.get(key)) for key in ("labels", "accuracy", "voices")))
             for row in rows if isinstance(row, dict)]
    head = ("", "told of true units", "units right", "told of voices")
    told = tag("p", "0 tells nothing, 1 all, less what units in random order pretend. Good units tell much of what is "
                    "said and little of who says it.", class_="note")
    return join((table("What units of the test list tell", head, cells), told))


def _described(record: Mapping[str, Any], where: str) -> list[tuple[str, Piece]]:
    settings, machine = _map(record, "settings"), _map(record, "machine")
    versions = ", ".join(f"{name} {version}" for name, version in _map(record, "versions").items())
    features = ", ".join(f"{name} {passport.get('hash')}" for name, passport in _map(record, "features").items()
                         if isinstance(passport, dict))
    device = machine.get("cuda") or f"CPU {machine.get('processor', '')}, {machine.get('threads', '?')} threads"
    return [("command", record.get("command")), ("begun", record.get("started")), ("code, commit", record.get("code")),
            ("data", settings.get("data")), ("data, fingerprint", record.get("data")), ("features, hash", features),
            ("seed", settings.get("seed")), ("versions", versions), ("machine", device if machine else None)]


def _listing(rows: Sequence[tuple[str, Piece]]) -> Markup:
    made = [tag("div", tag("dt", name), tag("dd", value)) for name, value in rows if value not in (None, "")]
    return tag("dl", *made, class_="listing")


def _details(summary: str, *children: Piece) -> Markup:
    return tag("details", tag("summary", summary), *children)


def _map(record: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = record.get(key)
    return value if isinstance(value, dict) else {}


def _flat(values: Mapping[str, Any], above: str = "") -> list[tuple[str, Any]]:
    found = []
    for name, value in values.items():
        if isinstance(value, dict):
            found += _flat(value, f"{above}{name} ")
        elif not isinstance(value, list):
            found.append((above + name, value))
    return found


def in_figures(value: Any) -> str:
    """A value of a record as it is read best."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _plain(value: Any) -> str:
    return "–" if value in (None, "") else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"
