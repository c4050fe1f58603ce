"""The feature passport: how features were made, as a small record that travels with them. No torch.

It lies beside stored features, in the weights of models that were trained on them, and beside what these generate.
"""
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core_scripts.errors import DataError
from core_scripts.features.feature_record import FeatureRecord

PASSPORT_NAME = "passport.json"
FORMAT = "recital-features 1"
_HASH_DIGITS = 12


@dataclass(frozen=True)
class Passport:
    """formula: name and version of the computation; settings: all numbers that it depends on; meaning: in words."""

    formula: str
    settings: dict[str, Any]
    meaning: str = field(default="", compare=False)

    @property
    def hash(self) -> str:
        """Equal for equal features, 12 hexadecimal digits."""
        text = json.dumps([FORMAT, self.formula, self.settings], sort_keys=True)
        return hashlib.sha256(text.encode("ascii")).hexdigest()[:_HASH_DIGITS]

    def to_json(self) -> str:
        """As it stands in passport.json; `meaning` and `hash` are for readers, the rest is what counts."""
        return json.dumps(self.to_dict(), indent=1) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values."""
        told = {"format": FORMAT, "formula": self.formula, "meaning": self.meaning}
        return told | self.settings | {"hash": self.hash}

    @classmethod
    def from_dict(cls, record: dict[str, Any], where: str) -> "Passport":
        """The inverse of `to_dict`. Raises: DataError if it is no passport, or was changed by hand."""
        try:
            known = cls(record["formula"], {name: value for name, value in record.items()
                                            if name not in ("format", "formula", "meaning", "hash")},
                        str(record.get("meaning", "")))
            is_whole = record["format"] == FORMAT and record["hash"] == known.hash
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            raise DataError(f"{where} is no readable passport of features ({fault!r}); prepare the features again"
                            ) from None
        if not is_whole:
            raise DataError(f"{where} contradicts itself: its hash does not belong to its values; prepare again")
        return known

    def __str__(self) -> str:
        return f"{self.hash} ({self.formula}, " + ", ".join(f"{k} {v:g}" for k, v in self.settings.items()) + ")"


def passport_of(record: FeatureRecord) -> Passport:
    """The passport of the frames that `record` describes."""
    settings = {name: value if isinstance(value, int) else float(value) for name, value in record.settings().items()}
    return Passport(record.formula, settings, record.meaning)


def passports_in(conf: Any) -> dict[str, Passport]:
    """The passports of all features that a configuration describes, by the name of the setting."""
    values = {} if conf is None else vars(conf)
    return {name: passport_of(value) for name, value in values.items() if isinstance(value, FeatureRecord)}


def read_passport(folder: Path) -> Passport | None:
    """The passport that lies beside the features in `folder`; None where there is none.

    Raises: DataError if it cannot be read, or was changed by hand.
    """
    path = folder / PASSPORT_NAME
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as fault:
        raise DataError(f"{path} is no readable passport of features ({fault}); prepare the features again") from None
    return Passport.from_dict(record, str(path))


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
