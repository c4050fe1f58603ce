"""run.yaml tells with what a run was made."""
from argparse import Namespace

import yaml

from core_scripts.features.config_mel import MelConfig
from core_scripts.features.passport import passport_of
from core_scripts.report.run_record import write_run_record


def test_the_record_holds_settings_changes_versions_and_data(tmp_path):
    args = Namespace(config_text="batch_size: 4\nnet:\n  layers: 10\n", changes=[("net.layers", 20, 10)])
    write_run_record(tmp_path, args, "61dc", {"mel": passport_of(MelConfig())}, weights="w.pt")
    record = yaml.safe_load((tmp_path / "run.yaml").read_text())
    assert record["settings"] == {"batch_size": 4, "net": {"layers": 10}}
    assert record["differences"] == {"net.layers": {"recipe": 20, "here": 10}}
    assert record["data"] == "61dc" and record["weights"] == "w.pt"
    assert record["features"]["mel"]["hash"] == passport_of(MelConfig()).hash
    assert record["versions"]["torch"] and record["machine"]["threads"] >= 1


def test_values_without_a_plain_form_are_written_as_they_print(tmp_path):
    args = Namespace(config_text="a: 1\n", changes=[("upsample_factors", (), (5, 4))])
    write_run_record(tmp_path, args, "", {})
    assert yaml.safe_load((tmp_path / "run.yaml").read_text())["differences"]["upsample_factors"]["here"] == "(5, 4)"
