"""Speakers by name: numbers from the training lists, unknown ones answered with the nearest."""
from argparse import Namespace
from types import SimpleNamespace

import pytest

from core_scripts.data_io.speakers import SpeakerTable, load_speakers, names_of, read_speakers
from core_scripts.errors import DataError, UsageError

WHO = {"a": "ann", "b": "bob", "c": "ann", "x": "xenia"}


def config(folder, train_list, speakers="who.tsv"):
    (folder / "who.tsv").write_text("".join(f"{name}\t{speaker}\n" for name, speaker in WHO.items()))
    return SimpleNamespace(
        path=folder / "config.py", speakers=speakers, trn_set_name=["train"], trn_list=[train_list],
        input_dirs=[["wav"]], input_exts=[".wav"], input_dims=[1], output_dirs=[["wav"]], output_exts=[".wav"],
        output_dims=[1])


def test_numbers_are_those_of_the_sorted_speakers_of_the_training_list(tmp_path):
    (tmp_path / "train.lst").write_text("b\n\na \n")
    table = load_speakers(config(tmp_path, "train.lst"), Namespace())
    assert table.names == ("ann", "bob")
    assert table.numbers(["c", "b", "a"]) == [0, 1, 0]


def test_without_a_file_nobody_is_told_apart(tmp_path):
    assert load_speakers(config(tmp_path, "train.lst", speakers=""), Namespace()) is None
    assert load_speakers(None, None) is None


def test_a_list_that_is_the_whole_folder_takes_all_speakers(tmp_path):
    assert load_speakers(config(tmp_path, None), Namespace()).names == ("ann", "bob", "xenia")


def test_speakers_of_a_checkpoint_keep_their_numbers(tmp_path):
    table = load_speakers(config(tmp_path, ["a"]), Namespace(speaker_names=("xenia", "ann")))
    assert table.numbers(["a", "x"]) == [1, 0]


def test_a_target_speaks_whatever_the_utterance_is_and_needs_no_file(tmp_path):
    conf = config(tmp_path, ["a"], speakers="nowhere.tsv")
    table = load_speakers(conf, Namespace(speaker_names=("ann", "bob"), target_speaker="bob"))
    assert table.numbers(["a", "unheard of"]) == [1, 1]


def test_unknown_speakers_are_answered_with_the_nearest_names_all_together():
    table = SpeakerTable(("anna", "bob"), WHO)
    with pytest.raises(DataError, match=r"(?s)choose a voice with --target-speaker \(2 found\).*a is of ann, whom the "
                                        r"model does not know; did you mean anna\? \(it knows anna, bob\).*z stands in "
                                        r"no line"):
        table.numbers(["a", "b", "z"])
    with pytest.raises(UsageError, match=r"--target-speaker ana: the model knows no such speaker; did you mean anna"):
        SpeakerTable(("anna", "bob"), WHO, target="ana")


def test_a_file_of_other_names_is_told(tmp_path):
    with pytest.raises(DataError, match="tells of none of the utterances in the training lists"):
        load_speakers(config(tmp_path, ["q"]), Namespace())


def test_lines_are_name_tab_speaker(tmp_path):
    path = tmp_path / "who.tsv"
    path.write_bytes(b"\xef\xbb\xbfx/a b\tAnn Lee\r\n\r\nc\tBob\n")
    assert read_speakers(path) == {"x/a b": "Ann Lee", "c": "Bob"}
    assert names_of(read_speakers(path), ["c", "q"]) == ("Bob",)
    path.write_text("a\tAnn\na b c\n")
    with pytest.raises(DataError, match="line 2: 'a b c' is not NAME<TAB>speaker"):
        read_speakers(path)
    with pytest.raises(DataError, match=r"whoo.tsv not found; did you mean who\.tsv"):
        read_speakers(tmp_path / "whoo.tsv")
