"""Intelligibility and quality as models of hearing estimate them: STOI, extended STOI and PESQ, by pystoi and pesq.

Both packages are extras; without one its figures are undefined, and the reason is the command that installs it. STOI
(Taal et al. 2011) and ESTOI (Jensen and Taal 2016) are computed at 10 kHz, PESQ (ITU-T P.862 at 8 kHz, P.862.2 at
16 kHz) at no other rate. Scale: STOI about 0 to 1, PESQ -0.5 to 4.64.
"""
import importlib
import warnings
from types import ModuleType

import numpy as np

from core_scripts.evaluation.metric import HIGHER, Family, Figure, Metric, Pair, figure_of, undefined

_PESQ_MODES = {8000: "nb", 16000: "wb"}
_STOI_SECONDS = 0.4  # a segment is 30 frames of 25.6 ms, half overlapping
_TOO_SHORT = undefined(f"too few frames of speech for STOI, which needs {_STOI_SECONDS} s")
_SOURCES = {"stoi": "Taal et al. 2011", "estoi": "Jensen and Taal 2016"}


def families_at(rate_hz: int) -> tuple[Family, ...]:
    """STOI and ESTOI, and PESQ of the rate's band."""
    stoi = tuple(Metric(key, key.upper(), "", HIGHER, "pystoi, 10 kHz, frames 40 dB below the loudest left out", source)
                 for key, source in _SOURCES.items())
    mode = _PESQ_MODES.get(rate_hz, "wb")
    band = "narrow band, P.862" if mode == "nb" else "wide band, P.862.2"
    pesq = Metric("pesq", "PESQ", "", HIGHER, f"pesq, {band}", "ITU-T " + band.split(", ")[1])
    return Family(stoi, _measure_stoi), Family((pesq,), _measure_pesq)


def _measure_stoi(pair: Pair) -> tuple[Figure, ...]:
    package = _find("pystoi")
    if package is None:
        return (_missing("pystoi"),) * 2
    if len(pair.reference) < _STOI_SECONDS * pair.rate_hz:  # of less than a frame pystoi ends in an index error
        return (_TOO_SHORT,) * 2
    with warnings.catch_warnings(record=True) as caught:  # its way to say that there is too little speech
        warnings.simplefilter("always")
        values = [package.stoi(pair.reference, pair.output, pair.rate_hz, extended=extended)
                  for extended in (False, True)]
    if caught:
        return (_TOO_SHORT,) * 2
    return tuple(figure_of(value, len(pair.reference)) for value in values)


def _measure_pesq(pair: Pair) -> tuple[Figure, ...]:
    if pair.rate_hz not in _PESQ_MODES:
        return (undefined(f"PESQ is defined at 8000 and 16000 Hz, not at {pair.rate_hz}"),)
    package = _find("pesq")
    if package is None:
        return (_missing("pesq"),)
    if not all(np.any(wave) for wave in (pair.reference, pair.output)):
        return (undefined("PESQ finds no utterance in silence"),)
    try:
        value = package.pesq(pair.rate_hz, pair.reference, pair.output, _PESQ_MODES[pair.rate_hz])
    except package.PesqError as error:
        return (undefined(f"PESQ says: {_words(error)}"),)
    return (figure_of(value, len(pair.reference)),)


def _words(error: Exception) -> str:
    text = error.args[0] if error.args else type(error).__name__
    return text.decode("ascii", "replace") if isinstance(text, bytes) else str(text)


def _find(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _missing(name: str) -> Figure:
    return undefined(f"{name} is not installed; pip install {name}")
