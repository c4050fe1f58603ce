"""The table of options: name, default, meaning. A new option is one more row; its type is that of its default."""
from core_scripts import constants
from core_scripts.option import Option, Value
from core_scripts.verbs import VERBS


def _unused(name: str, default: Value) -> Option:
    return Option(name, default, "accepted and does nothing here", unused=True)


GROUPS: dict[str, tuple[Option, ...]] = {
    "Modules": (
        Option("module-model", "model", "Python module with the model and the loss"),
        Option("module-config", "config", "Python module with the configuration"),
        _unused("module-model-aux", ""),
        _unused("module-dataset", "datasets"),
    ),
    "Training": (
        Option("batch-size", 1, "segments per minibatch, in training and inference", low=1),
        Option("size-accumulate-grad", 1, "minibatches per optimizer step", low=1),
        Option("epochs", 50, "epochs at most", low=0),
        Option("no-best-epochs", 5, "stop after so many epochs without a new best one; 0: never"),
        Option("force-save-lite-trained-network-per-epoch", False, "write the best-model file after every epoch"),
        Option("sampler", "None", "order of minibatches", choices=("None", "block_shuffle_by_length")),
        Option("lr", 1e-4, "learning rate", low=0),
        Option("lr-decay-factor", -1.0, "above 0: switches the scheduler on, and is its factor"),
        Option("lr-scheduler-type", 0, "0 plateau, 1 step, 2 exponential, 3 warm restarts, 4 cosine to zero"),
        Option("lr-patience", 5, "epochs: patience of type 0, period of type 3"),
        Option("lr-steplr-size", 5, "epochs per step of type 1"),
        Option("l2-penalty", -1.0, "weight decay, if above 0"),
        Option("grad-clip-norm", -1.0, "largest norm of the gradient, if above 0"),
        Option("optimizer", "Adam", "Adam, AdamW or SGD"),
        Option("no-cuda", False, "use the CPU"),
        Option("seed", 1, "seed of everything random"),
        Option("eval-mode-for-validation", False, "call model.eval() in validation"),
        Option("model-forward-with-target", False, "call model(input, target)"),
        Option("model-forward-with-file-name", False, "call model(input, info)"),
        Option("shuffle", True, "turns shuffling OFF (upstream's meaning; prefer --no-shuffle)"),
        Option("num-workers", 0, "processes that load data", low=0),
        _unused("multi-gpu-data-parallel", False),
        Option("way-to-merge-datasets", "concatenate", "any other word: one batch of each corpus, side by side"),
        Option("ignore-length-invalid-data", False, "drop utterances whose features differ in length"),
        Option("ignore-cached-file-infor", False, "neither read nor write caches of durations"),
        Option("path-cache-file", "", "folder for caches of durations and statistics"),
        Option("force-skip-datadir-scanning", False, "trust the list, do not look for the files"),
        Option("minibatch-num-train", 0, "minibatches per training pass at most; 0: all", low=0),
        Option("minibatch-num-val", 0, "minibatches per validation pass at most; 0: all", low=0),
        Option("debug-batch-num", 0, "minibatches per pass at most, both passes; 0: all", low=0),
        Option("flag-reverse-data-loading-order", False, "last utterance first"),
        Option("force-update-seq-length", False, "tell the sampler the lengths after augmentation"),
        Option("opt-wav-silence-handler", 0, "0 none, 1 keep speech, 2 keep silence, 3 trim the ends"),
        Option("temp-flag", "", "a word for the model"),
        Option("verbose", 1, "0 quiet, 1 progress, 2 details", low=0),
    ),
    "Saving": (
        Option("save-model-dir", "./", "folder of the model files"),
        Option("not-save-each-epoch", False, "no file per epoch"),
        Option("not-save-anything", False, "no files at all"),
        Option("save-epoch-name", constants.EPOCH_NAME, "stem of the files per epoch"),
        Option("save-trained-name", constants.TRAINED_NAME, "stem of the best model's file"),
        Option("save-model-ext", constants.CHECKPOINT_EXT, "extension of model files"),
        Option("save-model-every-n-minibatches", 0, "also save within an epoch; 0: not", low=0),
    ),
    "Loading and mode": (
        Option("trained-model", "", "checkpoint to continue from or to generate with"),
        Option("ignore-training-history-in-trained-model", False, "take weights and optimizer, start counting anew"),
        Option("ignore-optimizer-statistics-in-trained-model", False, "do not take the optimizer's state"),
        Option("allow-mismatched-pretrained-model", False, "take only the weights whose sizes agree"),
        Option("inference", False, "generate instead of training"),
        Option("epoch2pt", False, "convert an epoch's file to a file of weights"),
    ),
    "Inference": (
        Option("inference-sample-start-index", 0, "first minibatch", low=0),
        Option("inference-sample-end-index", -1, "minibatch to stop before; -1: after the last"),
        Option("inference-data-list", "", "text file with the names to generate"),
        Option("output-dir", "./output", "folder of the output files"),
        Option("output-filename-prefix", "", "put before each output file's name"),
        Option("trunc-input-length-for-inference", -1, "generate in pieces of so many input frames, if above 0"),
        Option("trunc-input-overlap", 5, "input frames shared by neighbouring pieces", low=0),
    ),
    "Backend": (
        Option("cudnn-deterministic-toggle", True, "turns deterministic cuDNN kernels OFF"),
        Option("cudnn-benchmark-toggle", False, "lets cuDNN pick the fastest kernels"),
    ),
    "Profiling and active learning": tuple(_unused(name, default) for name, default in {
        "wait-warmup-active-repeat": "1-1-3-2", "profile-output-dir": "./log_profile", "active-learning-cycle-num": 0,
        "active-learning-use-new-data-only": False, "active-learning-new-sample-per-cycle": 0,
        "active-learning-train-model-for-retrieval": False, "active-learning-with-replacement": False,
        "active-learning-pre-train-epoch-num": 0, "active-learning-cache-dataname-save": "cache_al_data_log",
        "active-learning-cache-dataname-path": "",
    }.items()),
    "Recital": (
        Option("exp", "base", "name of the run: its files go to exp/NAME/", repeats=True),
        Option("resume", False, "continue the run, and stop if there is none (without: begin one then)"),
        Option("fresh", False, "start over; the old run is moved aside"),
        Option("init-from", "", "file whose weights training starts from"),
        Option("resume-data", "same", "same refuses to go on with other files; restart-epoch begins the epoch anew "
               "with them", choices=("same", "restart-epoch")),
        Option("config-file", "", "YAML or JSON file with settings"),
        Option("device", "auto", "auto, cpu, cuda or cuda:N", choices=("auto", "cpu", "cuda", "cuda:N")),
        Option("deterministic", False, "equal bits on a GPU too: an operation without such a form is an error"),
        Option("no-shuffle", True, "keep the order of the list", target="shuffle"),
        Option("inference-batch-size", 0, "utterances generated at once; 0: as --batch-size", low=0),
        Option("keep-checkpoints", 0, "newest states to keep, two at least, and the best epoch's; 0: all", low=0),
        Option("save-every-minutes", 0.0, "also save within an epoch, so many minutes after the save before; 0: not",
               low=0),
        Option("amp", "none", "precision of products in training; losses and weights stay float32",
               choices=("none", "bf16")),
        Option("polyak", 0.0, "decay of the average of weights that is validated and kept, such as 0.999; 0: none",
               low=0),
        Option("minutes", 0.0, "train so long in all, the rate annealed to end on time; --epochs does not count then",
               low=0),
        Option("tensorboard", False, "log for TensorBoard too, with sound and spectrograms, in exp/NAME/tensorboard/"),
        Option("num-threads", 0, "CPU threads; 0: as the system has it", low=0),
        Option("engine", "auto", "how samples are generated one by one", choices=("auto", "naive", "eager")),
        Option("temperature", 1.0, "of sampling; 0 takes the most probable value", low=0),
        Option("target-speaker", "", "speak as this one, whoever the utterance is of (recipes that know speakers)"),
        Option("write-codes", False, "also write the units of each utterance, to OUTPUT/codes/ (recipes with units)"),
        Option("from-codes", "", "folder of such units to generate from, instead of from the test list's speech"),
        Option("generation-seed", 1, "seed of generated samples"),
        Option("debug", False, "show tracebacks"),
        Option("json", False, "print results as JSON"),
    ),
} | {f"Verb {name}": verb.own_options(name) for name, verb in VERBS.items() if verb.options}
OPTIONS: dict[str, Option] = {option.name: option for group in GROUPS.values() for option in group}
_VALUES = [option for option in OPTIONS.values() if not option.target and not option.verb]
SETTINGS: dict[str, Option] = {option.dest: option for option in _VALUES}
NEED_OUR_ENTRY = ("exp", "resume", "fresh", "init-from", "config-file", "device", "num-threads", "json", "tensorboard",
                  "inference-batch-size")
