"""A series, what was predicted of it, and the kernel that was found, as one picture."""
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core_scripts import log
from core_scripts.data_io.file_io import write_atomically
from core_scripts.errors import DataError
from core_scripts.report.figures import encode_figure, find_pyplot

_SHOWN = 100  # samples


def draw_series(
    picture: Path, series: np.ndarray, predicted: np.ndarray, kernels: dict[str, Sequence[float]]
) -> bool:
    """Draw the first samples of `series`, the predictions of the last len(predicted), and kernels by name, to a PNG.

    kernels: weights of lag 2, lag 1. Returns whether it was drawn; without matplotlib one line says how to get it.
    """
    pyplot = find_pyplot()
    if pyplot is None:
        log.note(f"{picture.name} not drawn: pip install matplotlib")
        return False
    first = len(series) - len(predicted)
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained", width_ratios=(3, 1))
    left.plot(series[:_SHOWN], marker=".", label="series")
    left.plot(range(first, min(_SHOWN, len(series))), predicted[: max(0, _SHOWN - first)], linewidth=1,
              label="predicted")
    left.set(xlabel="sample", title="test series")
    left.legend(frameon=False)
    for place, (name, weights) in enumerate(kernels.items()):
        right.bar(np.arange(len(weights)) + (place - (len(kernels) - 1) / 2) * 0.25, weights, width=0.22, label=name)
    right.set(xticks=[0, 1], xticklabels=["lag 2: b", "lag 1: a"], title="kernel")
    right.axhline(0, color="0.5", linewidth=0.8)
    right.legend(frameon=False)
    image = encode_figure(figure, "png")
    pyplot.close(figure)
    try:
        write_atomically(picture, image)
    except DataError as fault:
        log.warn(f"{picture.name} is not drawn: {fault}")
        return False
    return True
