"""Options as records."""
from argparse import Namespace
from pathlib import Path

import pytest

from core_scripts.config_parse.arg_parse import parse_command
from core_scripts.config_parse.run_options import CallOptions, InferOptions, OptimizerOptions, SaveOptions, TrainOptions
from core_scripts.errors import DataError

RECORDS = (CallOptions, InferOptions, OptimizerOptions, SaveOptions, TrainOptions)


@pytest.mark.parametrize("record", RECORDS)
def test_a_namespace_that_lacks_options_has_their_defaults(record):
    assert record.from_args(Namespace()) == record.from_args(None) == record.from_args(parse_command([]).args)


def test_values_arrive_where_managers_read_them():
    args = parse_command("--epochs 7 --size-accumulate-grad 2 --l2-penalty 0.1 --save-model-dir d --keep-checkpoints 3 "
                         "--model-forward-with-target --output-dir o --inference-sample-end-index 4".split()).args
    assert (TrainOptions.from_args(args).epochs, TrainOptions.from_args(args).accumulate) == (7, 2)
    assert OptimizerOptions.from_args(args).weight_decay == 0.1
    assert (SaveOptions.from_args(args).directory, SaveOptions.from_args(args).keep_checkpoints) == (Path("d"), 3)
    assert CallOptions.from_args(args) == CallOptions(with_target=True)
    assert (InferOptions.from_args(args).output_dir, InferOptions.from_args(args).end_index) == (Path("o"), 4)


@pytest.mark.parametrize(("words", "caps"), [
    ("", (0, 0)), ("--minibatch-num-train 3", (3, 0)), ("--debug-batch-num 2", (2, 2)),
    ("--debug-batch-num 2 --minibatch-num-val 1", (2, 1)), ("--debug-batch-num 2 --minibatch-num-train 5", (2, 2)),
])
def test_the_smaller_cap_of_minibatches_holds(words, caps):
    options = TrainOptions.from_args(parse_command(words.split()).args)
    assert (options.train_batches, options.val_batches) == caps


def test_overlap_stays_below_the_piece():
    args = parse_command("--trunc-input-length-for-inference 4 --trunc-input-overlap 9".split()).args
    assert InferOptions.from_args(args).segment_overlap == 3


def test_names_to_generate_come_from_a_file(tmp_path):
    (tmp_path / "some.lst").write_text("a\nb\n\n")
    args = Namespace(inference_data_list=str(tmp_path / "some.lst"))
    assert InferOptions.from_args(args).names == {"a", "b"}


def test_a_missing_list_of_names_is_told(tmp_path):
    (tmp_path / "some.lst").write_text("a\n")
    with pytest.raises(DataError, match=r"sme.lst not found; did you mean some.lst\?"):
        InferOptions.from_args(Namespace(inference_data_list=str(tmp_path / "sme.lst")))
