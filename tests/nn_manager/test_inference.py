"""Generation to files: which utterances, in which pieces, at which scale; and the conversion of checkpoints."""
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn
from training_tools import CPU, FRAMES, TRAINING, Tiny, is_same, load_data, make_args, weights

from core_scripts.checkpoint.store import read_checkpoint, write_checkpoint
from core_scripts.data_io.collate import Batch
from core_scripts.errors import CheckpointError, ConfigError, DataError
from core_scripts.generation.segments import generate_in_segments, segment_bounds
from core_scripts.nn_manager.nn_manager import f_convert_epoch_to_trained, f_inference_wrapper
from core_scripts.nn_manager.nn_manager_tools import f_load_pretrained_model_partially

NAMES = TRAINING[:5]


class Pointwise(Tiny):
    """No memory, so pieces give what the whole gives; each frame becomes `rate` samples."""

    rate = 1

    def forward(self, x):
        return super().forward(x).repeat_interleave(self.rate, dim=1)


@pytest.fixture
def generate(bench):
    """Generate NAMES with a model and return what was written, by name."""

    def run(model: nn.Module | None = None, *, targets: bool = False, batch_size: int = 2, **options) -> dict:
        torch.manual_seed(3)
        model = Pointwise() if model is None else model
        args = make_args(bench.runs, output_dir=str(bench.runs / "output"), **options)
        data = load_data(bench.data, NAMES, targets=targets, batch_size=batch_size)
        f_inference_wrapper(args, model, CPU, data, OrderedDict(weights(model)))
        return {path.stem: np.fromfile(path, "<f4") for path in (bench.runs / "output").glob("*.y")}

    return run


def test_every_utterance_is_written_at_its_length_whatever_the_batch(generate):
    one, more = generate(batch_size=1), generate(batch_size=3)
    assert sorted(one) == list(NAMES)
    assert all(len(wave) == FRAMES for wave in one.values())
    assert all(np.allclose(one[name], more[name], atol=1e-6) for name in NAMES)


def test_outputs_come_at_the_scale_of_the_data(generate):
    plain, scaled = Pointwise(), Pointwise()
    scaled.load_state_dict(plain.state_dict())
    nn.init.constant_(scaled.output_std, 3.0)
    nn.init.constant_(scaled.output_mean, 1.0)
    first, second = generate(plain), generate(scaled)
    assert all(np.allclose(3 * first[name] + 1, second[name], atol=1e-5) for name in NAMES)


def test_inference_is_done_in_evaluation_mode_without_gradients(generate):
    seen = []

    class Watching(Pointwise):
        def inference(self, x):
            seen.append((self.training, torch.is_grad_enabled()))
            return self(x)

        def finish_up_inference(self):
            seen.append("end")

    generate(Watching())
    assert seen == [(False, False)] * 3 + ["end"]


def test_an_index_range_counts_minibatches(generate):
    assert sorted(generate(batch_size=2, inference_sample_start_index=1, inference_sample_end_index=2)) == ["c", "d"]


def test_a_list_of_names_chooses_utterances(generate, bench, capsys):
    (bench.runs / "some.lst").write_text("d\na\nq\n")
    assert sorted(generate(inference_data_list=str(bench.runs / "some.lst"))) == ["a", "d"]
    assert "not in the test list: q" in capsys.readouterr().err


def test_a_list_of_other_names_only_is_refused(generate, bench):
    (bench.runs / "some.lst").write_text("aa\nbb\n")
    with pytest.raises(DataError, match="none of the 2 names of --inference-data-list can be generated.*: aa, bb"):
        generate(inference_data_list=str(bench.runs / "some.lst"))


def test_a_list_that_is_not_there_is_refused_by_name(generate, bench):
    with pytest.raises(DataError, match=r"nowhere\.lst"):
        generate(inference_data_list=str(bench.runs / "nowhere.lst"))


def test_a_model_may_decline_an_utterance(generate, capsys):
    class Choosy(Pointwise):
        takes_batch = True

        def inference(self, batch):
            return None if "c" in batch.names else self(batch.inputs)

    assert sorted(generate(Choosy(), batch_size=1)) == ["a", "b", "d", "e"]
    assert "No output saved for 2,c,0,12,0" in capsys.readouterr().err


def test_a_prefix_goes_before_each_name(generate):
    assert sorted(generate(output_filename_prefix="try1_")) == [f"try1_{name}" for name in NAMES]


def test_an_output_of_other_dims_is_refused(generate):
    class Wide(Pointwise):
        def forward(self, x):
            return super().forward(x).expand(-1, -1, 3)

    with pytest.raises(DataError, match=r"has 3 columns, output_dims \[1\] sum to 1"):
        generate(Wide())


def test_weights_of_another_model_are_refused_before_anything_is_written(bench):
    args = make_args(bench.runs, output_dir=str(bench.runs / "output"))
    foreign = OrderedDict(nn.Linear(2, 5).state_dict())
    with pytest.raises(CheckpointError, match=r"(?s)does not fit this model.*front\.weight: in the model only"):
        f_inference_wrapper(args, Tiny(), CPU, load_data(bench.data, NAMES), foreign)
    assert not (bench.runs / "output").exists()


def test_pieces_are_not_for_models_that_take_whole_batches(generate):
    class Whole(Pointwise):
        takes_batch = True

    with pytest.raises(ConfigError, match="--trunc-input-length-for-inference is for models of one pass"):
        generate(Whole(), trunc_input_length_for_inference=4)


@pytest.mark.parametrize(("length", "overlap"), [(5, 2), (3, 0), (4, 3), (11, 5), (1, 5), (7, 40)])
def test_cross_faded_pieces_of_a_model_without_memory_are_the_whole(generate, length, overlap):
    model = Pointwise()
    whole = generate(model)
    pieces = generate(model, trunc_input_length_for_inference=length, trunc_input_overlap=overlap)
    assert all(np.allclose(whole[name], pieces[name], atol=1e-6) for name in NAMES)


def test_pieces_cover_every_frame_and_share_exactly_the_overlap():
    for frames in range(1, 40):
        for length in range(1, 12):
            for overlap in range(min(length, 6)):
                bounds = segment_bounds(frames, length, overlap)
                assert bounds[0][0] == 0 and bounds[-1][1] == frames
                for (_, stop), (start, after) in zip(bounds, bounds[1:], strict=False):
                    assert stop - start == overlap and after > stop
                assert all(stop - start <= length + overlap for start, stop in bounds)
                assert all(stop - start == length for start, stop in bounds[:-1])
    assert segment_bounds(12, 5, 2) == [(0, 5), (3, 8), (6, 12)]


def make_batch(frames: int, rate: int) -> Batch:
    inputs = torch.arange(2.0 * frames).reshape(1, frames, 2)
    targets = torch.arange(1.0 * frames * rate).reshape(1, -1, 1)
    return Batch(inputs, targets, ("0,a,0,1,0",), torch.zeros(1, dtype=torch.int64), torch.tensor([frames * rate]))


def test_targets_are_cut_at_their_own_rate():
    batch = make_batch(10, 3)
    output = generate_in_segments(lambda piece: piece.targets.clone(), batch, 4, 2)
    torch.testing.assert_close(output, batch.targets)


def test_the_cross_fade_rises_linearly_over_the_overlap():
    ones = iter([0.0, 1.0])
    output = generate_in_segments(lambda piece: torch.full_like(piece.targets, next(ones)), make_batch(8, 1), 6, 4)
    assert output.flatten().tolist() == [0.0, 0.0, 0.125, 0.375, 0.625, 0.875, 1.0, 1.0]


def test_outputs_that_cannot_be_joined_are_refused_with_numbers():
    with pytest.raises(ConfigError, match="3 output steps came from 4 input frames"):
        generate_in_segments(lambda piece: piece.inputs[:, 1:], make_batch(10, 1), 4, 2)


def test_a_full_state_is_converted_to_the_trained_model(bench):
    bench.train("run", epochs=2)
    args = make_args(bench.runs / "out")
    f_convert_epoch_to_trained(args, Tiny(), CPU, bench.state("run/epoch_000.pt"))
    converted = read_checkpoint(bench.runs / "out" / "trained_model.pt")
    assert type(converted) is OrderedDict
    assert is_same(converted, bench.state("run/epoch_000.pt")["state_dict"])


def test_parts_are_filled_from_files_of_their_own(tmp_path, capsys):
    front, back = nn.Linear(2, 5), nn.Linear(5, 1)
    write_checkpoint(tmp_path / "front.pt", OrderedDict(front.state_dict(), spare=torch.ones(1)))
    write_checkpoint(tmp_path / "back.pt", {"state_dict": back.state_dict(), "optimizer": {}})
    model = Tiny()
    paths = [str(tmp_path / name) for name in ("front.pt", "back.pt")]
    f_load_pretrained_model_partially(model, paths, ["front", "back."])
    assert torch.equal(model.front.weight, front.weight) and torch.equal(model.back.bias, back.bias)
    assert "2 weights fill 'front', 1 of the file left out" in capsys.readouterr().out


@pytest.mark.parametrize(("prefix", "told"), [
    ("frnt", r"the model has no weight frnt\.NAME for a NAME of it \(weight, bias, \.\.\.\)"),
    ("front", r"front\.weight is \(6, 2\) there, \(5, 2\) here"),
])
def test_a_part_that_does_not_fit_is_told_and_nothing_is_filled(tmp_path, prefix, told):
    write_checkpoint(tmp_path / "part.pt", OrderedDict(nn.Linear(2, 6).state_dict()))
    model = Tiny()
    before = weights(model)
    with pytest.raises(CheckpointError, match=rf"part\.pt cannot fill part '{prefix}' of the model: {told}.*; correct"):
        f_load_pretrained_model_partially(model, str(tmp_path / "part.pt"), prefix)
    assert is_same(weights(model), before)
