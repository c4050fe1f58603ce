"""Line charts as SVG: few lines, each named where it ends, no library and no script."""
import math
from collections.abc import Sequence
from dataclasses import dataclass

from core_scripts.report.markup import Markup, tag
from core_scripts.report.metrics_table import segments

_LETTER = 7.4  # width of a bold letter of 12 px, about
_DOTS = 300  # of a line, at most
_LINE = 15.0  # least distance of two names at the end of their lines


@dataclass(frozen=True)
class Line:
    """points: (place, value), None where there is none; style: a class of page.css, which has its colour."""

    name: str
    points: Sequence[tuple[float, float | None]]
    style: str = "first"


@dataclass(frozen=True)
class Frame:
    """Size in px, and the room around the plot."""

    width: int = 600
    height: int = 250
    left: int = 52
    bottom: int = 36
    top: int = 12


SMALL = Frame(width=440, height=190)


def draw_chart(lines: Sequence[Line], title: str, axis: str, mark: tuple[float, str] | None = None,
               frame: Frame = Frame()) -> Markup | None:  # noqa: B008 (frozen)
    """The lines over their places; None where no line has a value.

    title: in words, for those who do not see it; axis: name of the places; mark: an upright line and its name.
    """
    drawn = [line for line in lines if any(value is not None for _, value in line.points)]
    if not drawn:
        return None
    right = 14 + _LETTER * max(len(line.name) for line in drawn)
    values = [value for line in drawn for _, value in line.points if value is not None]
    places = [place for line in drawn for place, _ in line.points]
    ticks = nice_ticks(min(values), max(values), 5)
    scale = _Scale(frame, right, (min(places), max(places)), (ticks[0], ticks[-1]))
    marks = [] if mark is None else [
        tag("line", x1=scale.x(mark[0]), x2=scale.x(mark[0]), y1=frame.top, y2=scale.bottom, class_="mark"),
        tag("text", mark[1], x=scale.x(mark[0]) + 4, y=frame.top + 9, class_="label")]
    return tag("svg", tag("title", title), *_grid(scale, ticks), *_axis(scale, axis), *marks,
               *(part for line in drawn for part in _draw(line, scale)), *_names(drawn, scale),
               viewBox=f"0 0 {frame.width} {frame.height}", class_="chart", role="img", aria_label=title)


class _Scale:
    """From places and values to px."""

    def __init__(self, frame: Frame, right: float, places: tuple[float, float], values: tuple[float, float]) -> None:
        self.frame, self.right = frame, frame.width - right
        self.bottom = frame.height - frame.bottom
        self.places, self.values = places, values

    def x(self, place: float) -> float:
        low, high = self.places
        share = (place - low) / (high - low) if high > low else 0.5
        return round(self.frame.left + share * (self.right - self.frame.left), 2)

    def y(self, value: float) -> float:
        low, high = self.values
        return round(self.bottom - (value - low) / (high - low) * (self.bottom - self.frame.top), 2)


def nice_ticks(low: float, high: float, count: int, *, whole: bool = False) -> list[float]:
    """Some `count` round numbers that reach from low or below to high or above; whole: of integers only."""
    size = max(abs(low), abs(high))
    span = high - low if high - low > 1e-9 * size else 0.1 * (size or 1.0)
    rough = span / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if rough <= power * factor * 1.0001)
    step = max(1, round(step)) if whole else step
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = last if last > first else first + 1
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)]


def _grid(scale: _Scale, ticks: Sequence[float]) -> list[Markup]:
    made = []
    for value in ticks:
        y = scale.y(value)
        made += [tag("line", x1=scale.frame.left, x2=scale.right, y1=y, y2=y, class_="grid"),
                 tag("text", f"{value:g}", x=scale.frame.left - 8, y=y + 4, class_="tick end")]
    return made


def _axis(scale: _Scale, name: str) -> list[Markup]:
    low, high = scale.places
    ticks = [tick for tick in nice_ticks(low, high, 8, whole=True) if low <= tick <= high]
    made = [tag("text", f"{tick:g}", x=scale.x(tick), y=scale.bottom + 16, class_="tick middle") for tick in ticks]
    middle = (scale.frame.left + scale.right) / 2
    return [*made, tag("text", name, x=round(middle, 1), y=scale.frame.height - 3, class_="label middle")]


def _draw(line: Line, scale: _Scale) -> list[Markup]:
    """The line, and dots with their values for those who point at them, each point's where they are few."""
    made = []
    for run in segments(list(line.points)):
        path = " ".join(f"{scale.x(place)},{scale.y(value)}" for place, value in run)
        made.append(tag("polyline", points=path, class_=f"line {line.style}"))
        made += [tag("circle", tag("title", f"{line.name}, {place:g}: {value:.5g}"), cx=scale.x(place),
                     cy=scale.y(value), r=2.5 if len(line.points) < 60 else 1.2, class_=f"point {line.style}")
                 for place, value in run[:: 1 + len(line.points) // _DOTS]]
    return made


def _names(lines: Sequence[Line], scale: _Scale) -> list[Markup]:
    """Names at the ends of the lines, pushed apart where they would touch."""
    ends = sorted((scale.y(next(value for _, value in reversed(line.points) if value is not None)), number)
                  for number, line in enumerate(lines))
    made, free = [], -math.inf
    for y, number in ends:
        y = max(y, free)
        free = y + _LINE
        made.append(tag("text", lines[number].name, x=scale.right + 8, y=round(y + 4, 2),
                        class_=f"name {lines[number].style}"))
    return made
