"""Speech Commands as its archive has it, a folder per word."""
import pytest

from core_scripts.corpus.speech_commands import check_archive, write_lists
from core_scripts.errors import DataError


def make(folder, speakers: int = 40):
    for word in ("yes", "no", "_background_noise_"):
        (folder / word).mkdir(parents=True)
        for number in range(speakers):
            (folder / word / f"{number:08x}_nohash_0.wav").write_bytes(b"")
    return folder


def read(folder, name: str) -> list[str]:
    return (folder / name).read_text().split("\n")[:-1]


def test_its_own_lists_are_heeded_and_noise_is_left_out(tmp_path):
    folder = make(tmp_path / "commands")
    (folder / "validation_list.txt").write_text("yes/00000003_nohash_0.wav\n")
    (folder / "testing_list.txt").write_text("no/00000004_nohash_0.wav\nno/00000005_nohash_0.wav\n")
    assert write_lists(folder) == {"train": 77, "val": 1, "test": 2}
    assert read(folder, "val.lst") == ["yes/00000003_nohash_0"]
    assert read(folder, "words.tsv")[0] == "no/00000000_nohash_0\tno"
    assert not [name for name in read(folder, "train.lst") if name.startswith("_")]


def test_without_lists_nobody_is_in_two_of_them(tmp_path):
    folder = make(tmp_path / "commands")
    write_lists(folder)
    speakers = [{name.split("/")[1] for name in read(folder, f"{kind}.lst")} for kind in ("train", "val", "test")]
    assert all(speakers) and len(set.union(*speakers)) == sum(map(len, speakers)) == 40


def test_a_folder_without_words_is_told(tmp_path):
    with pytest.raises(DataError, match="has no WORD/NAME.wav"):
        write_lists(tmp_path)
    with pytest.raises(DataError, match="is no folder"):
        write_lists(tmp_path / "nowhere")


def test_an_archive_that_is_cut_short_is_told_by_its_digest(tmp_path):
    (tmp_path / "a.tar.gz").write_bytes(b"half of it")
    with pytest.raises(DataError, match="cut short, damaged or another version"):
        check_archive(tmp_path / "a.tar.gz")
    with pytest.raises(DataError, match="not found"):
        check_archive(tmp_path / "b.tar.gz")
