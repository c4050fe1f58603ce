"""Draw in characters which inputs each output is computed from; docs/GEOMETRY.md is full of them."""
from core_scripts.geometry.ops import Op
from core_scripts.geometry.span import Span


def draw(op: Op, out: Span) -> str:
    """One line per output of `out`: its number, and a # under each input that it is computed from.

    Inputs between its first and last tap that it skips are dots. Raises: ConfigError if `out` is empty.
    """
    inp = op.needs(out)
    cell = max(len(str(inp.start)), len(str(inp.stop - 1))) + 1
    head = max(len("input"), *(len(f"out {j}") for j in (out.start, out.stop - 1)))
    lines = ["input".ljust(head) + "".join(str(i).rjust(cell) for i in range(inp.start, inp.stop))]
    for j in range(out.start, out.stop):
        taps, hull = op.taps(j), op.needs(Span(j, j + 1))
        marks = ("#" if i in taps else "." if i in hull else " " for i in range(inp.start, inp.stop))
        lines.append((f"out {j}".ljust(head) + "".join(mark.rjust(cell) for mark in marks)).rstrip())
    return "\n".join(lines)
