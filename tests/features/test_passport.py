"""The passport: equal for equal features, told apart in words otherwise, and never trusted when damaged."""
import json
from dataclasses import replace

import pytest

from core_scripts.errors import DataError
from core_scripts.features.config_mel import MelConfig
from core_scripts.features.passport import PASSPORT_NAME, passport_of, read_passport, require_same

MEL = MelConfig()


def test_the_hash_changes_only_together_with_the_formula():
    assert passport_of(MEL).hash == "75a8e82d6ad4"


@pytest.mark.parametrize("change", [{"hop": 100}, {"bands": 40}, {"floor": 1e-4}, {"low_hz": 0.0}, {"high_hz": 7000},
                                    {"fft": 1024}, {"window": 320}, {"rate_hz": 22050}])
def test_every_setting_counts(change):
    assert passport_of(replace(MEL, **change)).hash != passport_of(MEL).hash


def test_numbers_written_differently_are_the_same():
    assert passport_of(replace(MEL, high_hz=8000, low_hz=60)) == passport_of(MEL)


def test_a_passport_comes_back_from_its_file(tmp_path):
    (tmp_path / PASSPORT_NAME).write_text(passport_of(MEL).to_json())
    assert read_passport(tmp_path) == passport_of(MEL)
    assert read_passport(tmp_path / "elsewhere") is None


def test_two_passports_that_differ_are_told_with_both_sides_and_the_remedy():
    require_same(passport_of(MEL), passport_of(MEL), ("a", "b"), "")
    other = passport_of(replace(MEL, hop=100, floor=1e-4))
    with pytest.raises(DataError, match=r"mel/ has passport \w{12}, config\.py \w{12}; they differ in hop 80 and 100, "
                                        r"floor 1e-05 and 0\.0001\. What comes of it would be noise; prepare again"):
        require_same(passport_of(MEL), other, ("mel/", "config.py"), "prepare again")


@pytest.mark.parametrize(("change", "told"), [
    (lambda record: record | {"hop": 100}, "contradicts itself"),
    (lambda record: record | {"format": "recital-features 0"}, "contradicts itself"),
    (lambda record: {"hop": 80}, "is no readable passport"),
    (lambda record: [1], "is no readable passport"),
])
def test_a_changed_passport_is_not_trusted(change, told, tmp_path):
    record = json.loads(passport_of(MEL).to_json())
    (tmp_path / PASSPORT_NAME).write_text(json.dumps(change(record)))
    with pytest.raises(DataError, match=told):
        read_passport(tmp_path)
