"""`python main.py [verb] [key=value ...] [--flags]`: from the command line to the columns of the flow chart.

Parsing and checking come before torch is imported, so help and mistakes are answered at once. This is the only place
that ends the process.
"""
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
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
from core_scripts.report.recipe_title import recipe_title
from core_scripts.run_folder import LOG_NAME, RunFolder, place_run
from core_scripts.verbs import VERBS, Place, Verb

DEMO_CONFIG = "demo.yaml"
DEMO_NAME = "demo"


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
    except ImportError as error:  # Ctrl-C in the middle of a compiled module's start comes as one
        if not isinstance(error.__cause__ or error.__context__, KeyboardInterrupt):
            raise
        log.note("interrupted")
        return EXIT_INTERRUPTED
    finally:
        log.close_run_log()
    return 0


def run_verb(command: Command, project_dir: Path) -> None:
    """Resolve and check the settings, then do what the verb says in the place where it works."""
    verb = VERBS[command.verb]
    if command.verb == "demo":
        command = demo_command(command, project_dir)
    if command.verb == "trace" and "exp" not in command.given:
        command.args.exp = command.verb  # nothing of a real run is touched
    resolved = resolve(command, project_dir)
    for option in sorted(command.given & verb.ignores):
        log.warn(f"--{option.replace('_', '-')} has no effect on {command.verb}")
    if resolved.args.target_speaker and command.verb in ("train", "trace"):
        raise UsageError("--target-speaker is for generating; training takes who speaks from the file of `speakers`")
    if verb.place is not Place.NOWHERE:
        require_model_module(resolved)
    if verb.place not in (Place.NOWHERE, Place.MODEL, Place.SEEN_RUN):
        check_data_keys(resolved, ("test",) if command.verb == "infer" else SPLITS)
    if verb.place in (Place.NEW_RUN, Place.RUN):
        work_in_run(command.verb, place_run(resolved, project_dir))
        return
    is_seen = verb.place is Place.SEEN_RUN
    resolved = place_run(resolved, project_dir) if is_seen else resolved
    call_functions(verb, resolved, RunFolder(Path(resolved.args.save_model_dir), found=is_seen))


def work_in_run(name: str, resolved: Resolved) -> None:
    """Do what the verb says in the run's folder, which is locked as long."""
    args, uses_run = resolved.args, VERBS[name].place is Place.RUN
    args.resume &= name in ("train", "demo")
    must_exist = (uses_run or args.resume) and not args.trained_model
    fresh = args.fresh and not uses_run and not args.resume  # both: told, and nothing is moved
    with RunFolder(Path(args.save_model_dir), fresh=fresh, found=must_exist) as folder:
        args.trained_model, args.init_from = folder.follow(args.trained_model), folder.follow(args.init_from)
        log.open_run_log(folder.path / LOG_NAME)
        call_functions(VERBS[name], resolved, folder)


def call_functions(verb: Verb, resolved: Resolved, folder: RunFolder) -> None:
    """The verb's functions, one after the other. What they import, torch above all, is imported only now."""
    # Threads that spin while they wait make a step ten times slower where other processes want the cores too.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for place in verb.functions:
        module, _, function = place.partition(":")
        getattr(import_module(f"core_scripts.{module}"), function)(resolved, folder)


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
