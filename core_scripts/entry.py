"""`python main.py [verb] [key=value ...] [--flags]`: from the command line to the columns of the flow chart.

Parsing and checking come before torch is imported, so help and mistakes are answered at once. This is the only place
that ends the process.
"""
import ast
import json
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from core_scripts import log
from core_scripts.config_parse.arg_parse import Command, parse_command
from core_scripts.config_parse.config_parse import Resolved, resolve
from core_scripts.config_parse.project_data import SPLITS, needs_synthetic_corpus, read_corpora, speakers_file
from core_scripts.data_io.speakers import read_speakers
from core_scripts.errors import (
    EXIT_INTERRUPTED,
    ConfigError,
    RecitalError,
    UsageError,
    all_faults,
    disk_full,
    near_files,
)
from core_scripts.features.passport import Passport, passports_in, read_passport, require_same
from core_scripts.nn_manager.stopping import ignore_signals, leave_on_signals
from core_scripts.run_folder import LOG_NAME, RunFolder, place_run

DEMO_CONFIG = "demo.yaml"
DEMO_NAME = "demo"
# What would be passed over in silence.
WITHOUT_EFFECT = {
    "train": {"json"}, "infer": {"json", "fresh", "resume"}, "evaluate": {"fresh", "resume"},
    "trace": {"json", "resume"}, "config": {"fresh", "resume"},
    "prepare": {"json", "exp", "fresh", "resume", "trained_model", "init_from"},
    "analyze": {"exp", "fresh", "resume", "trained_model", "init_from"},
}
PLAIN_FOLDERS = ("wav", "wavs", "flac", "audio")  # names that tell nothing of a corpus; the folder above does


def run_project() -> None:
    """Run the recipe whose main.py calls this, in that file's folder, and exit with a code of core_scripts.errors."""
    project_dir = Path(sys.modules["__main__"].__file__).resolve().parent
    leave_on_signals()
    try:
        sys.exit(run_command(sys.argv[1:], project_dir))
    finally:
        ignore_signals()


def run_command(argv: list[str], project_dir: Path) -> int:
    """Do what the command line says and return the exit code; mistakes are told on stderr without a traceback.

    Raises: SystemExit after --help, and with the code of the signal after a stop that was asked for.
    """
    try:
        run_verb(parse_command(argv, title=recipe_title(project_dir)), project_dir)
    except RecitalError as error:
        if "--debug" in argv:
            traceback.print_exc()
        log.note(f"error: {error}")
        return error.exit_code
    except OSError as error:
        full = disk_full(error)
        if full is None or "--debug" in argv:
            raise
        log.note(f"error: {full}")
        return full.exit_code
    except KeyboardInterrupt:
        log.note("interrupted")
        return EXIT_INTERRUPTED
    finally:
        log.close_run_log()
    return 0


def run_verb(command: Command, project_dir: Path) -> None:
    """Resolve and check the settings, then do what the verb says in the run's folder."""
    if command.verb == "demo":
        command = demo_command(command, project_dir)
    if command.verb == "trace" and "exp" not in command.given:
        command.args.exp = command.verb  # nothing of a real run is touched
    resolved = resolve(command, project_dir)
    for option in sorted(command.given & WITHOUT_EFFECT.get(command.verb, set())):
        log.warn(f"--{option.replace('_', '-')} has no effect on {command.verb}")
    if resolved.args.target_speaker and command.verb in ("train", "trace"):
        raise UsageError("--target-speaker is for generating; training takes who speaks from the file of `speakers`")
    if command.verb == "prepare":
        prepare_recordings(resolved, project_dir)
        return
    require_model_module(resolved)
    if command.verb == "analyze":
        from core_scripts import flow

        flow.analyze(resolved)
        return
    check_data_keys(resolved, ("test",) if command.verb == "infer" else SPLITS)
    if command.verb == "config":
        log.say(json.dumps(resolved.as_plain(), indent=1) if resolved.args.json else resolved.as_yaml())
        return
    resolved = place_run(resolved, project_dir)
    place, uses_run = Path(resolved.args.save_model_dir), command.verb in ("infer", "evaluate")
    resolved.args.resume &= command.verb in ("train", "demo")
    must_exist = (uses_run or resolved.args.resume) and not resolved.args.trained_model
    fresh = resolved.args.fresh and not uses_run and not resolved.args.resume  # both: told, and nothing is moved
    with RunFolder(place, fresh=fresh, found=must_exist) as folder:
        resolved.args.trained_model = folder.follow(resolved.args.trained_model)
        resolved.args.init_from = folder.follow(resolved.args.init_from)
        log.open_run_log(folder.path / LOG_NAME)
        # Threads that spin while they wait make a step ten times slower where other processes want the cores too.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        from core_scripts import flow  # torch, which takes seconds and reads that variable, comes only now

        columns = {"train": (flow.train,), "infer": (flow.infer,), "evaluate": (flow.score,), "trace": (flow.trace,),
                   "demo": (flow.train, flow.infer, flow.convert, flow.score)}
        for column in columns[command.verb]:
            column(resolved, folder)


def prepare_recordings(resolved: Resolved, project_dir: Path) -> None:
    """Make data for training from the folder of --wav-dir."""
    args = resolved.args
    if not args.prepare_wav_dir:
        raise UsageError("prepare needs the folder of the recordings: python main.py prepare --wav-dir DIR")
    from core_scripts.corpus.prepare import Request, prepare  # brings torch

    source = Path(os.path.abspath(args.prepare_wav_dir))  # links to the recordings need the whole path
    named = source.parent if source.name.lower() in PLAIN_FOLDERS else source
    lists = {"train": args.prepare_train_list, "val": args.prepare_val_list, "test": args.prepare_test_list}
    request = Request(
        wav_dir=source,
        out=Path(os.path.abspath(args.prepare_out or project_dir.parent / "DATA" / named.name)),
        speakers_from=args.prepare_speakers_from,
        lists={kind: Path(path) for kind, path in lists.items() if path},
        resample=args.prepare_resample,
        skip_bad=args.prepare_skip_bad,
        workers=args.num_workers,
        is_quiet=args.verbose <= 0,
    )
    prepare(request, resolved.config)


def recipe_title(project_dir: Path) -> str:
    """The first line of config.py's docstring, read without running it; the folder's name if there is none."""
    try:
        text = ast.get_docstring(ast.parse((project_dir / "config.py").read_text(encoding="utf-8")))
    except (OSError, SyntaxError, ValueError):
        text = None
    return text.splitlines()[0] if text else project_dir.name


def demo_command(command: Command, project_dir: Path) -> Command:
    """The same command with the settings of the recipe's demo.yaml, in a run of its own."""
    args = command.args
    if not args.config_file:
        args.config_file = str(project_dir / DEMO_CONFIG)
    if "exp" not in command.given:
        args.exp = DEMO_NAME
    return replace(command, given=command.given | {"exp"})


def require_model_module(resolved: Resolved) -> None:
    """Raises: UsageError if there is no such file beside config.py."""
    module = resolved.args.module_model
    source = resolved.config.path.parent / f"{module.replace('.', '/')}.py"
    if not source.is_file():
        raise UsageError(f"--module-model {module}: {source} not found{near_files(source)}")


def check_data_keys(resolved: Resolved, splits: Sequence[str]) -> None:
    """Raises: ConfigError if the data keys of the config do not fit together, or a list is not where it should be."""
    corpora = [corpus for split in splits for corpus in read_corpora(resolved.config, split)]
    if not corpora:
        raise ConfigError("config.py names no trn_list, val_list or test_list; nothing to work on")
    to_be_made = needs_synthetic_corpus(resolved.config, splits)
    missing = [f"list {source} of {corpus.name}{near_files(source)}" for corpus in corpora
               if isinstance(source := corpus.list_source, Path)
               and source.parent != to_be_made and not source.is_file()]
    if missing:
        raise all_faults(ConfigError, "lists are missing; correct the path in config.py, or give data=FOLDER", missing)
    wanted = list(passports_in(resolved.config).values())
    speakers = speakers_file(resolved.config)
    if speakers is not None and speakers.parent != to_be_made and not resolved.args.target_speaker:
        read_speakers(speakers)
    stored = {stream.directory for corpus in corpora for stream in corpus.inputs if stream.front_end is None}
    for folder in sorted(stored - {None}):
        check_passport(folder, wanted)


def check_passport(folder: Path, wanted: list[Passport]) -> None:
    """Raises: DataError if stored frames are of another kind than all that the config describes."""
    found = read_passport(folder)
    if found is not None and wanted and found not in wanted:
        require_same(found, wanted[0], (str(folder), "the configuration"),
                     "prepare the recordings again, or set the values of the configuration to those of the features")
