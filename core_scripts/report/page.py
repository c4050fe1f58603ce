"""report.html: one file that holds a run, to be opened without a network and sent to whoever is to listen."""
import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from core_scripts.report.markup import Markup, Piece, escape, join, tag
from core_scripts.report.page_blind import blind_section, make_test
from core_scripts.report.page_compare import compare_section
from core_scripts.report.page_content import Content, Request, read_content, written_exts
from core_scripts.report.page_listen import scale_legend, slider_section, utterance_article
from core_scripts.report.page_run import (
    curve_section,
    head_line,
    in_figures,
    pictures_section,
    run_section,
    scores_section,
)
from core_scripts.report.page_sound import sound_section
from core_scripts.report.png import difference_palette, level_palette
from core_scripts.report.run_facts import next_command
from core_scripts.report.sound_clip import MOST_SECONDS
from core_scripts.report.utterances import Utterance

PAGE_NAME = "report.html"
_FIGURES = 5  # above an utterance
_HERE = Path(__file__).parent


def build_page(request: Request) -> bytes:
    """The page, UTF-8; everything that is not there is said in it, with the command that makes it."""
    content, facts, other = read_content(request), request.facts, request.other
    test = make_test(content.utterances, request.seed)
    nothing = tag("p", "It needs two versions of an utterance that can be heard, and there are none.")
    sound = content.is_sound
    sections = [(id_, title, part) for id_, title, part in (
        ("listening", "Listening", _listening(request, content)),
        ("against", f"Against {other.name}" if other else "", compare_section(facts, other) if other else None),
        ("checkpoints", "Checkpoints", _checkpoints(request, content) if sound else None),
        ("scores", "Scores", _scores(request, content)),
        ("learning", "Learning", curve_section(facts, other)),
        ("pictures", "Pictures", pictures_section(facts)),
        ("blind-test", "Blind test", None if not sound else blind_section(test) if test.pairs else nothing),
        ("run", "What was run", run_section(facts)),
    ) if part is not None]
    script = _read("page.js") + _read("blind.js")
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return _fill(_read("page.html"), {
        "script_hash": f"'sha256-{digest}'", "title": escape(f"{facts.name} – {request.title or facts.recipe}"),
        "style": _fill(_read("page.css"), _colours()), "head": _head(request, content),
        "navigation": join(tag("a", title, href=f"#{id_}") for id_, title, _ in sections),
        "body": join(tag("section", tag("h2", title), part, id=id_) for id_, title, part in sections),
        "foot": _foot(content), "data": test.to_json(), "script": script,
    }).encode("utf-8", "replace")  # names that a file system has and UTF-8 has not get "?"


def _head(request: Request, content: Content) -> Markup:
    facts = request.facts
    begun = str(facts.record.get("started") or "")
    told = " · ".join(part for part in (request.title or facts.recipe, begun and f"trained {begun[:16]}") if part)
    return join((tag("h1", facts.name), tag("p", told, class_="from"), head_line(facts),
                 *(tag("p", fault, class_="warning") for fault in content.faults)))


def _listening(request: Request, content: Content) -> Markup:
    facts = request.facts
    if not content.is_sound:
        return tag("p", f"This recipe writes {', '.join(written_exts(request))}, which is nothing to hear; it lies in "
                        f"{facts.output}.")
    if not content.utterances:
        return tag("p", f"Nothing to hear: {facts.output} holds no .wav, .flac or .mel. ",
                   tag("code", next_command(facts, "infer")), " makes them.")
    parts: list[Piece] = [tag("p", _count_line(content)), scale_legend(), tag(
        "p", "Within an utterance ", tag("kbd", "1"), " ", tag("kbd", "2"), " … play its versions, each going on where "
        "the one before was; ", tag("kbd", "space"), " pauses; a click on a picture goes there.", class_="note")]
    if not any(utterance.take("original") for utterance in content.utterances):
        parts.append(tag("p", "The originals were not found where the settings say (test_output_dirs). With "
                              "data=FOLDER they are looked for in another place.", class_="warning"))
    if request.other is not None and not any(utterance.take("other") for utterance in content.utterances):
        parts.append(tag("p", f"{request.other.name} generated none of these utterances.", class_="warning"))
    if _has_units(request) and not any(utterance.units for utterance in content.utterances):
        parts.append(tag("p", "The units of these utterances were not written; ",
                         tag("code", next_command(facts, "infer", "--write-codes")), " does it.", class_="note"))
    return join((*parts, *(utterance_article(number, utterance, content.fit.to_uri, _figures(content, utterance))
                           for number, utterance in enumerate(content.utterances))))


def _figures(content: Content, utterance: Utterance) -> list[tuple[str, str]]:
    """What was measured of one utterance, the first few."""
    if content.evaluation is None:
        return []
    return [(name, in_figures(value)) for name, value in content.evaluation.figures(utterance.name, _FIGURES)]


def _count_line(content: Content) -> str:
    told = content.chosen
    if any(take.label.startswith("as ") for utterance in content.utterances for take in utterance.takes):
        told += " Some also in the voices that they were converted to."
    longest = max((take.clip.seconds for utterance in content.utterances for take in utterance.takes
                   if take.clip is not None), default=0.0)
    limit = MOST_SECONDS if content.fit.seconds is None else content.fit.seconds
    if longest > limit:
        told += f" Sound is the first {limit:g} s of each file, so that the page stays small."
    return told


def _scores(request: Request, content: Content) -> Markup:
    facts = request.facts
    if not facts.result and content.evaluation is None:
        return tag("p", "Not scored yet; ", tag("code", next_command(facts, "evaluate")), " does it.")
    sound = None
    if content.evaluation is not None:
        sound = sound_section(content.evaluation)
    elif content.is_sound:
        sound = tag("p", "The sound was not measured; ", tag("code", next_command(facts, "evaluate")), " does it.",
                    class_="note")
    return join((scores_section(facts), sound))


def _checkpoints(request: Request, content: Content) -> Markup:
    if content.sentence is None:
        return tag("p", "Not made yet. ", tag("code", next_command(request.facts, "report", "--checkpoints", "8")),
                   " generates one sentence with up to eight of the checkpoints that were kept, once, and shows them "
                   "here on a slider.")
    told = tag("p", f"{content.sentence.name}, generated with {len(content.stops)} checkpoints. Move the slider while "
                    "it plays.", class_="note")
    return join((told, slider_section(content.stops, content.sentence, content.fit.to_uri)))


def _has_units(request: Request) -> bool:
    return "bottleneck" in request.facts.settings


def _foot(content: Content) -> Markup:
    now = datetime.now().astimezone().isoformat(timespec="minutes")
    return tag("p", f"Made by Recital, {now}. Sound is {content.fit.kind.upper()} of 16 bits, at the level as "
                    "recorded. This page fetches nothing.")


def _colours() -> dict[str, str]:
    """For the legend: the colours of the pictures."""
    def ramp(palette: Sequence[Sequence[int]]) -> str:
        return ", ".join(f"rgb({red} {green} {blue} / {alpha / 255:.2f})" for red, green, blue, alpha in palette)

    return {"levels": ramp(level_palette()[::9]), "difference": ramp(difference_palette()[::14])}


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _fill(template: str, parts: Mapping[str, str]) -> str:
    """The template with every {{name}} replaced; what is put in is not looked through again."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)
