"""The forms in which upstream's managers call a model, and every optional hook."""
import pytest
import torch
from contract_tools import FRAMES, HOP, TEST, generated

pytestmark = pytest.mark.slow
CALLS = ("--module-model", "model_calls")
SHORT = ("--epochs", "1", "--debug-batch-num", "2")


@pytest.fixture(scope="module")
def caller(first_training, tmp_path_factory):
    """A trained recipe shared by this module."""
    return first_training[0].copy(tmp_path_factory.mktemp("calls"))


def fresh(recipe, *options):
    """Run with an empty calls.jsonl, and what was noted there."""
    (recipe.folder / "calls.jsonl").unlink(missing_ok=True)
    return recipe.run(*options).calls()


@pytest.mark.parametrize(("flags", "kinds"), [
    (["--model-forward-with-target"], ["target"]),
    (["--model-forward-with-target", "--model-forward-with-file-name", "--batch-size", "3"], ["target", "info"]),
    (["--model-forward-with-file-name", "--eval-mode-for-validation"], ["info"]),
])
def test_forward_gets_target_and_file_information_in_order(plain, flags, kinds):
    calls = fresh(plain, *CALLS, *SHORT, *flags)
    validation_mode = "--eval-mode-for-validation" not in flags
    assert calls == [["forward", kinds, True]] * 2 + [["forward", kinds, validation_mode]] * 2


def test_inference_method_goes_before_forward_and_gets_the_same_extras(caller):
    assert fresh(caller, *CALLS, "--inference") == [["inference", [], False]] * 3
    assert fresh(caller, *CALLS, "--inference", "--model-forward-with-file-name") == [
        ["inference", ["info"], False]] * 3


def test_target_is_cut_at_its_own_rate_when_generating_in_pieces(caller):
    calls = fresh(caller, *CALLS, "--inference", "--model-forward-with-target", "--module-config",
                  "config_test_target", "--output-dir", "cut", "--trunc-input-length-for-inference", "10")
    assert len(calls) > 3 and all(call == ["inference", ["target"], False] for call in calls)
    lengths = {name: len(wave) for name, wave in generated(caller.folder / "cut").items()}
    assert lengths == {f"{name}.wav": FRAMES[name] * HOP for name in TEST}


def test_only_flagged_losses_choose_the_best_epoch(plain):
    run = plain.run("--module-model", "model_two_losses", "--epochs", "3", "--debug-batch-num", "2")
    assert [row.best for row in run.rows] == [True, False, False]
    assert all(len(row.train) == len(row.val) == 2 for row in run.rows)
    assert [row.train[0] for row in run.rows] == [1.25] * 3
    assert run.rows[0].train[1] > run.rows[1].train[1] > run.rows[2].train[1]


def test_hooks_of_the_model_are_called_in_their_order(plain):
    torch.save(torch.nn.Linear(5, 8).state_dict(), plain.folder / "front.pt")
    front = torch.load(plain.folder / "front.pt")["weight"].flatten()[0].item()
    calls = fresh(plain, "--module-model", "model_hooks", "--epochs", "2", "--debug-batch-num", "1")
    assert calls[:2] == [["other_setups"], ["front", pytest.approx(front)]]
    assert ["Loss.compute"] not in calls
    assert calls[2:] == [
        ["epoch", 0, False, False, True], ["loss", True], ["epoch", 0, True, True, True], ["loss", True],
        ["epoch", 1, False, False, True], ["loss", True], ["epoch", 1, True, True, True], ["loss", True]]


def test_no_result_writes_no_file_and_the_last_hook_is_called(caller):
    (caller.folder / "calls.jsonl").unlink(missing_ok=True)
    run = caller.run("--module-model", "model_hooks", "--inference", "--output-dir", "some")
    assert run.calls() == [["inference", False, False]] * 3 + [["finish_up_inference"]]
    assert set(generated(caller.folder / "some")) == {f"{TEST[0]}.wav", f"{TEST[2]}.wav"}
    assert "No output saved" in run.out + run.err


def test_no_result_for_a_piece_writes_no_file_either(caller):
    (caller.folder / "calls.jsonl").unlink(missing_ok=True)
    run = caller.run("--module-model", "model_hooks", "--inference", "--output-dir", "pieces",
                     "--trunc-input-length-for-inference", "20")
    assert run.calls()[-1] == ["finish_up_inference"]
    assert set(generated(caller.folder / "pieces")) == {f"{TEST[1]}.wav", f"{TEST[2]}.wav"}
