"""Checkpoint files: whole or not at all, refused by name when they cannot be read, and found newest first."""
import os
import pickle
import resource
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from core_scripts.checkpoint.store import list_checkpoints, read_checkpoint, read_newest, write_checkpoint
from core_scripts.errors import EXIT_DISK_FULL, CheckpointError, SaveError
from core_scripts.files import temporary_path


class Unreadable:
    """Not a plain type, so that a file with it is not to be loaded."""


@pytest.fixture
def file(tmp_path) -> Path:
    """A sound checkpoint."""
    path = tmp_path / "epoch_000.pt"
    write_checkpoint(path, OrderedDict(weight=torch.arange(6.0).reshape(2, 3)))
    return path


def test_what_is_written_is_read_back_with_its_kind(tmp_path):
    weights = OrderedDict(w=torch.ones(2))
    contents = [{"state_dict": dict(weights), "step": 3, "names": ["a"], "rate": 0.5}, weights]
    for number, content in enumerate(contents):
        write_checkpoint(tmp_path / f"{number}.pt", content)
    full, weights = (read_checkpoint(tmp_path / f"{number}.pt") for number in range(2))
    assert type(full) is dict and type(weights) is OrderedDict
    assert full["step"] == 3 and full["names"] == ["a"] and torch.equal(weights["w"], torch.ones(2))


def test_a_file_is_readable_by_torch_alone_with_its_safe_default(file):
    assert torch.equal(torch.load(file, weights_only=True)["weight"], torch.arange(6.0).reshape(2, 3))


def test_parameters_are_stored_as_tensors_without_their_history(tmp_path):
    weight = torch.nn.Parameter(torch.ones(3))
    write_checkpoint(tmp_path / "w.pt", OrderedDict(w=weight, twice=[weight * 2]))
    stored = read_checkpoint(tmp_path / "w.pt")
    assert not stored["w"].requires_grad and type(stored["w"]) is torch.Tensor
    assert stored["twice"][0].grad_fn is None


def test_writing_leaves_no_other_file_behind_and_makes_the_folder(tmp_path):
    path = tmp_path / "new" / "folder" / "a.pt"
    write_checkpoint(path, OrderedDict())
    write_checkpoint(path, OrderedDict(w=torch.zeros(1)))
    assert [item.name for item in path.parent.iterdir()] == ["a.pt"]
    assert list(read_checkpoint(path)) == ["w"]


def test_a_write_that_fails_half_way_leaves_the_old_file_and_no_other(file):
    before = file.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))  # the kernel refuses to write beyond, in mid-file
    try:
        with pytest.raises(SaveError, match=r"cannot write .*epoch_000\.pt \(File too large\)"):
            write_checkpoint(file, OrderedDict(weight=torch.zeros(1_000_000)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert file.read_bytes() == before
    assert [item.name for item in file.parent.iterdir()] == ["epoch_000.pt"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_no_space_is_told_with_size_remedy_and_exit_code(tmp_path):
    path = tmp_path / "epoch_000.pt"
    temporary = temporary_path(path)
    temporary.symlink_to("/dev/full")
    with pytest.raises(SaveError, match=r"disk full: .*epoch_000\.pt needs 4\.0 MB, [\d.]+ MB are free") as caught:
        write_checkpoint(path, OrderedDict(weight=torch.zeros(1_000_000)))
    assert caught.value.exit_code == EXIT_DISK_FULL
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_folder_is_told_by_name(file):
    with pytest.raises(SaveError, match=r"cannot write .*epoch_000\.pt/a\.pt"):
        write_checkpoint(file / "a.pt", OrderedDict())


def test_a_folder_in_the_place_of_the_file_is_told_and_leaves_nothing(tmp_path):
    (tmp_path / "a.pt").mkdir()
    with pytest.raises(SaveError, match=r"cannot write .*a\.pt"):
        write_checkpoint(tmp_path / "a.pt", OrderedDict())
    assert [item.name for item in tmp_path.iterdir()] == ["a.pt"]


def test_an_absent_file_is_told_with_those_that_are_there(file):
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*epoch_009\.pt; .*epoch_000\.pt"):
        read_checkpoint(file.with_name("epoch_009.pt"))


def test_an_absent_file_in_an_empty_folder_asks_to_train_first_and_an_absent_folder_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*trained_model\.pt; train first"):
        read_checkpoint(tmp_path / "trained_model.pt")
    with pytest.raises(CheckpointError, match="there is no folder .*absent"):
        read_checkpoint(tmp_path / "absent" / "trained_model.pt")


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_cut_file_is_named_as_damaged_wherever_it_was_cut(file, kept):
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(CheckpointError, match=r"epoch_000\.pt is damaged or not a checkpoint"):
        read_checkpoint(file)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("content", [
    b"epoch,loss\n1,2\n", "naïve text\n".encode(), b"\x80\x02.", b"\x00" * 4096, bytes(range(256)) * 8, b"}q\x00.",
    b"RIFF$\x00\x00\x00WAVEfmt ", b"\x80\x04\x95" + b"\xff" * 40, b"(lp0\n.", b"cos\nsystem\n(S'echo'\ntR.", b"I1x\n.",
])
def test_a_file_of_another_kind_is_named_as_no_checkpoint(tmp_path, content):
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"a\.pt (is damaged or not a checkpoint|holds a)"):
        read_checkpoint(tmp_path / "a.pt")


def test_random_bytes_and_flipped_headers_never_end_in_another_error(file):
    sound = file.read_bytes()
    generator = torch.Generator().manual_seed(3)
    for length in range(1, 400, 7):
        noise = bytes(torch.randint(0, 256, (length,), generator=generator, dtype=torch.uint8).tolist())
        middle = sound[:length] + noise + sound[2 * length :]
        for damaged in (noise, b"\x80\x02" + noise, noise + sound[length:], middle):
            file.write_bytes(damaged)
            try:
                assert isinstance(read_checkpoint(file), dict)  # a few bytes may be padding
            except CheckpointError:
                continue


def test_a_zip_of_something_else_is_no_checkpoint(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("notes.txt", "hello")
    with pytest.raises(CheckpointError, match=r"a\.pt is damaged or not a checkpoint"):
        read_checkpoint(tmp_path / "a.pt")


def test_a_small_file_that_would_fill_the_memory_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "a.pt"
    write_checkpoint(path, OrderedDict(w=torch.zeros(20_000_000)))
    with zipfile.ZipFile(path) as old:
        entries = {entry.filename: old.read(entry) for entry in old.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in entries.items():
            new.writestr(name, data)
    assert path.stat().st_size < 100_000
    with pytest.raises(CheckpointError, match=r"a\.pt is damaged or not a checkpoint \(its entries are compressed"):
        read_checkpoint(path)


def test_entries_that_claim_more_bytes_than_the_file_has_are_refused(file):
    data = bytearray(file.read_bytes())
    place = data.rindex(b"PK\x01\x02")  # the last entry of the directory; its size is 24 bytes further on
    data[place + 24 : place + 28] = (2**31).to_bytes(4, "little")
    file.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"epoch_000\.pt .* \(its entries claim to be larger than the file\)"):
        read_checkpoint(file)


def test_files_of_torch_before_1_6_are_read(tmp_path):
    torch.save(OrderedDict(w=torch.ones(2)), tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    assert read_checkpoint(tmp_path / "a.pt")["w"].tolist() == [1, 1]


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_objects_that_could_run_code_are_refused(tmp_path):
    torch.save({"state_dict": {}, "extra": Unreadable()}, tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match=r"a\.pt is .*could run any code and is not loaded"):
        read_checkpoint(tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(pickle.dumps(Unreadable()))
    with pytest.raises(CheckpointError, match=r"b\.pt is damaged or not a checkpoint"):
        read_checkpoint(tmp_path / "b.pt")


def test_a_bare_tensor_is_told_to_be_no_dict(tmp_path):
    torch.save(torch.zeros(3), tmp_path / "a.pt")
    with pytest.raises(CheckpointError, match=r"a\.pt holds a Tensor, not a dict"):
        read_checkpoint(tmp_path / "a.pt")


def test_checkpoints_are_listed_newest_training_state_first(tmp_path):
    newest_first = ["epoch_1000.pt", "epoch_010.pt", "epoch_003.pt", "epoch_003_00000112.pt", "epoch_003_00000012.pt",
                    "epoch_002.pt", "epoch_000_00000001.pt"]
    others = ["epoch_004_G.pt", "epoch_.pt", "epoch_001.bin", "trained.pt", ".7-0a1b2c3d.tmp", "my_epoch_1.pt"]
    for name in sorted(newest_first) + others:
        (tmp_path / name).touch()
    assert [path.name for path in list_checkpoints(tmp_path, "epoch", ".pt")] == newest_first
    assert [path.name for path in list_checkpoints(tmp_path, "epoch", "_G.pt")] == ["epoch_004_G.pt"]
    assert list_checkpoints(tmp_path / "absent", "epoch", ".pt") == []


def test_damaged_ones_are_passed_on_with_their_error_until_a_valid_one_comes(file):
    newer = file.with_name("epoch_001.pt")
    newer.write_bytes(b"")
    found = list(read_newest(list_checkpoints(file.parent, "epoch", ".pt")))
    assert [path.name for path, _ in found] == ["epoch_001.pt", "epoch_000.pt"]
    assert isinstance(found[0][1], CheckpointError) and "epoch_001.pt" in str(found[0][1])
    assert list(found[1][1]) == ["weight"]
