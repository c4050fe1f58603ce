"""Lists and speakers: given ones are kept, made ones are the same every time, wrong ones are told with all faults."""
import pytest
from prepare_tools import names_of, record, run

from core_scripts.corpus.prepare_lists import find_speakers, make_lists, names_in_use, read_given_lists
from core_scripts.errors import DataError, UsageError

NAMES = [f"s{speaker}_{number:03d}" for speaker in range(3) for number in range(40)]


def write_lists(folder, **lists: str):
    paths = {}
    for kind, text in lists.items():
        paths[kind] = folder / f"{kind}.txt"
        paths[kind].write_text(text, encoding="utf-8")
    return paths


def test_every_speaker_occurs_in_every_list_and_every_name_in_one():
    speakers = find_speakers("prefix", NAMES)
    lists = make_lists({}, NAMES, speakers)
    assert sorted(sum(lists.values(), [])) == NAMES
    for names in lists.values():
        assert {speakers[name] for name in names} == {"s0", "s1", "s2"}
    assert [len(names) for names in lists.values()] == [108, 6, 6]


def test_the_split_does_not_depend_on_the_order_and_moves_little_when_recordings_come():
    before = make_lists({}, NAMES, {})
    assert make_lists({}, NAMES[::-1], {}) == before
    after = make_lists({}, [*NAMES, "new_1"], {})
    assert len(set(before["test"]) & set(after["test"])) >= len(before["test"]) - 1


def test_speakers_with_one_recording_each_are_split_as_one_group():
    names = [f"p{number}_1" for number in range(40)]
    assert [len(own) for own in make_lists({}, names, find_speakers("prefix", names)).values()] == [36, 2, 2]


def test_given_lists_keep_names_and_order_and_what_is_missing_is_made():
    lists = make_lists({"test": ["s2_001", "s0_000"]}, NAMES, {})
    assert lists["test"] == ["s2_001", "s0_000"] and len(lists["val"]) == 6
    assert sorted(sum(lists.values(), [])) == NAMES


def test_a_full_set_of_lists_leaves_the_other_recordings_alone(tmp_path):
    source = record(tmp_path / "in", *"abcde")
    (source / "z.wav").write_bytes(b"damaged, and in no list")
    paths = write_lists(tmp_path, train="\ufeffc\r\na\r\n", val="b\n", test="d")
    out = run(source, tmp_path / "out", lists=paths)
    assert names_of(out / "train.lst") == ["c", "a"]
    assert sorted(path.name for path in (out / "wav").iterdir()) == ["a.wav", "b.wav", "c.wav", "d.wav"]
    assert names_in_use({"test": ["a"]}, ["a", "b"]) == ["a", "b"]


@pytest.mark.parametrize(("lists", "told"), [
    ({"train": "a\nb.wav\n"}, r"'b\.wav' in .*train\.txt: no such recording; write 'b'"),
    ({"test": "speaker1/utt9\n"}, r"no such recording; did you mean speaker1/utt8\?"),
    ({"train": "a\nqq\n", "val": "xx\n"}, r"(?s)2 found.*'qq' in .*'xx' in "),
    ({"train": "a\n", "test": "a\n"}, r"'a' stands in .*train\.txt and in .*test\.txt; figures"),
    ({"train": "a\nb\na\n"}, r"'a' stands more than once in .*train\.txt; keep one"),
    ({"val": "\n \n"}, r"val\.txt holds no names"),
])
def test_lists_that_do_not_fit_are_refused_with_every_fault(lists, told, tmp_path):
    with pytest.raises(DataError, match=told):
        read_given_lists(write_lists(tmp_path, **lists), ["a", "b", "speaker1/utt8"])


def test_a_list_that_is_not_there_is_told(tmp_path):
    write_lists(tmp_path, train="a")
    with pytest.raises(UsageError, match=r"--train-list .*trian\.txt: no such file; did you mean train\.txt\?"):
        read_given_lists({"train": tmp_path / "trian.txt"}, ["a"])
    with pytest.raises(UsageError, match=r"--val-list .*: is a folder, not a text file"):
        read_given_lists({"val": tmp_path}, ["a"])


def test_lists_of_names_in_a_sub_folder_are_understood_in_one_line(tmp_path):
    lists = write_lists(tmp_path, train="a\nb\n", test="c\n")
    with pytest.raises(DataError, match=r"those of recordings in the folder flac; give that one with --wav-dir"):
        read_given_lists(lists, ["flac/a", "flac/b", "flac/c", "x/a", "x/b"])
    with pytest.raises(DataError, match=r"'c' in .*test\.txt: no such recording"):
        read_given_lists(lists, ["flac/a", "flac/b", "x/c"])


def test_a_list_without_usable_recordings_is_told():
    with pytest.raises(DataError, match=r"nothing is left for test of 3 usable recordings; give it with --test-list"):
        make_lists({"test": ["gone"]}, ["a", "b", "c"], {})
    with pytest.raises(DataError, match=r"nothing is left for val, test of 2"):
        make_lists({"train": ["a", "b"]}, ["a", "b"], {})


def test_speakers_come_from_folders_prefixes_or_a_file(tmp_path):
    assert find_speakers("folder", ["x/a", "y/z/b"]) == {"x/a": "x", "y/z/b": "y"}
    assert find_speakers("prefix", ["k_1", "d/p225-3"]) == {"k_1": "k", "d/p225-3": "p225"}
    (tmp_path / "who.tsv").write_text("a\tAnn\nb\tBob B.\nc\tnobody\n")
    assert find_speakers(str(tmp_path / "who.tsv"), ["b", "a"]) == {"b": "Bob B.", "a": "Ann"}
    assert find_speakers("", ["a"]) == {}


@pytest.mark.parametrize(("source", "told"), [
    ("folder", r"no speaker for 2 of 3 recordings \('a', 'nodash'\); put each speaker's"),
    ("prefix", r"no speaker for 3 of 3 .*names begin with the speaker"),
    ("a\tAnn\n", r"no speaker for 2 of 3 recordings \('x/b', 'nodash'\); add lines NAME<TAB>speaker"),
    ("a Ann\n", r"line 1: 'a Ann' is not NAME<TAB>speaker"),
    ("a\tAnn\na\tBob\n", r"line 2: 'a' has speaker Bob, before it had Ann"),
])
def test_unknown_speakers_are_told(source, told, tmp_path):
    if "\n" in source:
        (tmp_path / "who.tsv").write_text(source)
        source = str(tmp_path / "who.tsv")
    with pytest.raises(DataError, match=told):
        find_speakers(source, ["a", "x/b", "nodash"])
