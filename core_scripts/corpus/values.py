"""One number per utterance, from a file of lines NAME<TAB>number: what a model may be conditioned on. No torch."""
import math
from collections.abc import Iterable
from pathlib import Path

from core_scripts.errors import DataError, all_faults
from core_scripts.other_tools.list_tools import read_list_from_text

_SHOWN = 10


def read_values(path: Path) -> dict[str, float]:
    """Number by utterance. Raises: DataError with all lines that are none."""
    values: dict[str, float] = {}
    faults = []
    for number, line in enumerate(read_list_from_text(path), 1):
        if not line.strip():
            continue
        name, _, text = line.partition("\t")
        value = _number(text)
        if value is None or not name.strip():
            faults.append(f"line {number}: {line!r} is not NAME<TAB>number")
        elif values.setdefault(name.strip(), value) != value:
            faults.append(f"line {number}: {name.strip()!r} has {value:g}, before it had {values[name.strip()]:g}")
    if faults:
        raise all_faults(DataError, str(path), _first(faults))
    return values


def values_of(values: dict[str, float], utterances: Iterable[str]) -> list[float]:
    """Of these utterances. Raises: DataError with those that have none."""
    utterances = list(utterances)
    missing = [f"{name} stands in no line NAME<TAB>number" for name in utterances if name not in values]
    if missing:
        raise all_faults(DataError, "values of the variable", _first(missing))
    return [values[name] for name in utterances]


def _first(faults: list[str]) -> list[str]:
    return faults[:_SHOWN] + ([f"and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else [])


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
