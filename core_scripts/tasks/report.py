"""The verb report: a run as one page to read and to listen to."""
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from core_scripts import log
from core_scripts.checkpoint.store import list_checkpoints
from core_scripts.config_parse.arg_parse import parse_command
from core_scripts.config_parse.config_parse import Resolved, resolve
from core_scripts.config_parse.options import SETTINGS
from core_scripts.config_parse.project_data import read_corpora
from core_scripts.config_parse.run_options import SaveOptions
from core_scripts.data_io.file_io import write_atomically
from core_scripts.errors import CheckpointError, DataError, UsageError, near_files
from core_scripts.flow import infer, tables_of
from core_scripts.other_tools.list_tools import read_list
from core_scripts.report.checkpoint_takes import FOLDER, spread, stop_folder
from core_scripts.report.page import PAGE_NAME, build_page
from core_scripts.report.page_content import Request
from core_scripts.report.recipe_title import recipe_title
from core_scripts.report.run_facts import RunFacts, read_run
from core_scripts.report.run_record import RUN_NAME, digest_of_output
from core_scripts.report.utterances import find_outputs, output_prefix
from core_scripts.run_folder import RunFolder, place_run

_PLACES_OF_DATA = ("data", "test_output_dirs", "output_exts")


def report(resolved: Resolved, folder: RunFolder) -> None:
    """Write report.html into the run's folder."""
    args = resolved.args
    facts = read_run(folder.path, Path(args.output_dir))
    other = find_other(args.report_against, facts, resolved.config.path.parent) if args.report_against else None
    if args.report_checkpoints:
        with folder:
            render_checkpoints(resolved, folder, facts)
    request = Request(
        facts, resolved.config.path.parent, vars(resolved.config), other=other,
        prefers_config=any(key in _PLACES_OF_DATA for key, _, _ in args.changes),
        most_utterances=args.report_utterances, title=recipe_title(resolved.config.path.parent), seed=args.seed)
    path = folder.path / PAGE_NAME
    page = build_page(request)
    write_atomically(path, page)
    log.say(f"{path} ({len(page) / 1e6:.1f} MB)")


def find_other(given: str, facts: RunFacts, project_dir: Path) -> RunFacts:
    """The run that --against names: a folder, or a name below exp/. Raises: UsageError, CheckpointError."""
    places = [Path(given), project_dir / given, project_dir / "exp" / given]
    found = next((path for path in places if path.is_dir()), None)
    if found is None:
        raise UsageError(f"--against {given}: there is no such run{near_files(places[-1])}; give a name below exp/, or "
                         "the folder of a run")
    other = read_run(found)
    if other.folder == facts.folder:
        raise UsageError(f"--against {given} is the run itself; name another one")
    return other


def render_checkpoints(resolved: Resolved, folder: RunFolder, facts: RunFacts) -> None:
    """Generate the first sentence of the output with kept checkpoints, under the run's own settings; once for each.

    Raises: CheckpointError if none is kept.
    """
    placed = settings_of_run(resolved, folder, facts)
    save = SaveOptions.from_args(placed.args)
    kept = list_checkpoints(folder.path, save.epoch_name, save.ext)[::-1]
    if not kept:
        raise CheckpointError(f"--checkpoints: {folder.path} keeps no {save.epoch_name}_NNN{save.ext}; a run without "
                              "--not-save-each-epoch keeps them")
    name = first_sentence(placed, facts)
    chosen = folder.path / FOLDER / "sentence.lst"
    write_atomically(chosen, f"{name}\n".encode())
    begun = time.monotonic()
    left = [path for path in spread(kept, resolved.args.report_checkpoints)
            if not is_made(placed, path, stop_folder(folder.path, path), name)]
    log.note(f"generating {name} with {len(left)} of the {len(kept)} checkpoints that are kept; what was "
             "made before stays")
    for number, checkpoint in enumerate(left):
        args = Namespace(**vars(placed.args))
        args.trained_model, args.inference_data_list = str(checkpoint), str(chosen)
        args.output_dir, args.verbose = str(stop_folder(folder.path, checkpoint)), 0
        infer(replace(placed, args=args), folder)
        passed = time.monotonic() - begun
        log.note(f"{checkpoint.name}: {number + 1} of {len(left)}, about "
                 f"{passed / (number + 1) * (len(left) - number - 1):.0f} s left")


def settings_of_run(resolved: Resolved, folder: RunFolder, facts: RunFacts) -> Resolved:
    """The settings that the run was made with, under those that were typed now."""
    settings = {key: value for key, value in facts.settings.items() if key in SETTINGS or key in vars(resolved.recipe)}
    for key, _, value in resolved.args.changes:
        if isinstance(value, bool | int | float | str):
            put_in(settings, key.split("."), value)
    path = folder.path / FOLDER / "settings.yaml"
    write_atomically(path, yaml.safe_dump(settings, sort_keys=False, allow_unicode=True).encode("utf-8"))
    project_dir = resolved.config.path.parent
    placed = place_run(resolve(parse_command(["infer", "--config-file", str(path)]), project_dir), project_dir)
    placed.args.save_model_dir = str(folder.path)
    return placed


def put_in(tree: dict[str, Any], key: Sequence[str], value: Any) -> None:
    """Set one value of nested settings."""
    for part in key[:-1]:
        tree = tree.setdefault(part, {})
    tree[key[-1]] = value


def first_sentence(placed: Resolved, facts: RunFacts) -> str:
    """The first of the output by name, so that it stands beside; else the first of the test list."""
    outputs = find_outputs(facts.output, output_prefix(facts)) if facts.output.is_dir() else {}
    if outputs:
        return next(iter(outputs))
    source = read_corpora(placed.config, "test")[0].list_source
    names = read_list(source) if isinstance(source, Path) else source or ()
    if not names:
        raise DataError("--checkpoints: the test list is empty, so there is no sentence to generate")
    return names[0]


def is_made(placed: Resolved, checkpoint: Path, folder: Path, name: str) -> bool:
    """Whether these very weights and settings generated it into the folder already."""
    try:
        record = yaml.safe_load((folder / RUN_NAME).read_text(encoding="utf-8"))
        made_by = record.get("made_by")
    except (OSError, ValueError, AttributeError, yaml.YAMLError):
        return False
    there = find_outputs(folder, placed.args.output_filename_prefix)
    return name in there and made_by == digest_of_output(placed.args, checkpoint, tables_of(placed.config))
