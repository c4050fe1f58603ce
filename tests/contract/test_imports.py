"""Every import line of an upstream main.py or model.py resolves, and what it imports takes its arguments in order."""
import importlib
import inspect
import random

import numpy as np
import pytest
import torch

LINES = """
import core_scripts.other_tools.display as nii_warn
import core_scripts.other_tools.debug as nii_debug
import core_scripts.other_tools.list_tools as nii_list_tool
import core_scripts.data_io.default_data_io as nii_default_dset
import core_scripts.data_io.customize_dataset as nii_dset
import core_scripts.data_io.conf as nii_dconf
import core_scripts.data_io.dsp_tools as nii_dsp
import core_scripts.data_io.io_tools as nii_io
import core_scripts.data_io.wav_tools as nii_wav_tools
import core_scripts.config_parse.config_parse as nii_config_parse
import core_scripts.config_parse.arg_parse as nii_arg_parse
import core_scripts.op_manager.op_manager as nii_op_wrapper
import core_scripts.op_manager.op_process_monitor as nii_monitor
import core_scripts.op_manager.lr_scheduler as nii_lr_scheduler
import core_scripts.nn_manager.nn_manager as nii_nn_wrapper
import core_scripts.nn_manager.nn_manager_tools as nii_nn_tools
import core_scripts.nn_manager.nn_manager_GAN as nii_nn_wrapper_GAN
import core_scripts.startup_config as nii_startup
from core_scripts.data_io.dsp_tools import Melspec
from core_scripts.data_io.wav_tools import silence_handler_wrapper
from core_scripts.data_io.conf import d_dtype
""".strip().splitlines()

STREAM = "exts dims reso norm".split()
MERGED = ["dataset_name", "list_file_list", "list_input_dirs", *(f"input_{word}" for word in STREAM),
          "list_output_dirs", *(f"output_{word}" for word in STREAM), "stats_path"]
DATA_OPTIONS = ["truncate_seq", "min_seq_len", "save_mean_std", "wav_samp_rate", "flag_lang"]
HOOKS = ["global_arg", "dset_config", "input_augment_funcs", "output_augment_funcs", "inoutput_augment_func",
         "output_invtrans_funcs"]

SIGNATURES = {
    "config_parse.arg_parse:f_args_parsed": ["argument_input"],
    "config_parse.config_parse:ConfigParse.f_retrieve": ["self", "keyword", "section_name", "config_type"],
    "other_tools.display:f_print_w_date": ["message", "level"],
    "other_tools.display:f_print": ["message", "opt", "end", "flush"],
    "other_tools.display:f_print_message": ["message", "flush", "end"],
    "other_tools.display:f_die": ["message"],
    "other_tools.list_tools:read_list_from_text": ["filename", "f_chop"],
    "startup_config:set_random_seed": ["random_seed", "args"],
    "data_io.customize_dataset:NII_MergeDataSetLoader":
        [*MERGED, "data_format", "params", *DATA_OPTIONS, "way_to_merge", *HOOKS],
    "op_manager.op_manager:OptimizerWrapper": ["model", "args"],
    "nn_manager.nn_manager:f_train_wrapper": ["args", "pt_model", "loss_wrapper", "device", "optimizer_wrapper",
                                              "train_dataset_wrapper", "val_dataset_wrapper", "checkpoint"],
    "nn_manager.nn_manager:f_inference_wrapper":
        ["args", "pt_model", "device", "test_dataset_wrapper", "checkpoint"],
    "nn_manager.nn_manager:f_convert_epoch_to_trained": ["args", "pt_model", "device", "checkpoint"],
    "nn_manager.nn_manager_GAN:f_train_wrapper_GAN": [
        "args", "pt_model_G", "pt_model_D", "loss_wrapper", "device", "optimizer_G_wrapper", "optimizer_D_wrapper",
        "train_dataset_wrapper", "val_dataset_wrapper", "checkpoint_G", "checkpoint_D"],
}

DEFAULTS = {
    "config_parse.arg_parse:f_args_parsed": {"argument_input": None},
    "other_tools.display:f_print": {"opt": "ok", "end": "\n", "flush": False},
    "startup_config:set_random_seed": {"args": None},
    "data_io.customize_dataset:NII_MergeDataSetLoader": {
        "data_format": "<f4", "params": None, "truncate_seq": None, "min_seq_len": None, "save_mean_std": True,
        "wav_samp_rate": None, "flag_lang": "EN", "way_to_merge": "concatenate", **dict.fromkeys(HOOKS)},
    "nn_manager.nn_manager:f_train_wrapper": {"val_dataset_wrapper": None, "checkpoint": None},
    "nn_manager.nn_manager_GAN:f_train_wrapper_GAN":
        {"val_dataset_wrapper": None, "checkpoint_G": None, "checkpoint_D": None},
}

METHODS = {
    "data_io.customize_dataset:NII_MergeDataSetLoader":
        "get_in_dim get_out_dim get_data_mean_std get_loader get_dataset get_loader_params print_info putitem "
        "get_seq_num get_seq_info get_seq_name_list get_seq_idx_from_name update_seq_len_in_sampler_sub "
        "update_seq_len_in_sampler manage_data add_dataset",
    "op_manager.op_manager:OptimizerWrapper": "print_info get_epoch_num get_no_best_epoch_num get_lr_info",
    "nn_manager.nn_manager": "f_run_one_epoch",
    "nn_manager.nn_manager_tools": "f_load_pretrained_model_partially",
    "other_tools.display": "f_eprint",
    "config_parse.arg_parse": "overwrite_args",
}


def resolve(path: str):
    """`package.module:name.name` under core_scripts."""
    module, _, names = path.partition(":")
    found = importlib.import_module(f"core_scripts.{module}")
    for name in filter(None, names.split(".")):
        found = getattr(found, name)
    return found


@pytest.mark.parametrize("line", LINES)
def test_import_line_resolves(line):
    exec(line, {})


@pytest.mark.parametrize("path", SIGNATURES)
def test_arguments_stand_in_upstreams_order(path):
    parameters = list(inspect.signature(resolve(path)).parameters)
    assert parameters[: len(SIGNATURES[path])] == SIGNATURES[path]


@pytest.mark.parametrize("path", DEFAULTS)
def test_defaults_are_upstreams(path):
    parameters = inspect.signature(resolve(path)).parameters
    assert {name: parameters[name].default for name in DEFAULTS[path]} == DEFAULTS[path]


@pytest.mark.parametrize("path", METHODS)
def test_named_methods_exist(path):
    missing = [name for name in METHODS[path].split() if not callable(getattr(resolve(path), name, None))]
    assert not missing


def test_single_corpus_classes_take_the_same_thirteen_positional_arguments():
    for name, extra in (("NIIDataSet", []), ("NIIDataSetLoader", ["params"])):
        parameters = inspect.signature(resolve(f"data_io.default_data_io:{name}")).parameters
        required = [p.name for p in parameters.values() if p.default is inspect.Parameter.empty]
        assert len(required) == 13
        assert list(parameters)[13:] == ["data_format", *extra, *DATA_OPTIONS, *HOOKS]


def test_seeding_makes_all_three_generators_repeat(monkeypatch):
    seed = resolve("startup_config:set_random_seed")
    draws = []
    for _ in range(2):
        seed(7)
        draws.append((torch.rand(1).item(), random.random(), float(np.random.rand())))
    assert draws[0] == draws[1]


def test_list_reader_keeps_blank_lines_and_spaces(tmp_path):
    (tmp_path / "a.lst").write_bytes(b"one\r\n two \n\nfour\n")
    read = resolve("other_tools.list_tools:read_list_from_text")
    assert read(str(tmp_path / "a.lst")) == ["one", " two ", "", "four"]


def test_ini_values_come_in_the_type_asked_for(tmp_path):
    (tmp_path / "a.ini").write_text("[DEFAULT]\nn = 3\n[b]\nrate = 0.5\nuse = true\nword = x y\n")
    retrieve = resolve("config_parse.config_parse:ConfigParse")(str(tmp_path / "a.ini")).f_retrieve
    assert retrieve("rate", "b", "float") == 0.5
    assert retrieve("use", "b", "bool") is True
    assert retrieve("word", "b") == "x y"


def test_fatal_message_goes_to_stderr_and_ends_without_traceback(capsys):
    with pytest.raises(SystemExit) as error:
        resolve("other_tools.display:f_die")("the disk is gone")
    captured = capsys.readouterr()
    assert error.value.code not in (None, 0)
    assert "the disk is gone" in captured.err + str(error.value.code)
    assert "the disk is gone" not in captured.out
