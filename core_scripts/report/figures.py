"""Figures of matplotlib, which draws into memory here: no screen is needed."""
import io
from typing import Any


def find_pyplot() -> Any:
    """matplotlib.pyplot, or None where matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError:
        return None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def encode_figure(figure: Any, extension: str, dpi: int = 120) -> bytes:
    """The bytes of a file of that kind; the figure is left open."""
    image = io.BytesIO()
    figure.savefig(image, dpi=dpi, format=extension)
    return image.getvalue()
