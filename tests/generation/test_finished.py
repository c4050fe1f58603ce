"""A finished file is one that these weights and settings made of this input, and that nobody has touched since."""
import pytest

from core_scripts.errors import DataError
from core_scripts.generation.finished import LEDGER_NAME, FinishedFiles


@pytest.fixture
def place(tmp_path):
    """An output folder with one finished file, and the input that it was made of."""
    folder, source = tmp_path / "output", tmp_path / "a.mel"
    folder.mkdir()
    source.write_bytes(b"frames")
    (folder / "a.wav").write_bytes(b"wave")
    FinishedFiles(folder, "weights 1").note([folder / "a.wav"], [source])
    return folder, source


def has(place, made_by="weights 1") -> bool:
    folder, source = place
    return FinishedFiles(folder, made_by).has([folder / "a.wav"], [source])


def test_a_noted_file_is_finished_for_the_same_maker_only(place):
    assert has(place) and not has(place, "weights 2")


@pytest.mark.parametrize("change", [
    lambda folder, source: (folder / "a.wav").write_bytes(b"wav"),
    lambda folder, source: (folder / "a.wav").unlink(),
    lambda folder, source: source.write_bytes(b"others"),
    lambda folder, source: source.unlink(),
    lambda folder, source: (folder / LEDGER_NAME).unlink(),
    lambda folder, source: (folder / LEDGER_NAME).write_bytes(b"\xff\xfe nonsense\n\t\t\n"),
])
def test_what_was_cut_exchanged_or_lost_is_not(place, change):
    change(*place)
    assert not has(place)


def test_a_line_that_was_cut_costs_its_file_and_not_the_next_one(place):
    folder, source = place
    ledger = folder / LEDGER_NAME
    ledger.write_bytes(ledger.read_bytes()[:-3])
    assert not has(place)
    FinishedFiles(folder, "weights 1").note([folder / "a.wav"], [source])
    assert has(place)


def test_an_item_of_several_files_is_finished_when_all_are(place):
    folder, source = place
    (folder / "a.f0").write_bytes(b"pitch")
    both = [folder / "a.wav", folder / "a.f0"]
    assert not FinishedFiles(folder, "weights 1").has(both, [source])
    FinishedFiles(folder, "weights 1").note(both, [source])
    assert FinishedFiles(folder, "weights 1").has(both, [source])


def test_a_ledger_that_cannot_be_read_is_told_and_one_that_cannot_be_written_ends_the_run(place, capsys):
    folder, source = place
    (folder / LEDGER_NAME).unlink()
    (folder / LEDGER_NAME).mkdir()
    assert not has(place)
    assert "finished.tsv cannot be read" in capsys.readouterr().err
    with pytest.raises(DataError, match=r"finished\.tsv cannot be used"):
        FinishedFiles(folder, "weights 1").note([folder / "a.wav"], [source])
