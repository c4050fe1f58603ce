"""Choosing what to generate, in pieces or whole, under which name."""
import numpy as np
import pytest
import torch
from contract_tools import FRAMES, HOP, OTHERS, TEST, generated

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finished(first_training, tmp_path_factory):
    """A trained recipe shared by this module, whose output/ holds the whole test set."""
    recipe = first_training[0].copy(tmp_path_factory.mktemp("inference"))
    recipe.run("--inference")
    return recipe


def test_pieces_have_the_exact_length_and_sound_as_the_whole(finished):
    finished.run("--inference", "--output-dir", "pieces", "--trunc-input-length-for-inference", "10",
                 "--trunc-input-overlap", "5")
    whole, pieces = generated(finished.folder / "output"), generated(finished.folder / "pieces")
    assert list(whole) == list(pieces)
    for name in whole:
        assert len(whole[name]) == len(pieces[name])
        assert np.abs(whole[name] - pieces[name]).max() <= 2


def test_data_list_and_prefix_name_the_files(finished):
    (finished.folder / "some.lst").write_text(f"{TEST[2]}\n{TEST[0]}\n")
    finished.run("--inference", "--output-dir", "listed", "--inference-data-list", "some.lst",
                 "--output-filename-prefix", "new_", "--trained-model", "epoch_001.pt")
    assert set(generated(finished.folder / "listed")) == {f"new_{TEST[0]}.wav", f"new_{TEST[2]}.wav"}


def test_unknown_name_and_missing_file_of_a_data_list_are_told(finished):
    (finished.folder / "typo.lst").write_text(f"{TEST[0]}\nutt_77\n")
    run = finished.start("--inference", "--output-dir", "typo", "--inference-data-list", "typo.lst")
    assert "utt_77" in run.err and "Traceback" not in run.err
    run = finished.start("--inference", "--output-dir", "typo", "--inference-data-list", "nowhere.lst")
    assert run.code == 2 and "nowhere.lst" in run.err and "Traceback" not in run.err


def test_start_and_end_index_are_a_half_open_range(finished):
    finished.run("--inference", "--output-dir", "middle", "--inference-sample-start-index", "1",
                 "--inference-sample-end-index", "2")
    assert set(generated(finished.folder / "middle")) == {f"{TEST[1]}.wav"}


def test_batched_generation_equals_one_by_one_and_honours_the_list(finished):
    (finished.folder / "last.lst").write_text(f"{TEST[1]}\n{TEST[2]}\n")
    finished.run("--inference", "--output-dir", "batched", "--batch-size", "3", "--num-workers", "2",
                 "--inference-data-list", "last.lst")
    whole, batched = generated(finished.folder / "output"), generated(finished.folder / "batched")
    assert set(batched) == {f"{TEST[1]}.wav", f"{TEST[2]}.wav"}
    for name in batched:
        assert len(batched[name]) == len(whole[name])
        assert np.abs(whole[name] - batched[name]).max() <= 1


def test_two_corpora_are_generated_one_batch_of_each(finished):
    finished.run("--inference", "--output-dir", "merged", "--module-config", "config_two_corpora",
                 "--way-to-merge-datasets", "batch_merge")
    waves = generated(finished.folder / "merged")
    assert f"{TEST[0]}.wav" in waves and "other_0.wav" in waves
    assert len(waves["other_0.wav"]) == OTHERS["other_0"] * HOP
    assert len(waves[f"{TEST[0]}.wav"]) == FRAMES[TEST[0]] * HOP


def test_output_is_split_by_dims_and_written_by_extension(finished):
    zeros = {"front.weight": (8, 5), "front.bias": (8,), "modulation.weight": (220, 8), "modulation.bias": (220,),
             "input_mean": (5,), "input_std": (5,), "output_mean": (11,), "output_std": (11,)}
    state = {key: torch.ones(shape) if key.endswith("std") else torch.zeros(shape) for key, shape in zeros.items()}
    torch.save(type(torch.nn.Linear(1, 1).state_dict())(state), finished.folder / "ramp.pt")
    finished.run("--inference", "--output-dir", "features", "--trained-model", "ramp.pt",
                 "--module-model", "model_features", "--module-config", "config_features")
    assert len(list((finished.folder / "features").iterdir())) == 2 * len(TEST)
    for name in TEST:
        ramp = np.arange(FRAMES[name], dtype="<f4")[:, None] / 1000 + np.arange(11)
        mel = np.fromfile(finished.folder / "features" / f"{name}.mel", "<f4").reshape(-1, 10)
        f0 = np.fromfile(finished.folder / "features" / f"{name}.f0", "<f4").reshape(-1, 1)
        np.testing.assert_allclose(np.concatenate([mel, f0], axis=1), ramp, rtol=1e-6)


def test_weights_that_do_not_fit_are_refused_without_output(finished):
    run = finished.start("--inference", "--output-dir", "misfit", "--module-config", "config_features")
    assert run.code in (2, 4)
    assert "Traceback" not in run.err
    assert "modulation" in run.err
    assert not list((finished.folder / "misfit").glob("*"))
