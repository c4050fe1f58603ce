"""A run that fails at every place in turn, in whatever way, ends with the weights of one that was left in peace."""
import pytest
from desk import NET, Desk, copy_recipe

from core_scripts.checkpoint.store import list_checkpoints, read_checkpoint
from core_scripts.fault import PLACES

pytestmark = pytest.mark.slow
SETTINGS = ("train", "truncate_seq=800", "batch_size=1", "epochs=6", "save_model_every_n_minibatches=2", "device=cpu",
            "keep_checkpoints=3", "num_threads=1", *NET)  # 4 steps in each epoch
KILLS = {"step": 3, "stepped": 2, "validation": 1, "epoch": 1, "saving": 2, "written": 3, "renamed": 2, "pruning": 1,
         "loading": 1, "finished": 1}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, noise) -> Desk:
    desk = Desk(copy_recipe(tmp_path_factory.mktemp("undisturbed") / "01-wavenet-vocoder"), noise)
    assert desk.start(*SETTINGS, f"data={noise}").code == 0
    return desk


@pytest.fixture
def disturbed(tmp_path, undisturbed) -> Desk:
    return Desk(copy_recipe(tmp_path / "01-wavenet-vocoder"), undisturbed.data)


def weights(desk: Desk) -> list[dict]:
    """Of the last epoch, and the best ones."""
    folder = desk.folder / "exp/base"
    last = list_checkpoints(folder, "epoch", ".pt")[0]
    assert last.name == "epoch_005.pt"
    return [read_checkpoint(last)["state_dict"], dict(read_checkpoint(folder / "trained_model.pt"))]


def is_same(one: list[dict], other: list[dict]) -> bool:
    return all(mine.keys() == theirs.keys() and all((mine[key] == theirs[key]).all() for key in mine)
               for mine, theirs in zip(one, other, strict=True))


def test_kill_9_at_every_place_one_after_the_other(disturbed, undisturbed):
    assert KILLS.keys() == PLACES.keys()
    for number, (place, times) in enumerate(KILLS.items()):
        words = (f"data={disturbed.data}", "--num-workers", str(number % 3))
        if place == "loading":  # of a run that has not begun nothing is loaded
            assert list_checkpoints(disturbed.folder / "exp/base", "epoch", ".pt")
        answer = disturbed.start(*SETTINGS, *words, fault=f"{place}:{times}")
        assert answer.code == -9, f"{place}: {answer.err}"
    answer = disturbed.start(*SETTINGS, f"data={disturbed.data}")
    assert answer.code == 0 and "Nothing is left to train" in answer.out
    assert is_same(weights(disturbed), weights(undisturbed))
    assert not list((disturbed.folder / "exp/base").glob(".*.tmp"))


def test_signals_to_one_process_and_to_the_whole_group_one_after_the_other(disturbed, undisturbed):
    for number, (plan, code) in enumerate([("step:2:int", 130), ("stepped:1:term", 75), ("step:1:usr1", 75),
                                           ("step:3:group", 75), ("validation:1:group", 75), ("epoch:1:int", 130)]):
        words = (f"data={disturbed.data}", "--num-workers", str(number % 3))
        answer = disturbed.start(*SETTINGS, *words, fault=plan)
        assert answer.code == code and "Traceback" not in answer.err, f"{plan}: {answer.err}"
        assert answer.err.count("stopped at epoch") == 1
    assert disturbed.start(*SETTINGS, f"data={disturbed.data}").code == 0
    assert is_same(weights(disturbed), weights(undisturbed))


@pytest.mark.parametrize("spoil", ["flip", "cut", "zeros", "foreign"])
def test_a_damaged_newest_state_sends_the_run_back_one_and_it_ends_alike(disturbed, undisturbed, spoil):
    assert disturbed.start(*SETTINGS, f"data={disturbed.data}", fault="epoch:3").code == -9
    newest = list_checkpoints(disturbed.folder / "exp/base", "epoch", ".pt")[0]
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 16
    spoilt = {"flip": content, "cut": content[: len(content) // 3], "zeros": bytes(len(content)), "foreign": b"hello"}
    newest.write_bytes(spoilt[spoil])
    answer = disturbed.start(*SETTINGS, f"data={disturbed.data}")
    assert answer.code == 0, answer.err
    assert f"{newest.name} is damaged" in answer.err
    assert is_same(weights(disturbed), weights(undisturbed))


def test_if_every_state_is_damaged_the_run_stops_and_nothing_is_deleted(disturbed):
    assert disturbed.start(*SETTINGS, f"data={disturbed.data}", fault="epoch:2").code == -9
    states = list_checkpoints(disturbed.folder / "exp/base", "epoch", ".pt")
    for path in states:
        path.write_bytes(path.read_bytes()[:100])
    answer = disturbed.start(*SETTINGS, f"data={disturbed.data}")
    assert answer.code == 4 and "is valid; --fresh starts over" in answer.err
    assert list_checkpoints(disturbed.folder / "exp/base", "epoch", ".pt") == states


def test_a_full_disk_within_training_leaves_the_state_before_and_the_run_goes_on_from_it(disturbed, undisturbed):
    answer = disturbed.start(*SETTINGS, f"data={disturbed.data}", fault="saving:3:full")
    assert answer.code == 0 and "NOT SAVED (1 of 3" in answer.err, answer.err
    assert is_same(weights(disturbed), weights(undisturbed))
