"""HTML put together from pieces that escape themselves: whatever is no `Markup` is text, and stays text."""
import html
from collections.abc import Iterable

_VOID = {"meta", "img", "input", "br", "hr", "col"}


class Markup(str):
    """Text that is HTML already."""


Piece = str | int | float | None  # Markup as it is, None nothing, all else as text
Attribute = str | int | float | bool | None


def tag(name: str, *children: Piece, **attributes: Attribute) -> Markup:
    """An element. `class_` is written class, `aria_label` aria-label; True is an attribute without a value.

    Attributes that are None or False are left out.
    """
    given = "".join(_attribute(key, value) for key, value in attributes.items() if value is not None)
    if name in _VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{join(children)}</{name}>")


def join(pieces: Iterable[Piece]) -> Markup:
    """The pieces one after the other."""
    return Markup("".join(escape(piece) for piece in pieces))


def escape(piece: Piece) -> Markup:
    """A piece as HTML."""
    if piece is None:
        return Markup("")
    return piece if isinstance(piece, Markup) else Markup(html.escape(str(piece)))


def table(caption: str, head: Iterable[Piece], rows: Iterable[Iterable[Piece]], class_: str = "") -> Markup:
    """A table whose first column names its rows, in a box that scrolls by itself where the screen is narrow."""
    top = tag("tr", *(tag("th", cell, scope="col") for cell in head))
    body = [tag("tr", *(tag("td", cell) if place else tag("th", cell, scope="row") for place, cell in enumerate(row)))
            for row in rows]
    made = tag("table", tag("caption", caption), tag("thead", top), tag("tbody", *body), class_=class_ or None)
    return tag("div", made, class_="scrolls", tabindex=0, role="region", aria_label=caption)


def _attribute(key: str, value: Attribute) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{html.escape(str(value))}"'
