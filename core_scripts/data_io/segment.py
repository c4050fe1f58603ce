"""How long an utterance is, where it is cut, and which frames belong to a piece. Integers only."""
import math
from collections.abc import Sequence

from core_scripts.constants import LENGTH_TOLERANCE, LENGTH_TOLERANCE_FLOOR
from core_scripts.geometry.ops import ceil_div
from core_scripts.geometry.span import Span


def common_grain(resolutions: Sequence[int]) -> int:
    """The smallest step that is whole frames at every resolution; unaligned (negative) ones do not count."""
    return math.lcm(*(resolution for resolution in resolutions if resolution > 0))


def agree_on_length(lengths: Sequence[int], grain: int) -> int | None:
    """The length all streams have, a multiple of `grain`, or None if they differ by more than the tolerance.

    lengths: of each aligned stream, in samples at the finest resolution. Upstream's rule: lengths up to
    LENGTH_TOLERANCE_FLOOR always agree, longer ones within LENGTH_TOLERANCE of the longest; the shortest counts.
    """
    longest, shortest = max(lengths), min(lengths)
    if longest > LENGTH_TOLERANCE_FLOOR and longest - shortest > LENGTH_TOLERANCE * longest:
        return None
    return shortest - shortest % grain


def cut(length: int, truncate: int | None, minimum: int | None) -> list[Span]:
    """Consecutive pieces of `truncate` samples (the last one shorter), without those below `minimum`.

    Length 25 and truncate 10 give [0, 10) [10, 20) [20, 25); with minimum 6 the last one is dropped.
    """
    step = truncate or length
    pieces = [Span(start, min(start + step, length)) for start in range(0, length, max(step, 1))]
    return [piece for piece in pieces if len(piece) >= (minimum or 0)]


def frames_of(piece: Span, resolution: int, context: tuple[int, int]) -> Span:
    """The frames that cover `piece`, and those that its context adds on the left and on the right."""
    left, right = context
    return Span(piece.start // resolution - left, ceil_div(piece.stop, resolution) + right)
