"""A run whose disk is full, whose clock asks for saves, or whose checkpoint was damaged on its way to the wrapper."""
import os
import resource
import signal
import subprocess
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from training_tools import CPU, Bench, Tiny, at_call, is_same, load_data, make_args, same_state, weights

from core_scripts.checkpoint.choosing import checkpoint_to_train_from
from core_scripts.checkpoint.store import checksum_path, list_checkpoints, read_checkpoint
from core_scripts.errors import EXIT_DISK_FULL, CheckpointError, SaveError
from core_scripts.nn_manager.nn_manager import f_convert_epoch_to_trained, f_inference_wrapper


@pytest.fixture
def small_disk(streams, tmp_path) -> Iterator[Bench]:
    """Runs on a file system of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("a small file system can be mounted by root only")
    yield Bench(streams, place)
    subprocess.run(["umount", str(place)], check=True)


def fill(bench: Bench) -> None:
    """Leave no byte free; a second call frees it all again."""
    filler = bench.runs / "filler"
    if filler.exists():
        filler.unlink()
        return
    with pytest.raises(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(512))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("best_fails", [False, True])
def test_a_disk_that_is_full_for_an_epoch_costs_its_file_and_nothing_else(small_disk, bench, capsys, best_fails):
    """Validation is best after epoch 1 (checked below): its weights are kept until there is room for them."""
    first = 5 if best_fails else 9  # of four steps per epoch
    bench.train("whole", epochs=4)

    class Filling(Tiny):
        calls = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if not self.flag_validation:
                Filling.calls += 1
                if Filling.calls in (first, first + 4):
                    fill(small_disk)
            return super().forward(x)

    small_disk.train("run", Filling, epochs=4)
    told = capsys.readouterr()
    assert "NOT SAVED (1 of 3" in told.err and "disk full: " in told.err and "Training finished" in told.out
    lost = 1 if best_fails else 2
    assert [path.name for path in list_checkpoints(small_disk.runs / "run", "epoch", ".pt")] == [
        f"epoch_{number:03d}.pt" for number in (3, 2, 1, 0) if number != lost]
    assert same_state(small_disk.state("run/epoch_003.pt"), bench.state("whole/epoch_003.pt"))
    best = bench.state("whole/epoch_001.pt")["state_dict"]
    assert is_same(bench.state("whole/trained_model.pt"), best)
    assert is_same(small_disk.state("run/trained_model.pt"), best)
    assert (small_disk.runs / "run/metrics.csv").read_text().count("\n") == 5


def test_a_disk_that_stays_full_ends_the_run_at_the_third_failure_with_exit_code_6(small_disk, monkeypatch):
    monkeypatch.setattr("core_scripts.checkpoint.saver._APART_SECONDS", 0.0)
    acting = at_call(5, lambda: fill(small_disk))
    with pytest.raises(SaveError, match=r"disk full: .* needs 0\.0 MB, 0\.0 MB are free; free space") as ended:
        small_disk.train("run", acting, epochs=9)
    assert ended.value.exit_code == EXIT_DISK_FULL == 6
    assert acting.calls == 4 * 4  # epochs 1, 2 and 3 were not saved
    left = names(small_disk.runs / "run")
    assert left == ["epoch_000.pt", "metrics.csv", "trained_model.pt", "trained_model.pt.sha256"]
    assert read_checkpoint(small_disk.runs / "run/epoch_000.pt")["step"] == 4
    fill(small_disk)
    small_disk.train("run", epochs=2, checkpoint="run/epoch_000.pt")
    assert read_checkpoint(small_disk.runs / "run/epoch_001.pt")["step"] == 8


@pytest.mark.parametrize("by_signal", [False, True])
def test_the_last_save_may_not_fail(small_disk, capsys, by_signal):
    def act() -> None:
        fill(small_disk)
        if by_signal:
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(SaveError, match="disk full: ") as ended:
        small_disk.train("run", at_call(6, act), epochs=9 if by_signal else 2)
    assert ended.value.exit_code == EXIT_DISK_FULL
    assert "Training finished" not in capsys.readouterr().out


def test_a_write_that_fails_for_another_reason_ends_with_exit_code_1(bench):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(SaveError, match=r"cannot write .*trained_model\.pt \(File too large\)") as ended:
            bench.train("run", at_call(5, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))), epochs=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert ended.value.exit_code == 1
    assert read_checkpoint(bench.runs / "run/epoch_000.pt")["step"] == 4
    assert not [name for name in names(bench.runs / "run") if name.endswith(".tmp")]


def test_saves_by_the_clock_fall_between_optimizer_steps_and_change_nothing(bench):
    options = {"epochs": 2, "size_accumulate_grad": 3}
    bench.train("never", **options)
    bench.train("always", save_every_minutes=1e-9, **options)
    bench.train("seldom", save_every_minutes=60.0, **options)
    within = [path for path in list_checkpoints(bench.runs / "always", "epoch", ".pt") if path.stem.count("_") == 2]
    assert [path.name for path in within] == ["epoch_001_00000004.pt", "epoch_001_00000003.pt",
                                              "epoch_000_00000002.pt", "epoch_000_00000001.pt"]
    assert [read_checkpoint(path)["position"]["samples"] for path in within] == [7, 6, 7, 6]  # at the end of groups
    assert names(bench.runs / "seldom") == names(bench.runs / "never")
    for name in ("always", "seldom"):
        assert same_state(bench.state(f"{name}/epoch_001.pt"), bench.state("never/epoch_001.pt"))


def test_what_a_killed_process_left_is_mended_when_the_run_goes_on(bench, capsys):
    bench.train("run", epochs=1)
    folder = bench.runs / "run"
    child = subprocess.Popen(["true"])
    child.wait()
    line = checksum_path(folder / "trained_model.pt").read_bytes()
    checksum_path(folder / "trained_model.pt").unlink()
    for number in range(3):
        (folder / f".{child.pid}-{number:08x}.tmp").touch()
    bench.train("run", epochs=1, checkpoint="run/epoch_000.pt")
    assert names(folder) == ["epoch_000.pt", "metrics.csv", "trained_model.pt", "trained_model.pt.sha256"]
    assert checksum_path(folder / "trained_model.pt").read_bytes() == line
    assert capsys.readouterr().err.count("which a killed process left") == 3


@pytest.mark.parametrize("place", ["weights", "optimizer", "position", "configuration"])
def test_one_flipped_bit_anywhere_sends_the_run_back_to_the_state_before_and_it_ends_alike(bench, capsys, place):
    bench.train("whole", config_text="lr: 0.05")
    bench.train("run", epochs=2, config_text="lr: 0.05")
    path = bench.runs / "run/epoch_001.pt"
    state = bench.state("run/epoch_001.pt")
    moments = list(state["optimizer"]["state"].values())
    flip_bit(path, {
        "weights": state["state_dict"]["back.weight"].numpy().tobytes(),
        "optimizer": moments[0]["exp_avg"].numpy().tobytes(),
        "position": b"fingerprint",
        "configuration": b"lr: 0.05",
    }[place])
    torch.load(path)  # says nothing
    args = make_args(bench.runs / "run", trained_model="", init_from="")
    bench.train("run", checkpoint=checkpoint_to_train_from(args).content, seed=99)
    told = capsys.readouterr()
    assert "epoch_001.pt is damaged" in told.err and "Continuing from" in told.out and "epoch_000.pt" in told.out
    assert same_state(bench.state("run/epoch_002.pt"), bench.state("whole/epoch_002.pt"))
    assert is_same(bench.state("run/trained_model.pt"), bench.state("whole/trained_model.pt"))


def flip_bit(path: Path, where: bytes) -> None:
    """The lowest bit of the last byte of a place in the file."""
    data = bytearray(path.read_bytes())
    assert data.count(where) == 1
    data[data.index(where) + len(where) - 1] ^= 1
    path.write_bytes(data)


def damaged(path: Path) -> dict:
    """As upstream's main.py loads it, after a bit of a weight was flipped on the disk."""
    loaded = torch.load(path)
    flip_bit(path, loaded.get("state_dict", loaded)["back.weight"].numpy().tobytes())
    return torch.load(path)


@pytest.mark.parametrize("name", ["epoch_000.pt", "trained_model.pt"])
def test_damage_in_a_checkpoint_that_upstreams_main_loaded_is_found_by_the_wrappers(bench, name):
    bench.train("run", epochs=1)
    path = bench.runs / "run" / name
    content, told = damaged(path), f"{name} is damaged: what it holds is not what was written"
    with pytest.raises(CheckpointError, match=told):
        bench.train("again", epochs=2, checkpoint=content, trained_model=str(path))
    model = Tiny()
    before = weights(model)
    out = str(bench.runs / "out")
    args = Namespace(save_model_dir=out, output_dir=out, trained_model=str(path))
    for wrapper in (lambda: f_inference_wrapper(args, model, CPU, load_data(bench.data, ("x",)), content),
                    lambda: f_convert_epoch_to_trained(args, model, CPU, content)):
        with pytest.raises(CheckpointError, match=told):
            wrapper()
    assert is_same(weights(model), before)
