"""The feature passport: how stored features were made, as a small record that travels with them. No torch."""
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core_scripts.errors import DataError
from core_scripts.features.config_mel import MelConfig

PASSPORT_NAME = "passport.json"
FORMAT = "recital-features 1"
MEL_FORMULA = "log-mel 1"  # count up when the same settings give other values
_MEL_MEANING = "ln(max(floor, triangles of area 1 on Slaney's mel scale x |FFT of periodic Hann window|)); " \
               "frame i is centred on samples [i*hop, (i+1)*hop), zeros stand outside of the file"
_HASH_DIGITS = 12


@dataclass(frozen=True)
class Passport:
    """formula: name and version of the computation; settings: all numbers that it depends on."""

    formula: str
    settings: dict[str, Any]

    @property
    def hash(self) -> str:
        """Equal for equal features, 12 hexadecimal digits."""
        text = json.dumps([FORMAT, self.formula, self.settings], sort_keys=True)
        return hashlib.sha256(text.encode("ascii")).hexdigest()[:_HASH_DIGITS]

    def to_json(self) -> str:
        """As it stands in passport.json; `meaning` and `hash` are for readers, the rest is what counts."""
        told = {"format": FORMAT, "formula": self.formula, "meaning": _MEL_MEANING}
        return json.dumps(told | self.settings | {"hash": self.hash}, indent=1) + "\n"

    def __str__(self) -> str:
        return f"{self.hash} ({self.formula}, " + ", ".join(f"{k} {v:g}" for k, v in self.settings.items()) + ")"


def passport_of(mel: MelConfig) -> Passport:
    """The passport of frames that `mel` computes; an upper edge that was left open counts as half the rate."""
    settings = asdict(mel) | {"high_hz": mel.top_hz}
    return Passport(MEL_FORMULA, {name: value if isinstance(value, int) else float(value)
                                  for name, value in settings.items()})


def read_passport(folder: Path) -> Passport | None:
    """The passport that lies beside the features in `folder`; None where there is none.

    Raises: DataError if it cannot be read, or was changed by hand.
    """
    path = folder / PASSPORT_NAME
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        known = Passport(record["formula"], {name: value for name, value in record.items()
                                             if name not in ("format", "formula", "meaning", "hash")})
        is_whole = record["format"] == FORMAT and record["hash"] == known.hash
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise DataError(f"{path} is no readable passport of features ({fault}); prepare the features again") from None
    if not is_whole:
        raise DataError(f"{path} contradicts itself: its hash does not belong to its values; prepare again")
    return known


def require_same(found: Passport, wanted: Passport, where: tuple[str, str], remedy: str) -> None:
    """where: in words, what has the passport `found` and what `wanted`. Raises: DataError with both sides."""
    if found == wanted:
        return
    keys = {**found.settings, **wanted.settings}
    pairs = [("formula", found.formula, wanted.formula)]
    pairs += [(key, found.settings.get(key), wanted.settings.get(key)) for key in keys]
    differences = ", ".join(f"{key} {ours} and {theirs}" for key, ours, theirs in pairs if ours != theirs)
    raise DataError(f"features do not match: {where[0]} has passport {found.hash}, {where[1]} {wanted.hash}; "
                    f"they differ in {differences}. What comes of it would be noise; {remedy}")
