"""Power fails between any two system calls of a save: the folder holds the old state or the new one, never neither.

The calls of a save are recorded. After each prefix of them every state that a disk may then be in is built: names that
were changed since the last sync of the folder may or may not be there, one by one, and bytes that were not synced may
be there, in part, or not at all. A killed process is the case where all of them are there.
"""
import hashlib
import itertools
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch

from core_scripts import files
from core_scripts.checkpoint.saver import Saver, remove_older
from core_scripts.checkpoint.store import (
    checksum_path,
    list_checkpoints,
    read_checkpoint,
    read_newest,
    write_checkpoint,
    write_weights,
)
from core_scripts.errors import CheckpointError

Names = dict[str, int]  # a folder: name -> number of the file's content
Change = Callable[[Names], None]


class Recorder:
    """Stands for the os module in files.py: does what it is asked for, and notes what reaches the disk."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []
        self._open: dict[int, str] = {}

    def __getattr__(self, name: str):
        return getattr(os, name)

    def open(self, path, flags, mode=0o777):
        handle = os.open(path, flags, mode)
        self._open[handle] = "" if os.path.isdir(path) else Path(path).name
        if flags & os.O_CREAT:
            self.calls.append(("create", self._open[handle]))
        return handle

    def write(self, handle, data):
        piece = bytes(data[: max(1, len(data) // 2)])  # a call may write less than it was given
        written = os.write(handle, piece)
        self.calls.append(("write", self._open[handle], piece))
        return written

    def fsync(self, handle):
        os.fsync(handle)
        self.calls.append(("sync", self._open[handle]))

    def replace(self, source, target):
        os.replace(source, target)
        self.calls.append(("rename", Path(source).name, Path(target).name))

    def unlink(self, path):
        os.unlink(path)
        self.calls.append(("remove", Path(path).name))


@dataclass
class Disk:
    """What is sure to survive, and what may: changes of names since the folder's last sync, bytes since the file's."""

    names: Names
    synced: list[bytes]
    pending: list[Change] = field(default_factory=list)
    cached: list[bytes] = field(default_factory=list)
    live: Names = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cached, self.live = list(self.synced), dict(self.names)

    def do(self, call: tuple) -> None:
        kind, name = call[:2]
        if kind == "write":
            self.cached[self.live[name]] += call[2]
        elif kind == "sync" and name:
            self.synced[self.live[name]] = self.cached[self.live[name]]
        elif kind == "sync":
            self.names, self.pending = dict(self.live), []
        else:
            change = self._change(call)
            change(self.live)
            self.pending.append(change)

    def _change(self, call: tuple) -> Change:
        if call[0] == "remove":
            return lambda names: names.pop(call[1], None)
        if call[0] == "rename":
            number = self.live[call[1]]
            return lambda names: (names.pop(call[1], None), names.update({call[2]: number}))
        self.cached.append(b"")
        self.synced.append(b"")
        number = len(self.synced) - 1
        return lambda names: names.update({call[1]: number})

    def states(self) -> Iterator[dict[str, bytes]]:
        """Every folder that may be found when the power comes back."""
        for chosen in itertools.product((True, False), repeat=len(self.pending)):
            names = dict(self.names)
            for change, happened in zip(self.pending, chosen, strict=True):
                if happened:
                    change(names)
            for share in (0.0, 0.5, 1.0):
                yield {name: self._surviving(number, share) for name, number in names.items()}

    def _surviving(self, number: int, share: float) -> bytes:
        sure, more = len(self.synced[number]), len(self.cached[number])
        return self.cached[number][: sure + int(share * (more - sure))]


def replay(folder: Path, act: Callable[[], None], monkeypatch) -> Iterator[Path]:
    """The folder in every state that `act` may leave behind, each in turn."""
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    recorder = Recorder()
    monkeypatch.setattr(files, "os", recorder)
    act()
    monkeypatch.undo()
    assert len(recorder.calls) > 5
    place = folder.with_name("replayed")
    place.mkdir(exist_ok=True)
    for count in range(len(recorder.calls) + 1):
        disk = Disk({name: number for number, name in enumerate(before)}, list(before.values()))
        for call in recorder.calls[:count]:
            disk.do(call)
        for state in disk.states():
            for path in place.iterdir():
                path.unlink()
            for name, data in state.items():
                (place / name).write_bytes(data)
            yield place


def state(number: int) -> dict:
    weights = OrderedDict(w=torch.full((300,), float(number)))
    return {"state_dict": weights, "optimizer": {}, "step": number, "format": 2}


def newest_step(folder: Path) -> int:
    found = [content for _, content in read_newest(list_checkpoints(folder, "epoch", ".pt"))
             if not isinstance(content, CheckpointError)]
    return found[0]["step"] if found else -1


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


@pytest.mark.parametrize("name", ["epoch_001.pt", "epoch_000.pt"], ids=["new file", "same file again"])
def test_a_state_is_the_old_or_the_new_one(folder, monkeypatch, name):
    write_checkpoint(folder / "epoch_000.pt", state(0))
    places = replay(folder, lambda: write_checkpoint(folder / name, state(1)), monkeypatch)
    steps = [newest_step(place) for place in places]
    assert set(steps) == {0, 1} and steps[0] == 0 and set(steps[-3:]) == {1}


@pytest.mark.parametrize("with_old", [True, False])
def test_weights_are_the_old_or_the_new_ones_and_their_checksum_is_never_that_of_others(folder, monkeypatch, with_old):
    path, seen, summed = folder / "trained_model.pt", [], []
    if with_old:
        write_weights(path, OrderedDict(w=torch.zeros(300)))
    for place in replay(folder, lambda: write_weights(path, OrderedDict(w=torch.ones(300))), monkeypatch):
        weights, beside = place / path.name, checksum_path(place / path.name)
        seen.append(read_checkpoint(weights)["w"][0].item() if weights.exists() else None)
        summed.append(beside.exists())
        if beside.exists():
            assert beside.read_text() == f"{hashlib.sha256(weights.read_bytes()).hexdigest()}  {path.name}\n"
    assert set(seen) == {0.0 if with_old else None, 1.0}
    assert summed[0] is with_old and summed[-1] and False in summed  # it is gone for a moment


def test_removing_older_states_leaves_the_newest_two_and_the_best_one(folder, monkeypatch):
    for number in range(6):
        write_checkpoint(folder / f"epoch_{number:03d}.pt", state(number))

    def save() -> None:
        write_checkpoint(folder / "epoch_006.pt", state(6))
        remove_older(folder / "epoch_006.pt", ("epoch", ".pt"), 2, best_epoch=1)

    for place in replay(folder, save, monkeypatch):
        numbers = {path.name for path in list_checkpoints(place, "epoch", ".pt")}
        assert {"epoch_001.pt", "epoch_005.pt"} <= numbers
        assert newest_step(place) in (5, 6)
        if len(numbers) < 6:  # nothing is removed before the new one is safe
            assert newest_step(place) == 6
    assert {path.name for path in folder.iterdir()} == {"epoch_001.pt", "epoch_005.pt", "epoch_006.pt"}


def test_no_state_is_ahead_of_the_best_weights(folder, monkeypatch):
    """A run that goes on from a state would never write the best weights of an epoch before it again."""
    path, saver = folder / "trained_model.pt", Saver()

    def save(number: int) -> None:
        weights = OrderedDict(w=torch.full((300,), float(number)))
        saver.save(lambda: write_checkpoint(folder / f"epoch_{number:03d}.pt", state(number)), {path: weights})

    save(0)
    for place in replay(folder, lambda: save(1), monkeypatch):
        assert read_checkpoint(place / path.name)["w"][0].item() >= newest_step(place)


def test_a_save_that_forgets_to_sync_would_be_found(folder, monkeypatch):
    """The replay itself is worth something."""
    write_checkpoint(folder / "epoch_000.pt", state(0))
    monkeypatch.setattr(Recorder, "fsync", lambda self, handle: None)
    steps = {newest_step(place) for place in replay(
        folder, lambda: write_checkpoint(folder / "epoch_000.pt", state(1)), monkeypatch)}
    assert -1 in steps
