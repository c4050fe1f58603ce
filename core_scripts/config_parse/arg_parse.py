"""The command line: `f_args_parsed` for main.py files of upstream's kind, `parse_command` for our own entry.

Flags are read here, not by argparse, because abbreviations must keep the meaning they have in upstream's demos whatever
is added, `-1e-4` is a value, and all faults are told together. New options are rows of the table in options.py.
Nothing heavy is imported: help and error messages come at once.
"""
import re
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass

from core_scripts import log
from core_scripts.config_parse.options import (
    GROUPS,
    KIND_NAMES,
    NEED_OUR_ENTRY,
    OPTIONS,
    SETTINGS,
    UPSTREAM_NAMES,
    Option,
    Value,
)
from core_scripts.config_parse.suggest import did_you_mean
from core_scripts.errors import UsageError, all_faults, report_without_traceback

VERBS = {
    "train": "train with config.py; continues the run that is there",
    "infer": "generate files into exp/NAME/output/",
    "config": "show the settings that would be used, and do nothing",
    "demo": "built-in data, everything once, offline",
    "trace": "one batch through every part, with shapes and times",
}
_RESERVED_VERBS = ("prepare", "evaluate", "analyze", "report", "plot", "verify", "doctor")
_COMMON = ("exp", "fresh", "config-file", "epochs", "batch-size", "lr", "device", "num-threads", "trained-model",
           "engine", "temperature", "seed", "debug")


@dataclass(frozen=True)
class Command:
    """What the user typed: a verb, all options, which of them were given, and `key=value` overrides in order."""

    verb: str
    args: Namespace
    given: frozenset[str]
    overrides: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Scan:
    args: Namespace
    names: tuple[str, ...]  # of the options given
    words: tuple[str, ...]  # neither flags nor their values
    faults: list[str]


def f_args_parsed(argument_input: Sequence[str] | None = None) -> Namespace:
    """The options of an upstream-style main.py; from here on users' mistakes end it with one message.

    argument_input: words instead of sys.argv[1:]. Raises: UsageError; SystemExit(0) after --help.
    """
    argv = sys.argv[1:] if argument_input is None else list(argument_input)
    if "--debug" not in argv:
        report_without_traceback()
    if _asks(argv, "--help", "-h", "--help-all"):
        _leave_with(full_help())
    scan = _scan(argv)
    _raise_faults(scan.faults + [f"{word!r}: only flags are expected here" for word in scan.words])
    for name in scan.names:
        if name in NEED_OUR_ENTRY:
            log.warn(f"--{name} has no effect with a main.py of its own")
    return scan.args


def overwrite_args(args: Namespace, dict: dict) -> Namespace:  # noqa: A002 (upstream's name)
    """Copy `batch_size` and `num_workers` from the dictionary into `args`, as upstream does; returns `args`."""
    for name in ("batch_size", "num_workers"):
        if name in dict:
            setattr(args, name, dict[name])
    return args


def parse_command(argv: Sequence[str], title: str = "") -> Command:
    """[VERB] [key=value ...] [--flags], in any order after the verb. Raises: UsageError; SystemExit(0) after --help."""
    if _asks(argv, "--help-all"):
        _leave_with(full_help())
    if _asks(argv, "--help", "-h"):
        _leave_with(short_help(title))
    scan = _scan(argv)
    words, faults = list(scan.words), list(scan.faults)
    verb = "infer" if scan.args.inference else "train"
    if words and "=" not in words[0]:
        verb = words.pop(0)
        faults += _verb_faults(verb)
    if verb == "train" and scan.args.inference:
        faults.append("train and --inference contradict each other: give one of them")
    faults += [f"{word!r}: expected key=value" for word in words if not re.match(r"[A-Za-z_][\w.-]*=", word)]
    _raise_faults(faults)
    scan.args.inference = verb == "infer"
    pairs = (word.split("=", 1) for word in words)
    given = frozenset(OPTIONS[name].dest for name in scan.names)
    return Command(verb, scan.args, given, tuple((key, text) for key, text in pairs))


def short_help(title: str = "") -> str:
    """One screen: the verbs and the options that most runs need."""
    verbs = [f"  python main.py {verb:<8}{meaning}" for verb, meaning in VERBS.items()]
    lines = [title or "A recipe of Recital: trains a speech waveform model, generates files with it.", "", *verbs,
             "", "Without a verb: train. Common options:", *(_help_line(OPTIONS[name]) for name in _COMMON), "",
             "Settings of config.py, their parts and every option can be given as key=value:",
             "  python main.py train --exp wide net.layers=20 batch_size=8",
             "Order of precedence: config.py, --config-file, key=value, --option.  All options: --help-all"]
    return "\n".join(lines)


def full_help() -> str:
    """Every option, by group."""
    lines = ["Every option, with its default in brackets."]
    for group, options in GROUPS.items():
        lines += ["", f"{group}:", *map(_help_line, options)]
    return "\n".join(lines)


def _help_line(option: Option) -> str:
    if option.kind is bool:
        return f"  --{option.name:<32} {option.help}"
    left = f"{option.name} {KIND_NAMES[option.kind]}"
    default = f"  [{option.default}]" if option.default != "" else ""
    return f"  --{left:<32} {option.help}{default}"


def _scan(argv: Sequence[str]) -> _Scan:
    args = Namespace(**{dest: option.default for dest, option in SETTINGS.items()})
    names: dict[str, None] = {}
    words: list[str] = []
    faults: list[str] = []
    rest = list(reversed(argv))
    while rest:
        word = rest.pop()
        if not word.startswith("-"):
            words.append(word)
            continue
        try:
            option, value = _read_flag(word, rest)
            setattr(args, option.dest, value)
            names[option.name] = None
        except UsageError as fault:
            faults.append(str(fault))
    _warn_of(names)
    return _Scan(args, tuple(names), tuple(words), faults)


def _read_flag(word: str, rest: list[str]) -> tuple[Option, Value]:
    """The option that `word` names and its value, which may be the next word; `rest` is reversed and shortened."""
    flag, equals, text = word.partition("=")
    try:
        option = OPTIONS[_full_name(flag)]
    except UsageError as fault:
        if equals:
            raise UsageError(f"{fault} (settings are written without dashes: {flag.lstrip('-')}=...)") from None
        if rest and re.fullmatch(r"[^-=][^=]*", rest[-1]):
            rest.pop()  # most likely the value of the flag that is not known
        raise
    if option.kind is bool:
        if equals:
            raise UsageError(f"--{option.name} is a switch and takes no value")
        return option, not option.default
    if not equals:
        if not rest or rest[-1].startswith("--"):
            raise UsageError(f"--{option.name} needs a value ({KIND_NAMES[option.kind]})")
        text = rest.pop()
    return option, option.convert(text)


def _full_name(flag: str) -> str:
    """The option's name for a flag or an unambiguous beginning of one; upstream's flags go first."""
    name = flag[2:] if flag.startswith("--") else ""
    if name in OPTIONS:
        return name
    for names in (UPSTREAM_NAMES, list(OPTIONS)):
        found = [full for full in names if name and full.startswith(name)]
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(f"{flag} may be {', '.join(f'--{full}' for full in found)}: write more of it")
    raise UsageError(f"unknown option {flag}{did_you_mean(flag, (f'--{full}' for full in OPTIONS))}")


def _verb_faults(verb: str) -> list[str]:
    if verb in VERBS:
        return []
    if verb in _RESERVED_VERBS:
        return [f"{verb} is not in this version; verbs are {', '.join(VERBS)}"]
    return [f"unknown verb {verb!r}; verbs are {', '.join(VERBS)}{did_you_mean(verb, VERBS)}"]


def _warn_of(names: dict[str, None]) -> None:
    for name in names:
        if OPTIONS[name].unused:
            log.warn(f"--{name} is accepted and does nothing here")
    if "shuffle" in names:
        log.warn("--shuffle turns shuffling OFF, as it always did; --no-shuffle says so plainly")


def _raise_faults(faults: list[str]) -> None:
    if faults:
        raise all_faults(UsageError, "command line", faults)


def _asks(argv: Sequence[str], *flags: str) -> bool:
    return any(word in flags for word in argv)


def _leave_with(text: str) -> None:
    log.say(text)
    raise SystemExit(0)
