"""Pictures of a data sheet, as PNG files."""
from pathlib import Path
from typing import Any

import numpy as np

from core_scripts import log
from core_scripts.analysis.correlations import INVERSE_E
from core_scripts.analysis.data_sheet import DataSheet
from core_scripts.analysis.file_facts import ENVELOPE_SECONDS
from core_scripts.data_io.file_io import write_atomically
from core_scripts.report.figures import encode_figure, find_pyplot


def draw_sheet(sheet: DataSheet, folder: Path) -> list[Path]:
    """recordings.png (lengths, levels, pitch) and correlations.png; those drawn, none without matplotlib.

    Raises: DataError if they cannot be written.
    """
    pyplot = find_pyplot()
    if pyplot is None:
        log.note("pictures are not drawn: pip install matplotlib")
        return []
    drawn = {"recordings.png": _draw_recordings}
    if sheet.correlations is not None:
        drawn["correlations.png"] = _draw_correlations
    for name, draw in drawn.items():
        figure = draw(pyplot, sheet)
        try:
            write_atomically(folder / name, encode_figure(figure, "png", 110))
        finally:
            pyplot.close(figure)
    return [folder / name for name in drawn]


def _draw_recordings(pyplot: Any, sheet: DataSheet) -> Any:
    figure, (lengths, levels, pitch) = pyplot.subplots(1, 3, figsize=(12, 3.5), layout="constrained")
    lengths.hist([one.seconds for one in sheet.audio.recordings.values()], bins=50)
    lengths.set(xlabel="seconds", ylabel="recordings", title=sheet.audio.title)
    facts = [one for one in sheet.measured if not one.is_constant]
    levels.hist([one.measured.level_db for one in facts], bins=50)
    levels.set(xlabel="level, dB of full scale", title=f"{len(facts):,} measured")
    tracks = [one.f0_hz for one in facts if one.f0_hz is not None and len(one.f0_hz)]
    if tracks:
        pitch.hist(np.concatenate(tracks), bins=np.geomspace(60, 400, 60))
    pitch.set(xlabel="F0, Hz", xscale="log", title="voiced frames")
    return figure


def _draw_correlations(pyplot: Any, sheet: DataSheet) -> Any:
    found, rate_hz = sheet.correlations, sheet.correlations.rate_hz
    figure, (wave, energy, spectrum) = pyplot.subplots(1, 3, figsize=(12, 3.5), layout="constrained")
    wave.plot(1000 * np.arange(len(found.waveform)) / rate_hz, found.waveform)
    wave.set(xlabel="ms", title="correlation of samples")
    energy.plot(1000 * ENVELOPE_SECONDS * np.arange(len(found.envelope)), found.envelope)
    energy.set(xlabel="ms", title="correlation of the energy envelope")
    for axes in (wave, energy):
        axes.axhline(0, color="0.7", linewidth=0.8)
        axes.axhline(INVERSE_E, color="0.7", linewidth=0.8, linestyle="--")
    power_db = 10 * np.log10(np.maximum(found.spectrum / found.spectrum.max(), 1e-12))
    spectrum.plot(np.linspace(0, rate_hz / 2000, len(power_db)), power_db)
    spectrum.set(xlabel="kHz", ylabel="dB", title="long-term spectrum")
    return figure
