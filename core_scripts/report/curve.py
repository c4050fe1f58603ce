"""The learning curve as a picture, from the metrics file of a run."""
import csv
import io
from pathlib import Path

from core_scripts import log
from core_scripts.data_io.file_io import write_atomically
from core_scripts.errors import DataError


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
    try:
        import matplotlib
    except ImportError:
        log.note(f"{picture.name} not drawn: pip install matplotlib")
        return False
    matplotlib.use("Agg")
    from matplotlib import pyplot

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
    image = io.BytesIO()
    figure.savefig(image, dpi=120, format=picture.suffix[1:])
    pyplot.close(figure)
    try:
        write_atomically(picture, image.getvalue())
    except DataError as fault:  # the run is over, and its figures stand in `metrics`
        log.warn(f"curve is not drawn: {fault}")
        return False
    return True
