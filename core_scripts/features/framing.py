"""The one framing operation that every feature shares, and the integers that go with it."""
from torch import Tensor

from core_scripts.errors import DataError
from core_scripts.geometry.ops import Frame
from core_scripts.geometry.span import Span


def frame(wave: Tensor, window: int, hop: int) -> Tensor:
    """Overlapping frames that lie wholly inside the waveform, as a view: nothing is padded.

    wave: (..., T); returns (..., F, window) with F = (T - window) // hop + 1.

        T = 10, window = 4, hop = 3      0123456789
                                         [--)         frame 0
                                            [--)      frame 1
                                               [--)   frame 2

    Raises: DataError if T < window.
    """
    length = wave.shape[-1]
    if length < window:
        raise DataError(f"a waveform of {length} samples is shorter than one frame of {window}; "
                        f"take along at least {window - length} more samples of context")
    return wave.unfold(-1, window, hop)


def aligned_frames_count(samples: int, hop: int) -> int:
    """Frames of a whole file: one per started hop, ceil(samples / hop)."""
    return -(-samples // hop)


def frames_span_to_samples(frames: Span, geometry: Frame) -> Span:
    """The samples that these frames cover; may reach outside the file. No frames cover none, where they would begin."""
    if frames.is_empty:
        start = frames.start * geometry.hop
        return Span(start, start)
    return geometry.needs(frames)
