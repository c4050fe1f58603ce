"""The learning curve as a picture, from the metrics file of a run."""
import csv
from pathlib import Path

from core_scripts import log
from core_scripts.data_io.file_io import write_atomically
from core_scripts.errors import DataError
from core_scripts.report.figures import encode_figure, find_pyplot


def draw_curve(metrics: Path, picture: Path) -> bool:
    """Draw training and validation loss per epoch from `metrics` (CSV) to `picture` (PNG).

    Returns whether it was drawn: not without a finished epoch, and without matplotlib one line says how to get it. One
    that cannot be written is warned of.
    """
    if not metrics.is_file():
        return False
    with metrics.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        return False
    pyplot = find_pyplot()
    if pyplot is None:
        log.note(f"{picture.name} not drawn: pip install matplotlib")
        return False
    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    epochs = [int(row["epoch"]) for row in rows]
    for column, label in (("train_loss", "training"), ("val_loss", "validation")):
        values = [float(row[column]) if row[column] else None for row in rows]
        if any(value is not None for value in values):
            axes.plot(epochs, [float("nan") if value is None else value for value in values], marker=".", label=label)
    for row in rows:
        if row["best"] == "yes":
            axes.axvline(int(row["epoch"]), color="0.7", linewidth=0.8, zorder=0)
    axes.set(xlabel="epoch", ylabel="loss", title=metrics.parent.name)
    axes.legend(frameon=False)
    image = encode_figure(figure, picture.suffix[1:])
    pyplot.close(figure)
    try:
        write_atomically(picture, image)
    except DataError as fault:  # the run is over, and its figures stand in `metrics`
        log.warn(f"curve is not drawn: {fault}")
        return False
    return True
