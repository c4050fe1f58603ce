"""WaveNet vocoder, 16 kHz: 80 log-mel bands every 5 ms in, one mu-law sample after the other out.

Edit the values, or leave them and override: `python main.py net=standard batch_size=8`, `--config-file demo.yaml`.
Every command-line flag may be set here too, under its name with underscores. {name} in a path is another key.
"""
from core_scripts.features.config_mel import MelConfig
from sandbox.config_wavenet import WAVENET_PRESETS

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

# Input: log-mel frames, computed from the waveform while it is read.
mel = MelConfig(rate_hz=16000, window=400, hop=80, fft=512, bands=80)
input_dirs = [["{data}/wav"]]
input_exts = [".wav"]
input_front_ends = ["mel"]  # the key above; None: the files hold the frames themselves, as in ".mel"
input_fills = None  # of stored frames, what stands outside the file: ["mel"] is the digital silence of that record
input_dims = [80]
input_reso = [80]  # samples per frame
input_norm = [True]
test_input_dirs = [["{data}/wav"]]

# Who speaks, beside the frames: a file of lines NAME<TAB>speaker, with net.global_channels=16; or nobody and 0.
speakers = ""  # "{data}/speakers.tsv"

# Output: the waveform.
output_dirs = [["{data}/wav"]]
output_exts = [".wav"]
output_dims = [1]
output_reso = [1]
output_norm = [False]
test_output_dirs = [["{data}/wav"]]  # [[]] where there is nothing to compare with

truncate_seq = 8000  # samples per training crop, a multiple of the hop
minimum_len = 800
random_offset = False  # True: each epoch cuts the recordings at other places

# Model: small or standard, or any sizes: net = WaveNetConfig(layers=24, dilation_cycle=8, bits=10, ...)
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


def faults(conf):
    """What does not fit together: the frames that are made and the frames that the network expects."""
    found = []
    if conf.mel.hop != conf.net.hop:
        found.append(f"mel.hop={conf.mel.hop} but net.hop={conf.net.hop} samples; set both to one value")
    if conf.mel.bands != conf.net.cond_channels:
        found.append(f"mel.bands={conf.mel.bands} but net.cond_channels={conf.net.cond_channels}; set them alike")
    if conf.mel.rate_hz != conf.wav_samp_rate:
        found.append(f"mel.rate_hz={conf.mel.rate_hz} but wav_samp_rate={conf.wav_samp_rate} Hz; set them alike")
    if bool(conf.speakers) != (conf.net.global_channels > 0):
        found.append(f"speakers={conf.speakers!r} but net.global_channels={conf.net.global_channels}; give both, as in "
                     "speakers={data}/speakers.tsv net.global_channels=16, or neither")
    return found
