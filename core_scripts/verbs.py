"""The table of verbs, `python main.py VERB`: what each does, which functions do it, and the options that it alone has.

A new verb is one more row here and a function of (resolved settings, run folder), in core_scripts/tasks/ as a rule.
Functions are named and not imported, since they bring torch: help and mistakes are answered before that.
"""
from dataclasses import dataclass, replace
from enum import Enum

from core_scripts.option import Option


class Place(Enum):
    """What of a project a verb works in, and so what is checked before it begins."""

    NOWHERE = "its settings"  # no model, no run
    MODEL = "its model"
    DATA = "its model and its lists"
    NEW_RUN = "a run, which is begun if there is none"
    RUN = "a run that is there"


@dataclass(frozen=True)
class Verb:
    """One word of the command line."""

    help: str
    place: Place
    functions: tuple[str, ...]  # "flow:train" is train(resolved, folder) of core_scripts/flow.py; called in turn
    options: tuple[Option, ...] = ()
    subjects: tuple[str, ...] = ()  # words that may follow the verb, the first if none does: args.subject
    takes_words: bool = False  # further words without "=" are the verb's own: args.words
    ignores: frozenset[str] = frozenset()  # options that would be passed over in silence, by their keys
    usage: str = ""  # what stands behind the verb, for its own help
    about: str = ""
    epilog: str = ""
    also: tuple[str, ...] = ()  # options of all verbs that its help shows too

    def own_options(self, name: str) -> tuple[Option, ...]:
        """Its options, which know the verb's name."""
        return tuple(replace(option, verb=name) for option in self.options)


_RUN_FLAGS = frozenset({"exp", "fresh", "resume", "trained_model", "init_from"})
_PREPARE_ABOUT = """Checks every recording below DIR and makes a folder to train on: waveforms, log-mel frames, lists,
statistics. Started again, it goes on where it was stopped. It ends with the command line for training."""
_PREPARE_EPILOG = """Processes: --num-workers N; 0 takes as many as there are cores.
  python main.py prepare --wav-dir ~/recordings --speakers-from folder --resample 16000 --skip-bad"""

_PLOT_ABOUT = """Draws columns of one or several metrics.csv as curves. What to draw, and how, stands in a file
(-c) or on the command line, which goes before it."""
_PLOT_EPILOG = """  python main.py plot
  python main.py plot base wide -c paper.json --plot-title='$\\mu$-law, 256 levels' --extensions=pdf,svg"""

VERBS: dict[str, Verb] = {
    "train": Verb("train with config.py; continues the run that is there", Place.NEW_RUN, ("flow:train",),
                  ignores=frozenset({"json"})),
    "infer": Verb("generate files into exp/NAME/output/", Place.RUN, ("flow:infer",),
                  ignores=frozenset({"json", "fresh", "resume"})),
    "evaluate": Verb("bits per sample on the test list, beside baselines", Place.RUN, ("tasks.score:score",),
                     ignores=frozenset({"fresh", "resume"})),
    "prepare": Verb(
        "from a folder of recordings to data for training (prepare --help)", Place.NOWHERE, ("tasks.prepare:prepare",),
        options=(
            Option("wav-dir", "", "folder with the recordings, .wav and .flac, sub-folders too"),
            Option("out", "", "folder to make; empty: DATA/NAME beside the recipes, NAME as the recordings' folder"),
            Option("speakers-from", "", "folder, prefix (up to the first _ or -), or a file of NAME<TAB>speaker lines"),
            Option("train-list", "", "names to train on; lists that are not given are made"),
            Option("val-list", "", "names to validate with"),
            Option("test-list", "", "names to generate and to score"),
            Option("resample", 0, "rate in Hz to bring all recordings to; 0: leave them", low=0),
            Option("skip-bad", False, "go on without the recordings that cannot be used"),
        ),
        ignores=_RUN_FLAGS | {"json"}, usage="--wav-dir DIR", about=_PREPARE_ABOUT, epilog=_PREPARE_EPILOG,
        also=("num-workers",),
    ),
    "config": Verb("show the settings that would be used, and do nothing", Place.DATA, ("tasks.config:show",),
                   ignores=frozenset({"fresh", "resume"})),
    "demo": Verb("built-in data, everything once, offline", Place.NEW_RUN,
                 ("flow:train", "flow:infer", "flow:convert", "tasks.score:score")),
    "analyze": Verb("analyze model: layers, parameters, receptive fields (--json)", Place.MODEL,
                    ("tasks.analyze:analyze",), subjects=("model",), ignores=_RUN_FLAGS),
    "plot": Verb(
        "curves of metrics.csv, of one run or of several (plot --help)", Place.NOWHERE, ("tasks.plot:plot",),
        options=(
            Option("settings", "", "JSON or YAML file with any of the keys below, underscores for dashes", short="c"),
            Option("plot-name", "", "file to draw, without extension; empty: plot, beside the first table"),
            Option("plot-title", "", "above the picture; texts may hold TeX between dollars"),
            Option("x-axis-title", "", "below it; not given: the column's name"),
            Option("y-axis-title", "", "to the left of it"),
            Option("extensions", "png", "one or several of png,pdf,jpg,svg"),
            Option("x", "epoch", "column along the horizontal axis"),
            Option("columns", "train_loss,val_loss", "columns to draw"),
            Option("labels", "", "one per curve, with ; between them; not given: run and column"),
            Option("log-y", "no", "logarithmic vertical axis", choices=("yes", "no")),
            Option("grid", "yes", "lines behind the curves", choices=("yes", "no")),
            Option("tex", "no", "labels by LaTeX where it is installed, else by mathtext", choices=("yes", "no")),
            Option("width", 7.0, "inches"),
            Option("height", 4.0, "inches"),
            Option("dpi", 120, "dots per inch of png and jpg"),
        ),
        takes_words=True, ignores=frozenset({"fresh", "resume", "trained_model", "init_from", "json"}),
        usage="[FILE or RUN ...] [--exp NAME ...] [-c FILE]", about=_PLOT_ABOUT, epilog=_PLOT_EPILOG,
    ),
    "trace": Verb("one batch through every part, with shapes and times", Place.NEW_RUN, ("tasks.trace:trace",),
                  ignores=frozenset({"json", "resume"})),
}
