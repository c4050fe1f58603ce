"""How long an utterance is, where it is cut, and which frames belong to a piece. Integers only."""
import math
from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, kw_only=True)
class CutRule:
    """How utterances become items. Lengths are samples at the finest resolution, multiples of `grain`."""

    truncate: int | None  # of an item at most; None: whole utterances
    minimum: int | None  # of an item at least
    grain: int
    random_offset: bool = False  # utterances of several items are cut elsewhere in every epoch

    def pieces(self, length: int) -> list[Span]:
        """Those of the catalogue. With random_offset their number and order hold in every epoch, their borders not."""
        if not self._moves(length):
            return cut(length, self.truncate, self.minimum)
        count, shifts = self._grid(length)
        return [self._piece(length, number, shifts[len(shifts) // 2]) for number in range(count)]

    def drawn_piece(self, length: int, number: int, word: int) -> Span:
        """Piece `number` where a random word cuts the utterance; the same word for all of its pieces."""
        if not self._moves(length):
            return cut(length, self.truncate, self.minimum)[number]
        shifts = self._grid(length)[1]
        return self._piece(length, number, shifts[word % len(shifts)])

    def _moves(self, length: int) -> bool:
        return self.random_offset and self.truncate is not None and (self.minimum or 0) <= self.truncate < length

    def _piece(self, length: int, number: int, shift: int) -> Span:
        start = shift + number * self.truncate
        return Span(max(start, 0), min(start + self.truncate, length))

    def _grid(self, length: int) -> tuple[int, range]:
        """How many pieces, and the shifts of a grid of `truncate` that cut so many, none below the minimum.

            shift         0                                               length
              |           |-- piece 0 --|------- piece 1 -------|-- piece 2 --|         |

        An utterance of m whole pieces and a rest is covered by m+1 pieces at some shifts and by m+2 at the others. The
        number that has more of them is taken (truncate / 2 - minimum of them at least), so items stay the same in every
        epoch. Where neither can be had without pieces below the minimum, m whole ones slide over the utterance.
        """
        size, least = self.truncate, max(self.minimum or 0, self.grain)
        whole, rest = divmod(length, size)
        grids = [(count, range(max(least - size, length - count * size),
                               min(0, length - (count - 1) * size - least) + 1, self.grain))
                 for count in (whole + 1, whole + 2)]
        count, shifts = max(grids, key=lambda grid: len(grid[1]))
        return (count, shifts) if shifts else (whole, range(0, rest + 1, self.grain))


def frames_of(piece: Span, resolution: int, context: tuple[int, int]) -> Span:
    """The frames that cover `piece`, and those that its context adds on the left and on the right."""
    left, right = context
    return Span(piece.start // resolution - left, ceil_div(piece.stop, resolution) + right)
