"""Mistakes on the command line, in the settings and with model files: one message, an exit code, nothing written."""
import fcntl
import json
import os
import time

import pytest

MISTAKES = {
    "unknown flag": (("--epoch-num", "3"), r"unknown option --epoch-num; did you mean"),
    "mistyped flag": (("--lrr", "3"), r"unknown option --lrr; did you mean --lr\?"),
    "flag without its value": (("--exp",), r"--exp\b.* (one argument|a value)"),
    "word for a number": (("--lr", "fast"), r"--lr\b.* a number, got 'fast'"),
    "unknown key": (("batch_sise=3",), r"batch_sise: unknown key; did you mean batch_size\? \[command line\]"),
    "unknown part": (("net.layer=3",), r"net\.layer: unknown key; did you mean net\.layers\?"),
    "unknown verb": (("trian",), r"unknown verb 'trian'; verbs are .*; did you mean train\?"),
    "verb of another version": (("synthesise",), r"synthesise.*verbs are train, infer, "),
    "verb and flag that differ": (("train", "--inference"), r"train and --inference contradict each other"),
    "unknown preset": (("net=smal",), r"net: no preset 'smal'; there are small, standard; did you mean small\?"),
    "hop that is no product": (
        ("net.upsample=transposed", "net.upsample_factors=[5, 4, 3]"),
        r"hop=80 is not the product of upsample_factors, 5 \* 4 \* 3 = 60; take hop=60 or upsample_factors=\(5, 4, 4"),
    "frames of another hop": (("mel.hop=100",), r"mel\.hop=100 but net\.hop=80 samples; set "),
    "frames of other bands": (("net.cond_channels=40",), r"mel\.bands=80 but net\.cond_channels=40; set "),
    "unknown engine": (("--engine", "eagre"), r"--engine.* 'eagre'; allowed are auto, native, .*eager\?"),
    "mistyped list": (('trn_list=["{data}/trian.lst"]',), r"lists are missing.*trian\.lst of train.* mean train\.lst"),
    "unknown place": (('trn_list=["{dtaa}/train.lst"]',), r"'\{dtaa\}/train\.lst' names a key .* not define: 'dtaa'"),
    "absent config file": (("--config-file", "nope.yaml"), r"config file nope\.yaml not found"),
    "absent config module": (("--module-config", "confg"), r"confg\.py not found; did you mean config\.py\?"),
    "run without a name": (("--exp", ""), r"--exp '' is not a name below .*exp; take one such as --exp base"),
    "run outside of exp": (("--exp", "../other"), r"--exp '\.\./other' is not a name below .*exp; take one such"),
    "absent first weights": (("--init-from", "nope.pt"), r"--init-from nope\.pt: no such file"),
    "absent checkpoint": (("--trained-model", "no/nope.pt"), r"nope\.pt: no such file; there is no folder no"),
    "rate of zero": (("--lr", "0"), r"--lr 0: the learning rate must be above 0"),
    "mistyped optimizer": (("optimizer=Adm",), r"--optimizer Adm: there are Adam, AdamW, SGD; did you mean Adam\?"),
    "unknown schedule": (("lr_scheduler_type=9", "lr_decay_factor=0.5"), r"--lr-scheduler-type 9: there are 0 plateau"),
    "crop below a frame": (("truncate_seq=40",), r"truncate_seq=40 is shorter than one frame of 80 samples; take"),
    "absent model module": (("--module-model", "modle"), r"modle\.py not found; did you mean model\.py\?"),
    "generation before training": (("infer",), r"no run in .*exp/base; .*train first, or name one with --exp"),
}


@pytest.mark.parametrize("mistake", list(MISTAKES))
def test_a_mistake_is_one_message_with_its_remedy_and_writes_nothing(desk, mistake):
    words, told = MISTAKES[mistake]
    answer = desk.run(*words)
    assert answer.code == (4 if "no run" in told else 2)
    assert len(answer.errors) == 1 and "Traceback" not in answer.err
    with pytest.raises(AssertionError, match=told):
        raise AssertionError(answer.err)
    assert not (desk.folder / "exp").exists()
    assert answer.out == ""


def test_faults_of_the_settings_are_told_together(desk):
    answer = desk.run("batch_size=0", "net.bits=40", "lr=abc", "net.upsample=linaer", "mel.window=401")
    assert answer.code == 2
    for part in ("4 found", "batch_size: must be at least 1, got 0", "lr: expects float", "bits=40 is more than 16",
                 "upsample='linaer' is unknown; did you mean linear", "window"):
        assert part in answer.err.replace("(5 found)", "(4 found)")
    assert not (desk.folder / "exp").exists()


def test_faults_of_the_command_line_are_told_together(desk):
    answer = desk.run("trian", "--lrr", "1", "--lrx", "many")
    assert answer.code == 2
    assert "command line (2 found)" in answer.err


@pytest.mark.parametrize("words", [
    ("sampler=block",), ("polyak=1.5",),
])
def test_options_that_only_the_managers_know_are_refused_without_a_checkpoint(desk, words):
    answer = desk.run(*words)
    assert answer.code == 2
    assert len(answer.errors) == 1 and "Traceback" not in answer.err
    assert desk.files(".pt", ".png") == []


def test_cuda_that_is_not_there_is_told_with_the_remedy(desk):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    answer = desk.run("--device", "cuda:3")
    assert answer.code == 2
    assert "--device cuda:3: 0 CUDA devices found" in answer.err and "use --device cpu" in answer.err


def test_a_file_in_the_place_of_the_runs_is_told(desk):
    (desk.folder / "exp").write_text("in the way")
    answer = desk.run()
    assert answer.code == 2
    assert "cannot write" in answer.err and "exp/base (Not a directory)" in answer.err
    assert (desk.folder / "exp").read_text() == "in the way"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_told(desk):
    (desk.folder / "exp").mkdir(mode=0o500)
    answer = desk.run()
    assert answer.code == 2
    assert "Permission denied" in answer.err and "--exp" in answer.err


def test_a_run_in_use_is_left_alone(trained):
    before = trained.files()
    with (trained.folder / "exp" / "base" / ".lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write("4711\n")
        lock.flush()
        for words in ((), ("infer",), ("--fresh",)):
            answer = trained.run(*words)
            assert answer.code == 5
            assert "exp/base is in use by process 4711; wait, or take another --exp" in answer.err
    assert trained.files() == before
    assert trained.run().code == 0


def test_a_damaged_model_is_named_and_nothing_generated(trained):
    (trained.folder / "exp/base/trained_model.pt").write_bytes(b"torn")
    answer = trained.run("infer")
    assert answer.code == 4
    assert "trained_model.pt is damaged or not a checkpoint (4 bytes" in answer.err
    assert trained.files(".wav") == []


def test_training_goes_on_from_the_newest_valid_state_or_stops_if_there_is_none(trained):
    (trained.folder / "exp/base/epoch_005.pt").write_bytes(b"torn")
    answer = trained.run("epochs=2")
    assert answer.code == 0
    assert "epoch_005.pt is damaged" in answer.err and "Continuing from" in answer.out
    for path in (trained.folder / "exp/base").glob("epoch_*.pt"):
        path.write_bytes(b"torn")
    answer = trained.run("epochs=3")
    assert answer.code == 4
    assert "none of the 3 checkpoints in" in answer.err and "--fresh starts over" in answer.err


def test_a_model_of_another_size_is_refused_with_the_differences(trained):
    answer = trained.run("infer", "net.skip_channels=12")
    assert answer.code == 4
    assert "does not fit this model" in answer.err and "12" in answer.err
    assert trained.files(".wav") == []


def test_a_mistyped_run_is_told_with_the_one_that_is_meant(trained):
    for words in (("infer",), ("evaluate",), ("--resume",)):
        answer = trained.run(*words, "--exp", "bsae")
        assert answer.code == 4
        assert "no run in" in answer.err and "did you mean base?" in answer.err
        assert not (trained.folder / "exp" / "bsae").exists()


def test_starting_over_keeps_the_old_run_and_generation_never_moves_it(trained):
    before = (trained.folder / "exp/base/trained_model.pt").read_bytes()
    trained.run("infer", "--fresh")
    assert (trained.folder / "exp/base/trained_model.pt").read_bytes() == before
    answer = trained.run("--fresh", "seed=5")
    assert answer.code == 0 and "the run before is kept in" in answer.out
    assert (trained.folder / "exp/base.old-1/trained_model.pt").read_bytes() == before
    assert (trained.folder / "exp/base/trained_model.pt").read_bytes() != before


def test_going_on_and_starting_over_at_once_is_refused_and_moves_nothing(trained):
    before = trained.files()
    answer = trained.run("--resume", "--fresh")
    assert answer.code == 2 and "--resume continues a run that is there" in answer.err
    assert trained.files() == before


def test_a_state_of_the_run_itself_is_found_after_starting_over_has_moved_it(trained):
    assert trained.run("epochs=3").code == 0
    answer = trained.run("--fresh", "--trained-model", str(trained.folder / "exp/base/epoch_000.pt"), "epochs=2")
    assert answer.code == 0, answer.err
    assert trained.files(".pt") == [f"base.old-1/{name}.pt" for name in ("epoch_000", "epoch_001", "epoch_002",
                                    "trained_model")] + ["base/epoch_001.pt", "base/trained_model.pt"]


def test_first_weights_of_the_run_itself_are_found_after_starting_over(trained):
    answer = trained.run("--fresh", "--init-from", str(trained.folder / "exp/base/trained_model.pt"))
    assert answer.code == 0 and "Weights from" in answer.out and "base.old-1/trained_model.pt" in answer.out


def test_a_file_that_is_not_there_moves_no_run_aside(trained):
    before = trained.files()
    answer = trained.run("--fresh", "--trained-model", "exp/base/epoch_007.pt")
    assert answer.code == 2 and "no such file" in answer.err
    assert trained.files() == before


@pytest.mark.parametrize(("words", "told"), [
    (("config", "--json", "--fresh"), "--fresh has no effect on config"),
    (("infer", "--json"), "--json has no effect on infer"),
    (("config", "--resume"), "--resume has no effect on config"),
    (("infer", "--resume"), "--resume has no effect on infer"),
    (("evaluate", "--resume", "--fresh"), "--resume has no effect on evaluate"),
    (("prepare", "--exp", "a"), "--exp has no effect on prepare"),
])
def test_options_without_effect_on_a_verb_are_named(desk, words, told):
    assert f"warning: {told}" in desk.run(*words).err


def test_settings_are_shown_as_json_on_demand(desk):
    shown = json.loads(desk.run("config", "--json", "lr=0.5").out)
    assert shown["lr"] == 0.5 and shown["net"]["layers"] == 4


def test_help_and_mistakes_are_answered_in_a_second_without_torch(desk):
    (desk.folder / "torch.py").write_text("raise SystemExit('torch was imported')\n")
    for line, code in (("--help", 0), ("--help-all", 0), ("--lrr 1", 2), ("net=smal", 2), ("config", 0),
                       ("--lr 0", 2), ("--optimizer Adm", 2), ("truncate_seq=40", 2), ("--module-model modle", 2)):
        began = time.perf_counter()
        answer = desk.start(*line.split())
        assert answer.code == code, answer.err
        assert "torch was imported" not in answer.err + answer.out
        assert time.perf_counter() - began < 3  # one, where nobody else computes
    assert not (desk.folder / "exp").exists()


def test_a_traceback_is_shown_on_demand_only(desk):
    assert "Traceback" not in desk.start("batch_sise=3").err
    assert "Traceback" in desk.start("batch_sise=3", "--debug").err


def test_training_without_a_training_list_says_so(desk):
    (desk.folder / "none.yaml").write_text("trn_list: null\n")
    answer = desk.run("train", "--config-file", str(desk.folder / "none.yaml"))
    assert answer.code == 2
    assert "gives no trn_list" in answer.err


@pytest.mark.parametrize("cause", [KeyboardInterrupt(), None], ids=["interrupted", "damaged"])
def test_a_stop_while_compiled_modules_start_is_a_stop_and_a_failed_import_is_none(desk, monkeypatch, cause):
    def fail(name):
        raise ImportError("initialization failed") from cause

    monkeypatch.setattr("core_scripts.entry.import_module", fail)
    if cause is None:
        with pytest.raises(ImportError, match="initialization failed"):
            desk.run("train")
    else:
        answer = desk.run("train")
        assert answer.code == 130 and "interrupted" in answer.err
