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
    SEEN_RUN = "a run that is only looked at"  # neither locked nor logged to, and its data may be gone


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
_EVALUATE_ABOUT = """Scores the trained model on the test list, and what was generated last against its recordings,
beside what needs no network. Tables and files: docs/EVALUATION.md."""
_PREPARE_ABOUT = """Checks every recording below DIR and makes a folder to train on: waveforms, log-mel frames, lists,
statistics. Started again, it goes on where it was stopped. It ends with the command line for training."""
_PREPARE_EPILOG = """Processes: --num-workers N; 0 takes as many as there are cores.
  python main.py prepare --wav-dir ~/recordings --speakers-from folder --resample 16000 --skip-bad"""
_ANALYZE_ABOUT = """model: layers, parameters, receptive field, cost.
data: what recordings are like, how far their samples know of each other, and what needs no network on them; DIR holds
them, without it the lists of config.py are meant.
suggest: the smallest network that suits such recordings, with reasons, written as a configuration that runs."""
_ANALYZE_EPILOG = """  python main.py analyze data ~/recordings --bits 8 --json
  python main.py analyze suggest ~/recordings --most-parameters 200000"""
_REPORT_ABOUT = """Writes exp/NAME/report.html, one file that needs no network: with what the run was made, its learning
curve and scores, players over spectrograms on one scale, units and conversions of recipes that have them, and a blind
test whose votes are saved as CSV."""
_REPORT_EPILOG = """  python main.py report --exp wide --against base
  python main.py report --checkpoints 8       one sentence at eight of the checkpoints that were kept, made once"""

_PLOT_ABOUT = """Draws columns of one or several metrics.csv as curves. What to draw, and how, stands in a file
(-c) or on the command line, which goes before it."""
_PLOT_EPILOG = """  python main.py plot
  python main.py plot base wide -c paper.json --plot-title='$\\mu$-law, 256 levels' --extensions=pdf,svg"""

VERBS: dict[str, Verb] = {
    "train": Verb("train with config.py; continues the run that is there", Place.NEW_RUN,
                  ("flow:train", "tasks.score:score_if_wanted"), ignores=frozenset({"json"})),
    "infer": Verb("generate files into exp/NAME/output/", Place.RUN, ("flow:infer",),
                  ignores=frozenset({"json", "fresh", "resume"})),
    "evaluate": Verb(
        "bits per sample and metrics of sound on the test list, beside baselines", Place.RUN, ("tasks.score:score",),
        options=(
            Option("words", "", "what is said in each recording, for corpora of a word a file: a file of NAME<TAB>word "
                   "lines, or prefix (up to the first _ or -)"),
        ),
        ignores=frozenset({"fresh", "resume"}), about=_EVALUATE_ABOUT, also=("json", "exp", "output-dir"),
    ),
    "verify": Verb("the engines against each other on the trained model", Place.RUN, ("tasks.verify:verify",),
                   options=(Option("check-utterances", 3, "of the test list, the longest ones", low=1),
                            Option("check-samples", 4000, "of each; more than the receptive field", low=1)),
                   ignores=frozenset({"fresh", "resume", "engine", "precision"})),
    "report": Verb(
        "one page to read and to listen to: exp/NAME/report.html (report --help)", Place.SEEN_RUN,
        ("tasks.report:report",),
        options=(
            Option("against", "", "another run to compare with: its name, or its folder"),
            Option("utterances", 20, "how many to show at most", low=1),
            Option("checkpoints", 0, "generate one sentence with so many checkpoints of the run; 0: show what is there",
                   low=0),
        ),
        ignores=frozenset({"fresh", "resume", "trained_model", "init_from", "json"}), usage="[--exp NAME]",
        about=_REPORT_ABOUT, epilog=_REPORT_EPILOG, also=("exp", "output-dir", "seed"),
    ),
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
                 ("flow:train", "flow:infer", "flow:convert", "tasks.score:score", "tasks.report:report")),
    "analyze": Verb(
        "model, data [DIR] or suggest [DIR]: what they are like, what suits (analyze --help)", Place.MODEL,
        ("tasks.analyze:analyze",), subjects=("model", "data", "suggest"), takes_words=True,
        options=(
            Option("measure", False, "model: also time a training step and generation, on noise; seconds"),
            Option("levels", 0, "data: levels of the quantiser, mu-law, 65536: 16-bit; 0: those of config.py, or 256",
                   low=0),
            Option("bits", 0, "data: the same as 2 to this power; 0: see levels", low=0),
            Option("peak-normalised", False, "data: bring each recording to its peak before it is quantised"),
            Option("analysis-seconds", 120.0, "data, suggest: seconds for measuring, and again for baselines; 0: all "
                   "that it takes", low=0),
            Option("most-parameters", 0, "suggest: parameters at most; 0: no bound", low=0),
            Option("most-memory", 0.0, "suggest: MiB of a training step at most (measured); 0: no bound", low=0),
            Option("most-seconds", 0.0, "suggest: seconds of generation per second of audio at most (measured); 0: no "
                   "bound", low=0),
            Option("suggested-config", "", "suggest: file to write; empty: config_suggested.py"),
            Option("analysis-dir", "", "data: folder for data.json and pictures; empty: exp/analysis/NAME"),
        ),
        ignores=_RUN_FLAGS, usage="[model | data [DIR] | suggest [DIR]]", about=_ANALYZE_ABOUT, epilog=_ANALYZE_EPILOG,
        also=("json", "num-workers"),
    ),
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
