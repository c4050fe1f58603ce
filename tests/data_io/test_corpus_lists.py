"""Lists of a configuration become records, and all that is wrong with them is told at once."""
import subprocess
import sys
from pathlib import Path

import pytest

from core_scripts.config_parse.corpus_lists import StreamLists, corpora_from_lists
from core_scripts.errors import ConfigError


def side(dirs, **changes) -> StreamLists:
    return StreamLists(**{"dirs": dirs, "exts": [".mel", "f0"], "dims": [80, 1], "reso": [80, 80], **changes})


WAV = StreamLists(dirs=[["wav"]], exts=[".wav"], dims=[1], norm=[False])
MEL = side([["mel", "f0"]])


def test_lists_become_one_record_per_corpus():
    inputs = side([["m1", "f1"], ["m2", "f2"]], functions=[[len, len], []], fills=[-11.5, 0.0])
    outputs = StreamLists(dirs=[["w1"], ["w2"]], exts=[".wav"], dims=[1], norm=[False], functions=[[]])
    one, two = corpora_from_lists(["one", "two"], ["one.lst", ["a", "b"]], inputs, outputs, max)
    assert (one.name, one.list_source, two.list_source) == ("one", Path("one.lst"), ("a", "b"))
    assert (two.inputs[1].directory, two.inputs[1].ext, two.inputs[1].resolution) == (Path("f2"), ".f0", 80)
    assert (one.inputs[0].normalise, one.outputs[0].normalise, one.inputs[0].fill) == (True, False, -11.5)
    assert (one.input_functions, two.input_functions, one.output_functions) == ((len, len), (), ())
    assert one.joint_function is max


def test_one_stem_names_all_corpora():
    inputs, outputs = side([["m", "f"]] * 2), StreamLists(dirs=[["w"], ["w"]], exts=[".wav"], dims=[1])
    assert [each.name for each in corpora_from_lists("trn", ["a", "b"], inputs, outputs)] == ["trn_sub_0", "trn_sub_1"]


def test_empty_output_folders_keep_what_is_written():
    (corpus,) = corpora_from_lists(["t"], [None], MEL, StreamLists(dirs=[[]], exts=[".wav"], dims=[1]))
    assert [(stream.directory, stream.ext, stream.dim) for stream in corpus.outputs] == [(None, ".wav", 1)]


def test_names_of_a_single_corpus_need_no_second_brackets():
    (corpus,) = corpora_from_lists(["t"], ["a", "b", "c"], MEL, WAV)
    assert corpus.list_source == ("a", "b", "c")


@pytest.mark.parametrize(("changes", "message"), [
    ({"dims": [80]}, r"input_dims=\[80\] must have 2 entries, one per input_exts"),
    ({"dims": [80, 0]}, "input_dims entry 0 must be an integer of at least 1"),
    ({"dims": ["80", 1]}, "input_dims entry '80'"),
    ({"reso": [80, 40]}, r"input_reso=\[80, 40\] differ"),
    ({"reso": [0, 80]}, r"input_reso entry 0 must be a positive integer \(negative: unaligned\)"),
    ({"norm": [True]}, "input_norm"),
    ({"exts": [".mel", ".txt"]}, "text has to be stored as numbers"),
    ({"dirs": [["mel"]]}, "has 1 folders for 2 input_exts"),
    ({"dirs": ["mel"]}, "input_dirs entry 'mel' must be a list of folders"),
    ({"dirs": [["mel", None]]}, "must hold paths of folders"),
    ({"functions": [[len]]}, "input functions of corpus 0 must be 2 callables"),
    ({"contexts": [(1, 0), (2, 0)]}, "input_contexts"),
])
def test_what_does_not_fit_is_told(changes, message):
    with pytest.raises(ConfigError, match=message):
        corpora_from_lists(["t"], [None], side(**{"dirs": [["mel", "f0"]], **changes}), WAV)


def test_outputs_cannot_be_unaligned():
    with pytest.raises(ConfigError, match="output_reso entry -1 must be a positive integer$"):
        corpora_from_lists(["t"], [None], MEL, StreamLists(dirs=[["w"]], exts=[".wav"], dims=[1], reso=[-1]))


def test_all_faults_are_told_together():
    with pytest.raises(ConfigError, match=r"(?s)\(4 found\).*2 entries.*names.*stands twice.*reso"):
        corpora_from_lists(["t", "t"], [None, None], side([["mel", "f0"]], reso=[1, 2]), WAV)


def test_lists_are_checked_without_torch_or_numpy():
    code = ("import sys, core_scripts.config_parse.corpus_lists; "
            "sys.exit(bool({'torch', 'numpy', 'soundfile'} & set(sys.modules)))")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
