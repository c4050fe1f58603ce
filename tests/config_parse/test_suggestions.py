"""What a mistyped word or path may have meant."""
import pytest

from core_scripts.errors import did_you_mean, near_files


@pytest.mark.parametrize(("word", "known", "hint"), [
    ("trian", ["train", "infer"], "; did you mean train?"),
    ("adamw", ["Adam", "AdamW"], "; did you mean AdamW?"),
    ("--batchsize", ["--batch-size", "--lr"], "; did you mean --batch-size?"),
    ("layers", ["net.layers", "disc.layers", "net.bits"], "; did you mean disc.layers or net.layers?"),
    ("zzz", ["train", "infer"], ""),
    ("zzz", [], ""),
])
def test_the_nearest_word_is_named_or_nothing(word, known, hint):
    assert did_you_mean(word, known) == hint


def test_near_files_are_those_beside_the_missing_one(tmp_path):
    (tmp_path / "train.lst").touch()
    (tmp_path / "wav").mkdir()
    assert near_files(tmp_path / "trian.lst") == "; did you mean train.lst?"
    assert near_files(tmp_path / "wavs") == "; did you mean wav?"
    assert near_files(tmp_path / "other") == ""


def test_a_missing_folder_is_named(tmp_path):
    assert near_files(tmp_path / "no" / "train.lst") == f"; there is no folder {tmp_path / 'no'}"
    (tmp_path / "file").touch()
    assert near_files(tmp_path / "file" / "train.lst") == f"; there is no folder {tmp_path / 'file'}"
