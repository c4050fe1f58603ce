"""The command line: upstream's flags with their defaults, its abbreviations, and clear refusals."""
import sys

import pytest

from core_scripts.config_parse.arg_parse import f_args_parsed, overwrite_args

FLAGS = {  # every flag of upstream with its default; a bare "--x" flag flips its bool
    "module_model": "model", "module_config": "config", "module_model_aux": "", "module_dataset": "datasets",
    "batch_size": 1, "size_accumulate_grad": 1, "epochs": 50, "no_best_epochs": 5,
    "force_save_lite_trained_network_per_epoch": False, "sampler": "None", "lr": 1e-4, "lr_decay_factor": -1.0,
    "lr_scheduler_type": 0, "lr_patience": 5, "lr_steplr_size": 5, "l2_penalty": -1.0, "grad_clip_norm": -1.0,
    "optimizer": "Adam", "no_cuda": False, "seed": 1, "eval_mode_for_validation": False,
    "model_forward_with_target": False, "model_forward_with_file_name": False, "shuffle": True, "num_workers": 0,
    "multi_gpu_data_parallel": False, "way_to_merge_datasets": "concatenate", "ignore_length_invalid_data": False,
    "ignore_cached_file_infor": False, "path_cache_file": "", "force_skip_datadir_scanning": False,
    "minibatch_num_train": 0, "minibatch_num_val": 0, "debug_batch_num": 0, "flag_reverse_data_loading_order": False,
    "force_update_seq_length": False, "opt_wav_silence_handler": 0, "temp_flag": "", "verbose": 1,
    "save_model_dir": "./", "not_save_each_epoch": False, "not_save_anything": False, "save_epoch_name": "epoch",
    "save_trained_name": "trained_model", "save_model_ext": ".pt", "save_model_every_n_minibatches": 0,
    "trained_model": "", "ignore_training_history_in_trained_model": False,
    "ignore_optimizer_statistics_in_trained_model": False, "allow_mismatched_pretrained_model": False,
    "inference": False, "epoch2pt": False, "inference_sample_start_index": 0, "inference_sample_end_index": -1,
    "inference_data_list": "", "output_dir": "./output", "output_filename_prefix": "",
    "trunc_input_length_for_inference": -1, "trunc_input_overlap": 5, "cudnn_deterministic_toggle": True,
    "cudnn_benchmark_toggle": False, "wait_warmup_active_repeat": "1-1-3-2", "profile_output_dir": "./log_profile",
    "active_learning_cycle_num": 0, "active_learning_use_new_data_only": False,
    "active_learning_new_sample_per_cycle": 0, "active_learning_train_model_for_retrieval": False,
    "active_learning_with_replacement": False, "active_learning_pre_train_epoch_num": 0,
    "active_learning_cache_dataname_save": "cache_al_data_log", "active_learning_cache_dataname_path": "",
}

WAVENET = ("--num-workers 3 --no-best-epochs 50 --epochs 200 --batch-size 2 --lr 0.0005 --model-forward-with-target "
           "--cudnn-deterministic-toggle --cudnn-benchmark-toggle")
BLOW = "--num-workers 3 --no-best 100 --epochs 400 --batch-size 32 --lr 0.0001"


@pytest.fixture
def parse():
    """f_args_parsed on one string."""
    return lambda line: f_args_parsed(line.split())


def test_all_71_flags_have_upstreams_defaults(parse):
    args = vars(parse(""))
    assert len(FLAGS) == 71
    assert {name: args.get(name, "missing") for name in FLAGS} == FLAGS


@pytest.mark.parametrize("name", [name for name, default in FLAGS.items() if isinstance(default, bool)])
def test_bare_flag_flips_its_value(parse, name):
    assert vars(parse("--" + name.replace("_", "-")))[name] is not FLAGS[name]


@pytest.mark.parametrize("name", [name for name, default in FLAGS.items() if type(default) in (int, float, str)])
def test_valued_flag_takes_a_value_of_its_type(parse, name):
    allowed = {"optimizer": "AdamW", "lr_scheduler_type": "2", "opt_wav_silence_handler": "1",
               "sampler": "block_shuffle_by_length"}
    text = allowed.get(name, "3")
    assert vars(parse(f"--{name.replace('_', '-')} {text}"))[name] == type(FLAGS[name])(text)


def test_demo_lines_parse_verbatim(parse):
    wavenet, blow = parse(WAVENET), parse(BLOW)
    assert (wavenet.no_best_epochs, wavenet.epochs, wavenet.lr) == (50, 200, 0.0005)
    assert wavenet.model_forward_with_target
    assert (wavenet.cudnn_deterministic_toggle, wavenet.cudnn_benchmark_toggle) == (False, True)
    assert (blow.no_best_epochs, blow.batch_size) == (100, 32)
    assert parse("--epochs 100 --num-workers 10").num_workers == 10
    assert parse("--temp-flag stage2 --trained-model a.pt").temp_flag == "stage2"


def test_arguments_default_to_the_command_line(monkeypatch, parse):
    monkeypatch.setattr(sys, "argv", ["main.py", "--epochs", "7"])
    assert f_args_parsed().epochs == 7


def test_mistyped_flag_is_refused_and_the_nearest_named(parse, capsys):
    with pytest.raises(BaseException) as error:
        parse("--ephocs 3")
    if isinstance(error.value, SystemExit):
        assert error.value.code == 2
    else:
        assert error.value.exit_code == 2
    assert "--epochs" in capsys.readouterr().err + str(error.value)


def test_overwrite_args_takes_batch_size_and_workers(parse):
    args = parse("")
    returned = overwrite_args(args, {"batch_size": 4, "num_workers": 2, "other": 1})
    result = args if returned is None else returned
    assert (result.batch_size, result.num_workers) == (4, 2)
