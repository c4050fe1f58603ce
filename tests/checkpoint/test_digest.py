"""What is read back is what was written, to the bit: in files, and in dicts that somebody else loaded."""
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch

from core_scripts.checkpoint.digest import DIGEST, NotPlainError, carried_digest, digest_of, seal, verify_content
from core_scripts.checkpoint.store import (
    checksum_path,
    read_checkpoint,
    verify_loaded,
    write_checkpoint,
    write_weights,
)
from core_scripts.errors import CheckpointError

WEIGHTS = OrderedDict(a=torch.arange(3.0), b=torch.tensor(2))
FULL = {
    "state_dict": WEIGHTS,
    "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{"betas": (0.9, 0.99), "foreach": None}]},
    "position": {"seed": 1, "epoch": 3, "fingerprint": "abc"},
    "config": "lr: 0.1\n",
    "step": 12345,
    "format": 2,
}


def same(one: Any, other: Any) -> bool:
    """Of one kind and equal, apart from the digest."""
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        one, other = ({key: value for key, value in each.items() if key != DIGEST} for each in (one, other))
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


def flips_that_pass(path: Path, content: dict, every: int) -> tuple[int, int]:
    """How many flipped bits are found, and how many change nothing; any other one fails."""
    sound, found, harmless = path.read_bytes(), 0, 0
    for bit in range(0, 8 * len(sound), every):
        damaged = bytearray(sound)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            read = read_checkpoint(path)
        except CheckpointError as error:
            assert path.name in str(error)
            found += 1
        else:
            assert type(read) is type(content) and same(read, content), f"bit {bit} changes what is read back"
            harmless += 1
    return found, harmless


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("every", [13, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("content", [FULL, WEIGHTS], ids=["full", "weights"])
def test_every_flipped_bit_is_found_or_changes_nothing(tmp_path, content, every):
    path = tmp_path / "epoch_000.pt"
    write_checkpoint(path, content)
    found, harmless = flips_that_pass(path, content, every)
    assert found > 300 and harmless > 300  # padding, names and dates of the zip


@pytest.mark.parametrize("content", [FULL, WEIGHTS], ids=["full", "weights"])
def test_every_cut_is_found(tmp_path, content):
    path = tmp_path / "epoch_000.pt"
    write_checkpoint(path, content)
    sound = path.read_bytes()
    for length in range(0, len(sound), 7):
        path.write_bytes(sound[:length])
        with pytest.raises(CheckpointError, match=r"epoch_000\.pt is damaged or not a checkpoint"):
            read_checkpoint(path)


def test_content_that_was_exchanged_in_a_sound_zip_is_found(tmp_path):
    """As if a checksum of the zip had been put right after the damage."""
    path = tmp_path / "epoch_000.pt"
    write_checkpoint(path, FULL)
    with zipfile.ZipFile(path) as old:
        entries = {entry.filename: old.read(entry) for entry in old.infolist()}
    name = next(name for name in entries if name.endswith("data/0"))
    entries[name] = torch.tensor([0.0, 1.0, 3.0]).numpy().tobytes()
    with zipfile.ZipFile(path, "w") as new:
        for key, data in entries.items():
            new.writestr(key, data)
    assert torch.load(path)["state_dict"]["a"][2] == 3
    with pytest.raises(CheckpointError, match=r"epoch_000\.pt is damaged: what it holds is not what was written"):
        read_checkpoint(path)


def test_any_change_of_content_changes_the_digest():
    changed = [
        {"a": 1}, {"a": 2}, {"b": 1}, {"a": 1.0}, {"a": True}, {"a": "1"}, {"a": b"1"}, {"a": None}, {"a": -1},
        {1: "a"}, {"a": [1]}, {"a": (1,)}, {"a": [[1]]}, {"a": [1, None]}, {"a": {}}, {"a": OrderedDict()}, {"a": ""},
        {}, {"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 0.0}, {"a": -0.0}, {"a": float("nan")}, {"a": float("inf")},
        {"a": torch.tensor(1)}, {"a": torch.tensor([1])}, {"a": torch.tensor([[1]])}, {"a": torch.tensor(1.0)},
        {"a": torch.tensor(1, dtype=torch.int32)}, {"a": torch.zeros(0)}, {"a": torch.zeros(0, 2)}, {"a": torch.int8},
        {"a": torch.tensor([1], dtype=torch.bfloat16)}, {"a": torch.tensor([True])}, {"a": "\ud800"}, {"a": "é"},
    ]
    assert len({digest_of(content) for content in changed}) == len(changed)


def test_the_digest_is_of_values_not_of_where_they_lie():
    matrix = torch.arange(6.0).reshape(2, 3)
    assert digest_of({"a": matrix.T}) == digest_of({"a": matrix.T.contiguous()})
    assert digest_of({"a": matrix, "b": matrix}) == digest_of({"a": matrix, "b": matrix.clone()})


def test_the_digest_is_frozen_so_that_files_of_today_are_read_tomorrow():
    assert digest_of(FULL) == "599129d8b8cf7d4480a2bfc99c75682113bfb1b76da317fadb7ab2d33030e35f"


def test_weights_stay_a_plain_ordered_dict_that_torch_reads_and_models_take(tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    write_weights(tmp_path / "w.pt", model.state_dict())
    loaded = torch.load(tmp_path / "w.pt")
    assert type(loaded) is OrderedDict and list(loaded) == list(model.state_dict())
    assert str(model.load_state_dict(loaded)) == "<All keys matched successfully>"
    verify_content(loaded, "w.pt")


@pytest.mark.parametrize("content", [FULL, WEIGHTS], ids=["full", "weights"])
def test_a_dict_that_somebody_else_loaded_is_checked_too(tmp_path, content):
    write_checkpoint(tmp_path / "a.pt", content)
    loaded = torch.load(tmp_path / "a.pt")
    verify_content(loaded, "the checkpoint")
    (loaded["state_dict"] if content is FULL else loaded)["a"][0] += 1e-30
    with pytest.raises(CheckpointError, match="the checkpoint is damaged: .*Who changed it on purpose calls seal"):
        verify_content(loaded, "the checkpoint")
    verify_content(seal(loaded), "the checkpoint")


def test_weights_that_somebody_changed_and_saved_again_are_taken_and_it_is_said(tmp_path, capsys):
    path = tmp_path / "trained_model.pt"
    write_weights(path, WEIGHTS)
    loaded = torch.load(path)
    loaded["b"] += 1
    torch.save(loaded, tmp_path / "mine.pt")
    assert read_checkpoint(tmp_path / "mine.pt")["b"] == 3
    assert "mine.pt: the weights are others than a training wrote" in capsys.readouterr().err
    verify_loaded(loaded, None)
    assert "the checkpoint: the weights are others" in capsys.readouterr().err
    torch.save(loaded, path)  # the checksum beside says that this is not the file
    with pytest.raises(CheckpointError, match=r"trained_model\.pt is damaged"):
        read_checkpoint(path)
    with pytest.raises(CheckpointError, match=r"trained_model\.pt is damaged"):
        verify_loaded(loaded, path)


def test_a_full_state_without_its_digest_is_damaged_unless_it_is_older_than_digests(tmp_path):
    bare = dict(FULL)
    with pytest.raises(CheckpointError, match="a.pt is damaged: its digest is gone"):
        verify_content(bare, "a.pt")
    with pytest.raises(CheckpointError, match="a.pt is damaged: its digest is gone"):
        verify_content({**bare, "format": "2"}, "a.pt")
    torch.save({**bare, "format": 1}, tmp_path / "a.pt")
    assert read_checkpoint(tmp_path / "a.pt")["step"] == 12345


def test_what_others_wrote_without_a_digest_is_taken_as_it_is():
    for content in (None, {}, OrderedDict(w=torch.ones(1)), {"state_dict": {}, "optimizer": {}, "info": set()}):
        verify_content(content, "of upstream")
        assert content is None or carried_digest(content) is None


@pytest.mark.parametrize(("value", "told"), [
    (object(), r"/model/0 is a builtins\.object, which cannot be read back safely; make it a tensor, a number"),
    ({1, 2}, r"/model/0 is a builtins\.set, which"),
    (torch.zeros(2).numpy(), r"/model/0 is a numpy\.ndarray, which"),
    (torch.zeros(2).numpy().sum().astype("f8"), r"/model/0 is a numpy\.float64, which"),
    (torch.eye(2).to_sparse(), r"/model/0 is a sparse or quantized tensor; make it a dense one"),
])
def test_what_could_not_be_read_back_is_refused_by_its_place_before_anything_is_written(tmp_path, value, told):
    with pytest.raises(NotPlainError, match=told):
        seal({"model": [value]})
    if not (isinstance(value, torch.Tensor)):
        with pytest.raises(CheckpointError, match=rf"a\.pt was not written: {told}"):
            write_checkpoint(tmp_path / "a.pt", {"model": [value]})
    assert list(tmp_path.iterdir()) == []


def test_what_contains_itself_is_refused():
    ring: list = []
    ring.append(ring)
    with pytest.raises(NotPlainError, match="/model/0 contains itself"):
        seal({"model": ring})


def test_what_is_nested_too_deeply_is_refused():
    nested: list = []
    for _ in range(10_000):
        nested = [nested]
    with pytest.raises(CheckpointError, match=r"a\.pt is damaged: maximum recursion depth"):
        verify_content({"a": nested, DIGEST: "0" * 64}, "a.pt")


def test_a_list_that_repeats_itself_a_billion_times_is_walked_once():
    nested: Any = [0]
    for _ in range(40):
        nested = [nested] * 10
    assert len(digest_of({"a": nested})) == 64


def test_a_tensor_that_claims_more_values_than_there_are_is_refused_without_making_room_for_them(tmp_path):
    huge = torch.zeros(1).expand(10**12)
    torch.save({"w": huge, DIGEST: "0" * 64}, tmp_path / "a.pt")
    assert (tmp_path / "a.pt").stat().st_size < 2000
    with pytest.raises(CheckpointError, match=r"a\.pt is damaged: /w declares 10{12} values, which its bytes do not"):
        read_checkpoint(tmp_path / "a.pt")


def test_views_of_larger_and_smaller_storages_are_stored_as_what_they_show(tmp_path):
    write_checkpoint(tmp_path / "a.pt", {"part": torch.zeros(100_000)[:3], "wide": torch.ones(1).expand(5)})
    assert (tmp_path / "a.pt").stat().st_size < 3000
    stored = read_checkpoint(tmp_path / "a.pt")
    assert stored["part"].tolist() == [0] * 3 and stored["wide"].tolist() == [1] * 5


def test_weights_that_others_wrote_are_held_to_the_checksum_beside_them(tmp_path):
    path = tmp_path / "trained_model.pt"
    torch.save(WEIGHTS, path)
    read_checkpoint(path)
    checksum_path(path).write_text(f"{'0' * 64}  trained_model.pt\n")
    with pytest.raises(CheckpointError, match=r"trained_model\.pt is damaged: its checksum is not that of .*\.sha256"):
        read_checkpoint(path)
