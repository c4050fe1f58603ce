"""Toy WaveNet: samples of few levels from nothing but the samples before them, and what a model must beat.

Edit the values, or leave them and override: `python main.py net=toy net.codes=16`, `--config-file demo.yaml`.
Every command-line flag may be set here too, under its name with underscores. {name} in a path is another key.
"""
from dataclasses import replace

from sandbox.config_wavenet import WaveNetConfig

# Data: a folder with wav/NAME.wav and the lists of names. The synthetic corpus is made here on first use; of Speech
# Commands, whose folders are words, it is data=../DATA/speech_commands wav_folder=. (see speech_commands.py).
synthetic_corpus = "../DATA/synthetic"
data = "../DATA/synthetic"
wav_folder = "wav"
wav_samp_rate = None  # Hz; None: that of the files, whatever it is; generating wants it

trn_set_name = ["train"]
trn_list = ["{data}/train.lst"]
val_set_name = ["val"]
val_list = ["{data}/val.lst"]
test_set_name = ["test"]
test_list = ["{data}/test.lst"]

# Input and target are the same waveform: the network sees it up to the sample before.
input_dirs = [["{data}/{wav_folder}"]]
input_exts = [".wav"]
input_dims = [1]
input_norm = [False]
test_input_dirs = [["{data}/{wav_folder}"]]
output_dirs = [["{data}/{wav_folder}"]]
output_exts = [".wav"]
output_dims = [1]
output_norm = [False]
test_output_dirs = [["{data}/{wav_folder}"]]

# A variable that conditions every sample of an utterance: a file of lines NAME<TAB>word (who speaks, what is said) or
# NAME<TAB>number; "": nothing does.
variable = ""  # "{data}/speakers.tsv"
variable_kind = "class"  # or scalar
variable_channels = 8  # of the vector that stands for a class
variable_value = None  # the number to generate with, whatever the file says; of classes, --target-speaker NAME

truncate_seq = 2400  # samples per training crop
minimum_len = 400
random_offset = True  # each epoch cuts the recordings at other places

# Model. K is net.codes, any number from 2 on, or 2**net.bits with net.codes=0. `full` and `toy` are those of the
# design notes, 1,063,648 and 60,610 parameters, which see 3,070 samples.
_notes = WaveNetConfig(layers=30, cond_channels=0, input_bias=True, plain_biases=True)
presets = {"net": {
    "small": WaveNetConfig(layers=6, dilation_cycle=6, kernel_size=4, residual_channels=32, gate_channels=32,
                           skip_channels=32, post_channels=32, codes=32, cond_channels=0),
    "toy": replace(_notes, residual_channels=50, gate_channels=6, skip_channels=50, post_channels=50, codes=10),
    "full": replace(_notes, residual_channels=32, gate_channels=32, skip_channels=512, post_channels=512, bits=8),
}}
net = presets["net"]["small"]

# Training
smooth_start = True  # neighbouring codes begin with similar vectors, and the first guess is how often each code occurs
batch_size = 4
inference_batch_size = 8
lr = 0.005
epochs = 20
no_best_epochs = 0
lr_decay_factor = 0.1
lr_scheduler_type = 4  # along a cosine to zero
grad_clip_norm = 1.0
eval_mode_for_validation = True

KINDS = ("class", "scalar")


def derive(conf):
    """Channels of the variable; classes are told apart as speakers are elsewhere."""
    is_class, used = conf.variable_kind == "class", bool(conf.variable)
    channels = (conf.variable_channels if is_class else 1) if used else 0
    return {"net": replace(conf.net, global_channels=channels), "speakers": conf.variable if used and is_class else ""}


def faults(conf):
    """What does not fit together."""
    found = []
    if conf.variable_kind not in KINDS:
        found.append(f"variable_kind={conf.variable_kind!r} is unknown, there are {', '.join(KINDS)}")
    if conf.variable_value is not None and (not conf.variable or conf.variable_kind != "scalar"):
        found.append(f"variable_value={conf.variable_value} is for a variable of variable_kind=scalar; classes are "
                     "chosen with --target-speaker NAME")
    if conf.variable and conf.variable_kind == "class" and conf.variable_channels < 1:
        found.append(f"variable_channels={conf.variable_channels}: without a channel the variable has no effect; take "
                     "1 or more")
    if conf.net.head != "categorical":
        found.append(f"net.head={conf.net.head!r}: this recipe is about few levels, and counts how often the right one "
                     "is the most probable; recipe 01 has the other heads")
    if conf.net.cond_channels:
        found.append(f"net.cond_channels={conf.net.cond_channels}: there are no frames here; take 0, or recipe 01")
    return found
