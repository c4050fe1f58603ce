"""The parts of the page to hear and see: players over spectrograms on one scale, units, checkpoints."""
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core_scripts.report.markup import Markup, Piece, tag
from core_scripts.report.sound_clip import Clip
from core_scripts.report.spectrogram import (
    DIFFERENCE_DB,
    RANGE_DB,
    draw_difference,
    draw_levels,
    frequency_ticks,
)
from core_scripts.report.unit_strip import draw_units
from core_scripts.report.utterances import Take, Utterance

KEYS = ("original", "output", "other")  # of versions that each utterance may have
ToUri = Callable[[Clip], str]  # how sound goes onto the page


@dataclass(frozen=True)
class Stop:
    """The same sentence, from one checkpoint."""

    name: str  # of the checkpoint, in words
    take: Take


def utterance_article(number: int, utterance: Utterance, to_uri: ToUri, told: Sequence[tuple[str, str]]) -> Markup:
    """Players of all versions and their pictures one below the other, on one line of time; told: figures of it."""
    key = f"u{number}"
    figures = [tag("span", f"{name} ", tag("b", value)) for name, value in told]
    rows = _rows(key, utterance, to_uri)
    faults = [tag("p", fault, class_="warning") for fault in utterance.faults]
    head = tag("header", tag("h3", utterance.name, id=f"{key}-name"), tag("p", *figures, class_="figures"))
    return tag("article", head, *rows, *faults, class_="utterance", id=key, tabindex=0,
               aria_labelledby=f"{key}-name")


def slider_section(stops: Sequence[Stop], sentence: Utterance, to_uri: ToUri) -> Markup:
    """One sentence at every checkpoint; without a script all stand below each other."""
    seconds, original = sentence.seconds, sentence.take("original")
    pictures = draw_levels([stop.take.levels for stop in stops] + [original.levels if original else None], seconds)
    blocks = []
    for number, stop in enumerate(stops):
        row = _row(_player(f"stop{number}", stop.take, sentence.name, to_uri),
                   _picture(pictures[number], f"{sentence.name} at {stop.name}, levels", sentence), stop.name)
        blocks.append(tag("div", row, class_="stop", id=f"stop-{number}", data_name=stop.name))
    last = len(stops) - 1
    control = tag("p", tag("label", "checkpoint ", tag("output", stops[last].name, id="stop-name", for_="stop-slider"),
                           for_="stop-slider"),
                  tag("input", type="range", id="stop-slider", min=0, max=last, value=last, step=1,
                      aria_valuetext=stops[last].name), class_="slider")
    beside = []
    if original is not None:
        beside.append(_row(_player("stop-original", original, sentence.name, to_uri),
                           _picture(pictures[-1], f"{sentence.name}, original, levels", sentence), original.label))
    return tag("div", control, *blocks, *beside, _time_axis(seconds), class_="utterance stops", id="stops", tabindex=0)


def scale_legend() -> Markup:
    """What the colours of all pictures mean."""
    return tag("p", tag("span", class_="ramp levels"), f" from {RANGE_DB:g} dB below an utterance's loudest point to "
               "it, one scale for all its versions. ", tag("span", class_="ramp difference"),
               f" from {DIFFERENCE_DB:g} dB less (blue) to {DIFFERENCE_DB:g} dB more (orange) than the original. "
               "Upright: log-mel bands.", class_="note legend")


def _rows(key: str, utterance: Utterance, to_uri: ToUri) -> list[Markup]:
    takes, seconds, name = utterance.takes, utterance.seconds, utterance.name
    pictures = draw_levels([take.levels for take in takes], seconds)
    rows = [_row(_player(f"{key}-{take.key if take.key in KEYS else place}", take, name, to_uri),
                 _picture(picture, f"{name}, {take.label}, levels over time and frequency", utterance), take.label)
            for place, (take, picture) in enumerate(zip(takes, pictures, strict=True))]
    original = utterance.take("original")
    for take in takes if original is not None else ():
        if take.key in ("output", "other") and take.levels.decibels.shape[1] == original.levels.decibels.shape[1]:
            uri = draw_difference(original.levels, take.levels, seconds)
            words = f"{take.label} less original"
            rows.append(_row(None, _picture(uri, f"{name}, {words}, levels", utterance, "difference"), words))
    for segments, what in ((utterance.units, "units"), (utterance.labels, "true units")):
        if segments:
            rows.append(_strip(draw_units(segments, seconds, f"{name}, {what}"), what))
    return [*rows, _time_axis(seconds)] if rows else []


def _row(player: Markup | None, picture: Piece, label: str, class_: str = "") -> Markup:
    left = tag("div", tag("span", label, class_="label"), player, class_="control")
    return tag("div", left, picture, class_=f"row {class_}".strip())


def _strip(boxes: Markup, what: str) -> Markup:
    told = tag("span", "", class_="told", aria_live="polite")
    left = tag("div", tag("span", f"{what} ", told, class_="label"), class_="control")
    return tag("div", left, boxes, class_="row strip", data_kind=what)


def _player(id_: str, take: Take, name: str, to_uri: ToUri) -> Markup:
    if take.clip is None:
        return tag("p", "frames, not sound: a vocoder such as recipe 01 makes them audible", class_="note")
    return tag("audio", controls=True, preload="metadata", id=id_, src=to_uri(take.clip),
               aria_label=f"{name}, {take.label}", data_rms=f"{take.clip.rms:.6f}")


def _picture(uri: str, words: str, utterance: Utterance, class_: str = "levels") -> Markup:
    ticks = [tag("span", label, style=f"bottom:{place:.1%}") for label, place in frequency_ticks(utterance.mel)]
    return tag("div", tag("img", src=uri, alt=words, class_=class_),
               tag("div", *ticks, class_="hertz", aria_hidden="true"), tag("div", class_="cursor"),
               class_="picture", data_seconds=f"{utterance.seconds:.4f}")


def _time_axis(seconds: float) -> Markup:
    step = next(step for step in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 600) if seconds / step <= 8 or step == 600)
    ticks = [tag("span", f"{number * step:g} s", style=f"left:{number * step / seconds:.3%}")
             for number in range(1 + int(seconds / step * 0.97))]
    return tag("div", tag("div", class_="control"), tag("div", *ticks, class_="seconds"), class_="row axis",
               aria_hidden="true")


