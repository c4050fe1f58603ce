"""Pictures of numbers as PNG (ISO/IEC 15948), eight bits per pixel with a palette; zlib is all that it takes."""
import struct
import zlib

import numpy as np

SHADES = 64

# From dark to light in even steps of lightness, so that the order is seen in grey and with any colour vision.
_LEVEL_ANCHORS = ((9, 14, 32), (20, 44, 92), (28, 88, 132), (66, 134, 148), (138, 178, 150), (212, 214, 160),
                  (255, 247, 214))
_LESS, _MORE = (36, 110, 205), (214, 92, 24)  # blue and orange, which all kinds of colour vision tell apart


def encode_png(indices: np.ndarray, palette: np.ndarray) -> bytes:
    """A picture. indices: (height, width) uint8, the first row on top; palette: (colours, 4) uint8 RGBA."""
    height, width = indices.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    rows = np.zeros((height, width + 1), dtype=np.uint8)  # a 0 before each row: it is not filtered
    rows[:, 1:] = indices
    parts = ((b"IHDR", header), (b"PLTE", palette[:, :3].tobytes()), (b"tRNS", palette[:, 3].tobytes()),
             (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def level_palette() -> np.ndarray:
    """For levels: shade 0 the lowest, (SHADES, 4) uint8 RGBA."""
    anchors = np.array(_LEVEL_ANCHORS, dtype=float)
    places = np.linspace(0, len(anchors) - 1, SHADES)
    columns = [np.interp(places, range(len(anchors)), anchors[:, part]) for part in range(3)]
    return np.column_stack([np.rint(columns).T, np.full(SHADES, 255)]).astype(np.uint8)


def difference_palette() -> np.ndarray:
    """For differences: blue less, orange more, the more solid the larger; none shows the page, light or dark.

    (2 * SHADES - 1, 4) uint8 RGBA, SHADES - 1 being no difference.
    """
    amount = np.linspace(-1, 1, 2 * SHADES - 1)
    colours = np.where(amount[:, None] < 0, _LESS, _MORE)
    return np.column_stack([colours, np.rint(255 * np.abs(amount))]).astype(np.uint8)


def shade(values: np.ndarray, low: float, high: float, shades: int) -> np.ndarray:
    """Indices of `shades` equal steps from low to high, uint8; what lies outside gets the nearest."""
    places = (values - low) / (high - low) * (shades - 1)
    return np.clip(np.rint(np.nan_to_num(places, nan=0.0)), 0, shades - 1).astype(np.uint8)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
