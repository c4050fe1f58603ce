"""What travels with the weights: features of another kind and other speakers are found out, old files still load."""
from argparse import Namespace
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from core_scripts.checkpoint.fitting import load_matching_weights, load_weights
from core_scripts.checkpoint.model_record import RECORD_KEY, ModelRecord, is_record, record_of
from core_scripts.checkpoint.store import read_checkpoint, write_checkpoint
from core_scripts.errors import CheckpointError, DataError
from core_scripts.features.config_mel import MelConfig
from core_scripts.features.passport import passport_of
from core_scripts.nn_manager.averaging import start_average
from core_scripts.nn_manager.model_base import ModelBase

MEL = MelConfig()


class Voiced(ModelBase):
    """A model with a weight, the features of a configuration, and a vector per speaker."""

    def __init__(self, folder, mel=MEL, known=("ann", "bob"), speakers=True):
        (folder / "who.tsv").write_text("a\tann\nb\tbob\nc\tcid\n")
        (folder / "train.lst").write_text("a\nb\n")
        conf = SimpleNamespace(
            path=folder / "config.py", mel=mel, speakers="who.tsv" if speakers else "", trn_set_name=["train"],
            trn_list=["train.lst"], input_dirs=[["wav"]], input_exts=[".wav"], input_dims=[80],
            output_dirs=[["wav"]], output_exts=[".wav"], output_dims=[1])
        super().__init__(80, 1, Namespace(speaker_names=known), conf)
        self.voices = nn.Embedding(2, 3)


def test_a_record_comes_back_from_its_bytes_with_names_of_any_script():
    record = ModelRecord({"mel": passport_of(MEL)}, ("Ann Ä", "李"))
    assert ModelRecord.from_tensor(record.to_tensor()) == record


def test_the_record_goes_through_a_file_that_torch_itself_can_read(tmp_path):
    write_checkpoint(tmp_path / "w.pt", Voiced(tmp_path).state_dict())
    stored = torch.load(tmp_path / "w.pt", weights_only=True)
    record = record_of(stored)
    assert record.speakers == ("ann", "bob") and record.passports == {"mel": passport_of(MEL)}


def test_weights_of_other_features_are_refused_with_both_sides(tmp_path):
    stored = Voiced(tmp_path).state_dict()
    other = Voiced(tmp_path, mel=replace(MEL, floor=1e-4))
    told = (r"the checkpoint has passport \w+, mel in the configuration \w+; they differ in floor 1e-05 and 0\.0001.*"
            "use the settings that the model was trained with")
    with pytest.raises(DataError, match=told):
        load_weights(other, stored, "the checkpoint")


def test_speakers_in_another_order_are_refused(tmp_path):
    stored = Voiced(tmp_path).state_dict()
    with pytest.raises(CheckpointError, match="the weights know the speakers ann, bob, this model bob, ann"):
        load_weights(Voiced(tmp_path, known=("bob", "ann")), stored, "the checkpoint")
    with pytest.raises(CheckpointError, match="ann, bob, this model none; set `speakers` as in the run"):
        load_weights(Voiced(tmp_path, speakers=False), stored, "the checkpoint")


def test_a_damaged_record_is_told_as_such(tmp_path):
    stored = Voiced(tmp_path).state_dict()
    stored[RECORD_KEY] = stored[RECORD_KEY][:-5]
    with pytest.raises(CheckpointError, match="the record in the checkpoint cannot be read"):
        load_weights(Voiced(tmp_path), stored, "the checkpoint")


def test_files_without_a_record_load_as_before(tmp_path):
    model = Voiced(tmp_path)
    old = {key: value for key, value in model.state_dict().items() if not is_record(key)}
    other = Voiced(tmp_path)
    load_weights(other, old, "the checkpoint")
    assert torch.equal(other.voices.weight, model.voices.weight) and record_of(old) is None


def test_where_only_what_fits_is_taken_the_models_own_record_counts(tmp_path):
    stored = Voiced(tmp_path).state_dict()
    other = Voiced(tmp_path, mel=replace(MEL, floor=1e-4))
    load_matching_weights(other, stored, "the checkpoint")
    assert torch.equal(other.voices.weight, stored["voices.weight"])
    assert record_of(other.state_dict()).passports["mel"].settings["floor"] == 1e-4


def test_averages_keep_the_record(tmp_path):
    model = Voiced(tmp_path)
    average = start_average(model, 0.9, None)
    average.update(1)
    write_checkpoint(tmp_path / "w.pt", average.weights)
    assert record_of(read_checkpoint(tmp_path / "w.pt")).speakers == ("ann", "bob")
    with average.in_place_of(model):
        assert model.speakers.names == ("ann", "bob")
