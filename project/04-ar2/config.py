"""AR(2): one convolution of kernel length 2 finds the coefficients of x_t = c + a x_{t-1} + b x_{t-2} + noise.

Edit the values, or leave them and override: `python main.py process.a=0.9 process.b=-0.5 head=mean`.
"""
from core_scripts.corpus.ar2 import Ar2Process

# The series, made here on first use: one to train on and one to test with.
process = Ar2Process(a=-0.4, b=0.5, c=0.0, sigma=1.0, samples=10000, seed=1)
# The example of the design notes, which starts at 50, 60 and dies away over a noise of 1e-5: process=transient
presets = {"process": {"stationary": process, "transient": Ar2Process(sigma=1e-5, x0=50.0, x1=60.0, samples=100)}}
synthetic_recipe = "process"  # the key above

# What the network says of the next sample: its mean, learnt by mean squared error; mean and deviation of a normal
# distribution, learnt by likelihood; or one logit for each of `bins` intervals.
head = "gaussian"
bins = 64
bins_reach = 5.0  # deviations of the series from its mean to the outermost bins

trn_set_name = ["train"]
trn_list = ["{data}/train.lst"]
test_set_name = ["test"]
test_list = ["{data}/test.lst"]

input_dirs = [["{data}/series"]]
input_exts = [".x"]
input_dims = [1]
test_input_dirs = [["{data}/series"]]
output_dirs = [["{data}/series"]]
output_exts = [".x"]
output_dims = [1]
test_output_dirs = [["{data}/series"]]

# Training: the whole series at every step, so that an epoch is a step.
batch_size = 1
lr = 0.1
epochs = 300
no_best_epochs = 0
lr_decay_factor = 0.1
lr_scheduler_type = 4  # along a cosine to zero
not_save_each_epoch = True
verbose = 0

HEADS = ("mean", "gaussian", "categorical")


def derive(conf):
    """Another folder for another process."""
    folder = f"../DATA/ar2/{conf.process.name}"
    return {"synthetic_corpus": folder, "data": folder}


def faults(conf):
    """What does not fit together."""
    found = []
    if conf.head not in HEADS:
        found.append(f"head={conf.head!r} is unknown, there are {', '.join(HEADS)}")
    if not isinstance(conf.bins, int) or conf.bins < 2:
        found.append(f"bins={conf.bins!r} must be a whole number of at least 2")
    if not conf.bins_reach > 0:
        found.append(f"bins_reach={conf.bins_reach!r} must be above 0")
    if conf.head == "categorical" and conf.process.is_transient:
        found.append("head=categorical has bins as wide as the series is large, and a series that dies away leaves its "
                     "noise far below one bin; take head=mean or head=gaussian, or process.x0=None process.x1=None")
    return found
