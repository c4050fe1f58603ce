"""MFCC inversion, 16 kHz: 13 cepstral coefficients with slopes and curvatures every 10 ms in, their waveform out.

Edit the values, or leave them and override: `python main.py net=standard batch_size=8`, `--config-file demo.yaml`.
Every command-line flag may be set here too, under its name with underscores. {name} in a path is another key.
Widths and hops that follow from the frames (`net.hop`, `net.cond_channels`, ...) are filled in by `derive` below.
"""
from dataclasses import replace
from math import prod

from core_scripts.errors import ConfigError
from core_scripts.features.config_mfcc import MfccConfig
from sandbox.config_autoencoder import UpsamplerConfig, is_count
from sandbox.config_wavenet import WAVENET_PRESETS, choose_factors

# Data: a folder with wav/NAME.wav and the lists of names. The synthetic corpus is made here on first use.
synthetic_corpus = "../DATA/synthetic"
data = "../DATA/synthetic"
wav_samp_rate = 16000  # Hz

trn_set_name = ["train"]
trn_list = ["{data}/train.lst"]
val_set_name = ["val"]
val_list = ["{data}/val.lst"]
test_set_name = ["test"]
test_list = ["{data}/test.lst"]

# Input: MFCC frames, computed from the waveform while it is read. They are all that tells what is said, and how.
mfcc = MfccConfig()  # mfcc.deltas=false: without slopes and curvatures
input_dirs = [["{data}/wav"]]
input_exts = [".wav"]
input_front_ends = ["mfcc"]
mfcc_from = ""  # a folder with NAME.mfcc, as 02-vqvae writes it with target=mfcc, to be taken instead
input_norm = [True]
test_input_dirs = [["{data}/wav"]]

# Who speaks, beside the frames: a file of lines NAME<TAB>speaker, with net.global_channels=10; or nobody and 0.
speakers = ""  # "{data}/speakers.tsv"

# Output: the waveform.
output_dirs = [["{data}/wav"]]
output_exts = [".wav"]
output_dims = [1]
output_reso = [1]
output_norm = [False]
test_output_dirs = [["{data}/wav"]]  # [[]] where there is nothing to compare with

truncate_seq = 8000  # samples per training crop, a multiple of the hop
minimum_len = 1600
random_offset = False  # True: each epoch cuts the recordings at other places

# Frames to the sample rate: a convolution over neighbours, then a transposed one per stride, all linear.
upsample_mix = 3  # frames that the first convolution sees
upsample_channels = 64
upsample_strides = ()  # product = mfcc.hop; empty: chosen from it, 5, 4, 4, 2 at 16 kHz and 5, 4, 4 at 8 kHz
upsample_kernels = ()  # one per stride; empty: the published ones, 25, 16, 16, 16
upsample_equalised = True  # trained at a pace that suits rates of 1e-3; False: as published, for 1e-4

# The WaveNet, small or standard or any sizes: net = WaveNetConfig(layers=24, dilation_cycle=8, bits=10, ...)
presets = {"net": WAVENET_PRESETS}
net = WAVENET_PRESETS["small"]

# Training
batch_size = 4
inference_batch_size = 16
lr = 0.001
epochs = 50
no_best_epochs = 10
grad_clip_norm = 1.0
eval_mode_for_validation = True


def derive(conf):
    """Widths and hops that must agree: those of the frames go before."""
    hop = conf.mfcc.hop
    strides = conf.upsample_strides or choose_factors(hop)
    if all(map(is_count, strides)) and prod(strides) != hop:
        raise ConfigError(f"upsample_strides={list(strides)} make {prod(strides)} samples of a frame, but mfcc.hop="
                          f"{hop}; leave them out, which takes {list(choose_factors(hop))}, or set mfcc.hop="
                          f"{prod(strides)}")
    # Of the published ones, 25 for stride 5 and 16 for strides 4 and 2.
    kernels = conf.upsample_kernels or tuple(5 * stride if stride % 2 else max(16, 4 * stride)
                                             for stride in strides if is_count(stride))
    stored = {"input_dirs": [[conf.mfcc_from]], "test_input_dirs": [[conf.mfcc_from]], "input_exts": [".mfcc"],
              "input_front_ends": [None], "input_fills": ["mfcc"]}
    return {
        "upsampler": UpsamplerConfig(in_channels=conf.mfcc.dim, channels=conf.upsample_channels, hop=hop,
                                     mix=conf.upsample_mix, strides=strides, kernels=kernels,
                                     equalised=conf.upsample_equalised),
        "net": replace(conf.net, hop=hop, cond_channels=conf.upsample_channels),
        "input_dims": [conf.mfcc.dim], "input_reso": [hop], **(stored if conf.mfcc_from else {}),
    }


def faults(conf):
    """What does not fit together."""
    found = []
    if conf.mfcc.rate_hz != conf.wav_samp_rate:
        found.append(f"mfcc.rate_hz={conf.mfcc.rate_hz} but wav_samp_rate={conf.wav_samp_rate} Hz; set them alike")
    if conf.net.upsample != "repeat" or conf.net.upsample_factors:
        found.append("net.upsample and net.upsample_factors have no effect here; leave them out, and set "
                     "upsample_strides, upsample_kernels, upsample_channels")
    if bool(conf.speakers) != (conf.net.global_channels > 0):
        found.append(f"speakers={conf.speakers!r} but net.global_channels={conf.net.global_channels}; give both, as in "
                     "speakers={data}/speakers.tsv net.global_channels=10, or neither")
    return found
