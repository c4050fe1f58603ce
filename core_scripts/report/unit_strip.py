"""Units and labels of an utterance on a line of time."""
from collections.abc import Sequence

from core_scripts.report.markup import Markup, tag
from core_scripts.report.utterances import Segment

_LETTER_SHARE = 0.011  # of the width: what a letter takes on a wide screen


def draw_units(segments: Sequence[Segment], seconds: float, what: str) -> Markup:
    """A row of boxes, one per segment, whose labels are read where they fit and told when pointed at."""
    boxes = [_box(segment, seconds, number) for number, segment in enumerate(segments)]
    told = ", ".join(segment.label for segment in segments)
    return tag("div", *boxes, class_="units", role="group", tabindex=0, aria_label=f"{what}: {told}")


def _box(segment: Segment, seconds: float, number: int) -> Markup:
    left, width = segment.start / seconds, (segment.stop - segment.start) / seconds
    shown = segment.label if width > _LETTER_SHARE * (len(segment.label) + 0.6) else ""
    return tag("span", shown, class_="unit odd" if number % 2 else "unit", data_unit=segment.label,
               style=f"left:{left:.3%};width:{width:.3%}",
               title=f"{segment.label}: {segment.start:.2f} to {segment.stop:.2f} s")
