"""The flow chart as data: the boxes of docs/FLOW.md with the functions that they are."""
import re
from dataclasses import dataclass
from pathlib import Path

FLOW_FILE = Path(__file__).resolve().parents[2] / "docs" / "FLOW.md"
_ROW = re.compile(r"^\|\s*(?P<title>[^|]+?)\s*\|\s*`(?P<file>[\w./-]+):(?P<function>[\w.]+)`")


@dataclass(frozen=True)
class Box:
    """One box: what the chart calls it, the file below the project's root, and the function's qualified name."""

    title: str
    file: str
    function: str


def read_boxes(path: Path = FLOW_FILE) -> list[Box]:
    """The boxes in the order of the document: every table row whose second cell is `file:function`."""
    rows = (_ROW.match(line) for line in path.read_text(encoding="utf-8").splitlines())
    return [Box(**row.groupdict()) for row in rows if row]
