"""The command line of our own entry and of main.py files of upstream's kind."""
import re
import subprocess
import sys

import pytest

from core_scripts.config_parse.arg_parse import f_args_parsed, full_help, overwrite_args, parse_command, short_help
from core_scripts.config_parse.options import GROUPS, OPTIONS
from core_scripts.errors import EXIT_USAGE, UsageError

CONTRACT_DEFAULTS = {
    "--module-model": "model", "--module-config": "config", "--module-model-aux": "", "--module-dataset": "datasets",
    "--batch-size": 1, "--size-accumulate-grad": 1, "--epochs": 50, "--no-best-epochs": 5,
    "--force-save-lite-trained-network-per-epoch": False, "--sampler": "None", "--lr": 1e-4, "--lr-decay-factor": -1,
    "--lr-scheduler-type": 0, "--lr-patience": 5, "--lr-steplr-size": 5, "--l2-penalty": -1, "--grad-clip-norm": -1,
    "--optimizer": "Adam", "--no-cuda": False, "--seed": 1, "--eval-mode-for-validation": False,
    "--model-forward-with-target": False, "--model-forward-with-file-name": False, "--shuffle": True,
    "--num-workers": 0, "--multi-gpu-data-parallel": False, "--way-to-merge-datasets": "concatenate",
    "--ignore-length-invalid-data": False, "--ignore-cached-file-infor": False, "--path-cache-file": "",
    "--force-skip-datadir-scanning": False, "--minibatch-num-train": 0, "--minibatch-num-val": 0,
    "--debug-batch-num": 0, "--flag-reverse-data-loading-order": False, "--force-update-seq-length": False,
    "--opt-wav-silence-handler": 0, "--temp-flag": "", "--verbose": 1, "--save-model-dir": "./",
    "--not-save-each-epoch": False, "--not-save-anything": False, "--save-epoch-name": "epoch",
    "--save-trained-name": "trained_model", "--save-model-ext": ".pt", "--save-model-every-n-minibatches": 0,
    "--trained-model": "", "--ignore-training-history-in-trained-model": False,
    "--ignore-optimizer-statistics-in-trained-model": False, "--allow-mismatched-pretrained-model": False,
    "--inference": False, "--epoch2pt": False, "--inference-sample-start-index": 0,
    "--inference-sample-end-index": -1, "--inference-data-list": "", "--output-dir": "./output",
    "--output-filename-prefix": "", "--trunc-input-length-for-inference": -1, "--trunc-input-overlap": 5,
    "--cudnn-deterministic-toggle": True, "--cudnn-benchmark-toggle": False, "--wait-warmup-active-repeat": "1-1-3-2",
    "--profile-output-dir": "./log_profile", "--active-learning-cycle-num": 0,
    "--active-learning-use-new-data-only": False, "--active-learning-new-sample-per-cycle": 0,
    "--active-learning-train-model-for-retrieval": False, "--active-learning-with-replacement": False,
    "--active-learning-pre-train-epoch-num": 0, "--active-learning-cache-dataname-save": "cache_al_data_log",
    "--active-learning-cache-dataname-path": "",
}
OWN_DEFAULTS = {
    "exp": "base", "fresh": False, "init_from": "", "resume_data": "same", "config_file": "", "engine": "auto",
    "temperature": 1.0, "precision": "fp32", "variant": "auto",
    "generation_seed": 1, "debug": False, "device": "auto", "keep_checkpoints": 0, "inference_batch_size": 0,
    "save_every_minutes": 0.0, "deterministic": False,
    "num_threads": 0, "json": False, "amp": "none", "polyak": 0.0,
    "resume": False, "minutes": 0.0, "tensorboard": False, "target_speaker": "", "write_codes": False, "from_codes": "",
}


@pytest.mark.parametrize(("flag", "default"), CONTRACT_DEFAULTS.items())
def test_each_flag_of_the_contract_has_its_default_and_type(flag, default):
    value = vars(parse_command([]).args)[flag[2:].replace("-", "_")]
    assert value == default
    assert type(value) is type(OPTIONS[flag[2:]].default)


def test_conversion_belongs_to_a_main_of_its_own():
    with pytest.raises(UsageError, match="--epoch2pt is for a main.py of its own"):
        parse_command(["--epoch2pt"])


@pytest.mark.parametrize("flag", [flag for flag in CONTRACT_DEFAULTS if flag != "--epoch2pt"])
def test_each_flag_of_the_contract_is_taken_from_the_command_line(flag):
    option = OPTIONS[flag[2:]]
    value = option.choices[-1] if option.choices else "7"
    words = [flag] if option.kind is bool else [flag, value]
    expected = not option.default if option.kind is bool else option.kind(value)
    assert vars(parse_command(words).args)[option.dest] == expected


def test_no_flag_of_the_contract_is_missing_and_none_is_invented():
    own = GROUPS["Recital"]
    assert {option.dest: option.default for option in own if not option.target} == OWN_DEFAULTS
    others = {f"--{option.name}" for option in OPTIONS.values() if option not in own and not option.verb}
    assert others == {*CONTRACT_DEFAULTS}


def test_demo_lines_of_upstream_are_understood():
    blow = "--num-workers 3 --no-best 100 --epochs 400 --batch-size 32 --lr 0.0001"
    wavenet = ("--num-workers 3 --no-best-epochs 50 --epochs 200 --batch-size 2 --lr 0.0005 "
               "--model-forward-with-target --cudnn-deterministic-toggle --cudnn-benchmark-toggle")
    assert parse_command(blow.split()).args.no_best_epochs == 100
    args = parse_command(wavenet.split()).args
    assert (args.cudnn_deterministic_toggle, args.cudnn_benchmark_toggle) == (False, True)
    assert args.model_forward_with_target


@pytest.mark.parametrize(("words", "dest"), [
    (["--no-best", "100"], "no_best_epochs"), (["--no-best=100"], "no_best_epochs"), (["--batch", "2"], "batch_size"),
    (["--trained", "a.pt"], "trained_model"), (["--keep", "3"], "keep_checkpoints"), (["--inference-data", "a"],
    "inference_data_list"), (["--cudnn-b"], "cudnn_benchmark_toggle"),
])
def test_a_beginning_that_fits_one_flag_only_is_that_flag(words, dest):
    assert parse_command(words).given == {dest}


@pytest.mark.parametrize(("words", "value"), [(["--l2-penalty", "-1"], -1.0), (["--l2-penalty", "-.5"], -0.5),
                                              (["--l2-penalty=-1e-4"], -1e-4)])
def test_negative_numbers_are_values(words, value):
    assert parse_command(words).args.l2_penalty == value


def test_the_last_of_repeated_flags_counts():
    assert parse_command(["--lr", "1", "--lr", "2"]).args.lr == 2.0


def test_shuffle_turns_shuffling_off_with_a_warning_and_no_shuffle_without(capsys):
    assert parse_command(["--no-shuffle"]).args.shuffle is False
    assert capsys.readouterr().err == ""
    assert parse_command(["--shuffle"]).args.shuffle is False
    assert "--no-shuffle says so plainly" in capsys.readouterr().err


@pytest.mark.parametrize("flag", [option.name for option in OPTIONS.values() if option.unused])
def test_flags_without_effect_say_so_once(flag, capsys):
    words = [f"--{flag}"] if OPTIONS[flag].kind is bool else [f"--{flag}", "1"]
    f_args = parse_command(words * 2)
    assert f_args.given == {OPTIONS[flag].dest}
    assert capsys.readouterr().err == f"warning: --{flag} is accepted and does nothing here\n"


def test_command_has_verb_given_flags_and_overrides_in_order():
    command = parse_command(["infer", "net.layers=10", "--lr", "0.1", "net=small", "a=b=c"])
    assert command.verb == "infer" and command.args.inference
    assert command.given == {"lr"}
    assert command.overrides == (("net.layers", "10"), ("net", "small"), ("a", "b=c"))


@pytest.mark.parametrize(("words", "verb"), [([], "train"), (["--inference"], "infer"), (["lr=1"], "train"),
                                             (["--exp", "a", "config"], "config"), (["demo"], "demo")])
def test_verb_follows_from_the_first_word_or_the_mode(words, verb):
    assert parse_command(words).verb == verb


@pytest.mark.parametrize(("words", "text"), [
    (["--batchsize", "8"], r"unknown option --batchsize; did you mean --batch-size\?"),
    (["--ephocs=3"], r"did you mean --epochs"),
    (["--net.layers=3"], r"settings are written without dashes: net.layers=\.\.\."),
    (["-x"], "unknown option -x"),
    (["--model-forward"], r"--model-forward is short for .*--model-forward-with-target \(.*-with-file"),
    (["--epoch", "3"], r"--epoch is short for .*: --epochs \(epochs at most\); --epoch2pt \(convert"),
    (["--epoch=3"], r"--epoch is short for several options"),
    (["--lr", "fast"], "--lr: expects a number, got 'fast'"),
    (["--epochs", "1.5"], "--epochs: expects a whole number, got '1.5'"),
    (["--epochs"], "--epochs: expected one argument"),
    (["--epochs", "--lr", "1"], "--epochs: expected one argument"),
    (["--batch-size", "0"], "--batch-size: must be at least 1, got 0"),
    (["--temperature", "nan"], "--temperature: expects a finite number, got nan"),
    (["--engine", "niave"],
     r"--engine: got 'niave'; allowed are auto, native, graph, eager, naive; did you mean naive\?"),
    (["--device", "gpu"], "allowed are auto, cpu, cuda, cuda:N"),
    (["--inference=yes"], "--inference: ignored explicit argument 'yes'"),
    (["trian"], "unknown verb 'trian'; verbs are .*; did you mean train"),
    (["--", "train"], "unknown option --"),
    (["train", "layers"], "'layers': expected key=value"),
    (["train", "=3"], "'=3': expected key=value"),
    (["train", "--inference"], "train and --inference contradict"),
])
def test_mistakes_are_told_with_their_remedy(words, text):
    with pytest.raises(UsageError, match=text) as caught:
        parse_command(words)
    assert caught.value.exit_code == EXIT_USAGE
    assert "found" not in str(caught.value), "one mistake is one fault"


def test_all_unknown_flags_of_a_line_are_told_together_and_so_are_all_wrong_words():
    with pytest.raises(UsageError, match=r"(?s)2 found.*--batch-size.*--epochs"):
        parse_command(["infre", "--batchsize", "8", "--ephocs=3"])
    with pytest.raises(UsageError, match=r"(?s)2 found.*did you mean infer.*'layers'"):
        parse_command(["infre", "layers"])


def test_a_main_of_its_own_takes_flags_only():
    with pytest.raises(UsageError, match="'lr=1': only flags are expected here"):
        f_args_parsed(["--debug", "lr=1"])


def test_flags_of_our_entry_warn_under_a_main_of_its_own(capsys):
    assert f_args_parsed(["--debug", "--exp", "a", "--temperature", "0"]).temperature == 0.0
    assert capsys.readouterr().err == "warning: --exp has no effect with a main.py of its own\n"
    f_args_parsed(["--debug", "--tensorboard", "--inference-batch-size", "4"])
    assert capsys.readouterr().err.splitlines() == [f"warning: --{name} has no effect with a main.py of its own"
                                                    for name in ("tensorboard", "inference-batch-size")]


def test_overwrite_args_copies_two_values():
    args = parse_command([]).args
    overwrite_args(args, {"batch_size": 4, "num_workers": 2, "lr": 9})
    assert (args.batch_size, args.num_workers, args.lr) == (4, 2, 1e-4)


def test_short_help_fits_one_screen_and_full_help_has_every_option():
    assert short_help().count("\n") < 40
    assert max(map(len, short_help().splitlines())) <= 110
    text = full_help()
    assert all(re.search(rf"--{name}\s", text) for name in OPTIONS)


@pytest.mark.parametrize("words", [["--help"], ["-h", "--nonsense"], ["--help-all"]])
def test_help_is_printed_whatever_else_is_said(words, capsys):
    with pytest.raises(SystemExit) as caught:
        parse_command(words)
    assert caught.value.code == 0
    assert "--batch-size" in capsys.readouterr().out


def _run(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False)


def test_parsing_imports_nothing_heavy():
    done = _run("import sys; from core_scripts.config_parse.config_parse import resolve\n"
                "from core_scripts.config_parse.arg_parse import parse_command; parse_command([])\n"
                "import core_scripts.config_parse.run_options\n"
                "print({'torch', 'numpy', 'scipy'} & set(sys.modules))")
    assert done.stdout == "set()\n", done.stderr


def test_a_main_of_its_own_ends_a_mistake_with_one_line_and_code_2():
    done = _run("from core_scripts.config_parse.arg_parse import f_args_parsed; f_args_parsed(['--ephocs', '3'])")
    assert done.returncode == EXIT_USAGE
    assert done.stderr == "error: command line: unknown option --ephocs; did you mean --epochs?\n"
