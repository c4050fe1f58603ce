"""The command line: `f_args_parsed` for main.py files of upstream's kind, `parse_command` for our own entry.

New options are rows of the table in options.py, or of a verb in core_scripts/verbs.py. Nothing heavy is imported: help
and error messages come at once.
"""
import re
import sys
from argparse import SUPPRESS, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from core_scripts import log
from core_scripts.config_parse.options import GROUPS, NEED_OUR_ENTRY, OPTIONS
from core_scripts.errors import UsageError, all_faults, did_you_mean, report_without_traceback
from core_scripts.option import Option, Value
from core_scripts.verbs import VERBS, Verb

_COMMON = ("exp", "fresh", "config-file", "epochs", "batch-size", "lr", "device", "num-threads", "trained-model",
           "engine", "temperature", "seed", "debug")
_USAGE = "python main.py [verb] [key=value ...] [--option ...]"
_EPILOG = """Settings of config.py, their parts and every option can be given as key=value:
  python main.py train --exp wide net.layers=20 batch_size=8
Order of precedence: config.py, --config-file, key=value, --option.  All options: --help-all"""


@dataclass(frozen=True)
class Command:
    """What the user typed: a verb, all options, which of them were given, and `key=value` overrides in order."""

    verb: str
    args: Namespace
    given: frozenset[str]
    overrides: tuple[tuple[str, str], ...]


def f_args_parsed(argument_input: Sequence[str] | None = None) -> Namespace:
    """The options of an upstream-style main.py; from here on users' mistakes end it with one message.

    argument_input: words instead of sys.argv[1:]. Raises: UsageError; SystemExit(0) after --help.
    """
    argv = sys.argv[1:] if argument_input is None else list(argument_input)
    if "--debug" not in argv:
        report_without_traceback()
    _answer_help(argv, full_help)
    flags, words = _split(argv)
    _raise_faults([f"{word!r}: only flags are expected here" for word in words])
    for name in flags:
        if name in NEED_OUR_ENTRY or OPTIONS[name].verb:
            log.warn(f"--{name} has no effect with a main.py of its own")
    return _with_defaults(flags)


def overwrite_args(args: Namespace, dict: dict) -> Namespace:  # noqa: A002 (upstream's name)
    """Copy `batch_size` and `num_workers` from the dictionary into `args`, as upstream does; returns `args`."""
    for name in ("batch_size", "num_workers"):
        if name in dict:
            setattr(args, name, dict[name])
    return args


def parse_command(argv: Sequence[str], title: str = "") -> Command:
    """[VERB] [key=value ...] [--flags], in any order after the verb. Raises: UsageError; SystemExit(0) after --help."""
    of_verb = next((word for word in argv[:1] if word in VERBS and VERBS[word].about), "")
    _answer_help(argv, partial(verb_help, of_verb) if of_verb else partial(short_help, title))
    flags, words = _split(argv)
    mode = "infer" if "inference" in flags else "train"
    verb = words.pop(0) if words and "=" not in words[0] else mode
    faults = []
    if verb not in VERBS:
        faults.append(f"unknown verb {verb!r}; verbs are {', '.join(VERBS)}{did_you_mean(verb, VERBS)}")
    if verb == "train" != mode:
        faults.append("train and --inference contradict each other: give one of them")
    if "epoch2pt" in flags:
        faults.append("--epoch2pt is for a main.py of its own; here --trained-model reads epoch files too")
    faults += [f"--{name} belongs to the verb {OPTIONS[name].verb}, not to {verb}" for name in flags
               if verb in VERBS and OPTIONS[name].verb not in ("", verb)]
    subject, own = _take_words(VERBS[verb], words) if verb in VERBS else ("", [])
    if verb in VERBS and subject not in ("", *VERBS[verb].subjects):
        faults.append(f"{verb} knows {', '.join(VERBS[verb].subjects)}, not {subject!r}"
                      f"{did_you_mean(subject, VERBS[verb].subjects)}")
    faults += [f"{word!r}: expected key=value" for word in words if not re.match(r"[A-Za-z_][\w.-]*=", word)]
    _raise_faults(faults)
    args = _with_defaults(flags)
    args.inference, args.subject, args.words = verb == "infer", subject, own
    args.given = frozenset(OPTIONS[name].dest for name in flags)
    pairs = (word.partition("=") for word in words)
    return Command(verb, args, args.given, tuple((key, text) for key, _, text in pairs))


def short_help(title: str = "") -> str:
    """One screen: the verbs and the options that most runs need."""
    verbs = [f"  {name:<10}{verb.help}" for name, verb in VERBS.items()]
    about = title or "A recipe of Recital: trains a speech waveform model, generates files with it."
    common = {"common options": [OPTIONS[name] for name in _COMMON]}
    about = "\n".join([about, "verbs, train where none is given:", *verbs])
    return _parser(common, usage=_USAGE, description=about, epilog=_EPILOG).format_help()


def verb_help(name: str) -> str:
    """One screen about one verb."""
    verb = VERBS[name]
    own = {"options": [*verb.own_options(name), *(OPTIONS[other] for other in verb.also)]}
    usage = f"python main.py {name} {verb.usage} [--option ...] [key=value ...]"
    return _parser(own, usage=usage, description=verb.about, epilog=verb.epilog).format_help()


def full_help() -> str:
    """Every option, by group."""
    return _parser(GROUPS, usage=SUPPRESS, description="Every option, with its default in brackets.").format_help()


class _Parser(ArgumentParser):
    """argparse, whose complaints are errors of ours."""

    def error(self, message: str) -> None:
        if clash := re.fullmatch(r"ambiguous option: (\S+) could match (.*)", message):
            meant = "; ".join(f"{flag} ({OPTIONS[flag[2:]].help})" for flag in clash[2].split(", "))
            message = f"{clash[1].partition('=')[0]} is short for several options; write out the one you mean: {meant}"
        raise UsageError(f"command line: {message}")


def _parser(groups: dict[str, Iterable[Option]], **texts: str) -> _Parser:
    """A parser of these options that fills in no defaults: its namespace has the names of those that were given."""
    form = partial(RawDescriptionHelpFormatter, width=110, max_help_position=34)
    parser = _Parser(add_help=False, formatter_class=form, **texts)
    for title, options in groups.items():
        group = parser.add_argument_group(title)
        for option in options:
            if option.kind is bool:
                how = {"action": "store_const", "const": not option.default, "help": option.help}
            else:
                default = f"  [{option.default}]" if option.default != "" else ""
                how = {"type": option.convert, "metavar": option.kind.__name__.upper(), "help": option.help + default}
            how |= {"action": "append"} if option.repeats else {}
            flags = [f"-{option.short}"] * bool(option.short) + [f"--{option.name}"]
            group.add_argument(*flags, dest=option.name, default=SUPPRESS, **how)
    return parser


def _split(argv: Sequence[str]) -> tuple[dict[str, Value], list[str]]:
    """Options given, by name, and the words that are neither flags nor their values. Raises: UsageError."""
    found, rest = _parser(GROUPS).parse_known_args(argv)
    flags = vars(found)
    _raise_faults([_unknown_flag(word) for word in rest if word.startswith("-")])
    for name in flags:
        if OPTIONS[name].unused:
            log.warn(f"--{name} is accepted and does nothing here")
    if "shuffle" in flags:
        log.warn("--shuffle turns shuffling OFF, as it always did; --no-shuffle says so plainly")
    return flags, rest


def _take_words(verb: Verb, words: list[str]) -> tuple[str, list[str]]:
    """The verb's subject and its own words, which leave `words`."""
    has_subject = verb.subjects and words and "=" not in words[0]
    subject = words.pop(0) if has_subject else "".join(verb.subjects[:1])
    own = [word for word in words if "=" not in word] if verb.takes_words else []
    for word in own:
        words.remove(word)
    return subject, own


def _unknown_flag(word: str) -> str:
    flag, equals, _ = word.partition("=")
    remedy = f"; settings are written without dashes: {flag.lstrip('-')}=..." if equals else ""
    return f"unknown option {flag}{did_you_mean(flag, (f'--{name}' for name in OPTIONS)) or remedy}"


def _with_defaults(flags: dict[str, Value]) -> Namespace:
    defaults = {option.dest: option.default for option in OPTIONS.values() if not option.target}
    every = {f"{option.dest}s": flags.get(name, []) for name, option in OPTIONS.items() if option.repeats}
    last = {OPTIONS[name].dest: value[-1] if OPTIONS[name].repeats else value for name, value in flags.items()}
    return Namespace(**defaults | every | last)


def _raise_faults(faults: list[str]) -> None:
    if faults:
        raise all_faults(UsageError, "command line", faults)


def _answer_help(argv: Sequence[str], short: Callable[[], str]) -> None:
    if {"--help", "-h", "--help-all"} & set(argv):
        log.say(full_help() if "--help-all" in argv else short())
        raise SystemExit(0)
