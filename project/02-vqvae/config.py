"""VQ-VAE of speech, 16 kHz: MFCC in, one unit every 20 ms, log-mel frames or the waveform out in any known voice.

Edit the values, or leave them and override: `python main.py bottleneck.codes=128`, `--config-file demo.yaml`.
Every command-line flag may be set here too, under its name with underscores. {name} in a path is another key.
What follows from other settings (widths, hops, the target) is filled in by `derive` below.
"""
from dataclasses import replace

from core_scripts.features.config_mel import MelConfig
from core_scripts.features.config_mfcc import MfccConfig
from core_scripts.geometry.chain import Chain
from sandbox.config_autoencoder import EncoderConfig, FeaturesDecoderConfig, UpsamplerConfig
from sandbox.config_bottleneck import BottleneckConfig
from sandbox.config_vqvae import AutoencoderPaths, DecoderPath
from sandbox.config_wavenet import WaveNetConfig

# What the units are decoded to: features (frames that another recipe makes audible) or wavenet (the waveform).
decoder = "features"
# What decoder=features makes: mel, which recipe 01 makes audible, or mfcc, which recipe 03 does.
target = "mel"
# How decoder=wavenet gets its units: two-step takes encoder and codebook from a features run and leaves them as they
# are; one-stage lets the units also predict log-mel frames at first; likelihood is the paper's way (see README.md).
way = "two-step"
init_codes_from = ""  # of two-step: exp/NAME/trained_model.pt of the features run

# Data: a folder with wav/NAME.wav and the lists of names. The synthetic corpus is made here on first use.
synthetic_corpus = "../DATA/synthetic"
data = "../DATA/synthetic"
wav_samp_rate = 16000  # Hz
labels = "{data}/units"  # where it exists, true units as NAME.txt, label<TAB>start<TAB>stop in samples; for `evaluate`
speakers = "{data}/speakers.tsv"  # lines NAME<TAB>speaker, told to the decoder only; "": nobody is told apart

trn_set_name = ["train"]
trn_list = ["{data}/train.lst"]
val_set_name = ["val"]
val_list = ["{data}/val.lst"]
test_set_name = ["test"]
test_list = ["{data}/test.lst"]

# Input and target are computed from the waveform while it is read.
deltas = True  # slope and curvature beside each coefficient
mfcc = MfccConfig()  # 13 coefficients every 10 ms
mel = MelConfig()  # the frames of recipe 01
input_dirs = [["{data}/wav"]]
input_exts = [".wav"]
input_front_ends = ["mfcc"]
input_norm = [True]
test_input_dirs = [["{data}/wav"]]
output_dirs = [["{data}/wav"]]
output_exts = [".wav"]
test_output_dirs = [["{data}/wav"]]

truncate_seq = 5120  # samples per training crop, a multiple of the samples per unit
minimum_len = 1280
random_offset = True  # each epoch cuts the recordings at other places

# Network. Input widths follow from what comes before.
encoder = EncoderConfig(kernels=(5, 4, 3), strides=(1, 2, 1), channels=96, residual=False)
bottleneck = BottleneckConfig(codes=64, dim=32)
jitter = 0.06  # of the units that the decoder hears in training, replaced by the left and by the right neighbour each
speaker_channels = 16  # of the vector that stands for a voice
features = FeaturesDecoderConfig(channels=96)
wavenet = WaveNetConfig(layers=10, skip_channels=64, post_channels=64, cond_channels=64, hop=80)
upsample = "frames"  # from units to the wavenet: frames (of wavenet.hop samples) or samples (transposed convolutions)
condition = FeaturesDecoderConfig(channels=128, kernels=(3,))  # of upsample=frames
upsampler = UpsamplerConfig()  # of upsample=samples

# Training
batch_size = 32
statistics_crops = 0  # of a minibatch: only normalisation and codebook see them (they make wavenet's few crops do)
start_crops = 512  # whose latents k-means makes the first codebook of
bottleneck_weight = 1.0  # of its loss: the pull to the codes, or the vae's divergence (0.002 with features)
bottleneck_warmup = 0  # steps in which that weight rises from 0
feature_weight = 1.0  # of one-stage: of the error of log-mel frames, at first
feature_half_life = 550  # steps in which it halves
stop_on_collapse = False  # end a run whose units are of no use; False: warn
inference_batch_size = 16
lr = 0.002
epochs = 50
no_best_epochs = 0
lr_decay_factor = 0.1
lr_scheduler_type = 4  # along a cosine to zero
grad_clip_norm = 1.0
eval_mode_for_validation = True

WAYS = ("two-step", "one-stage", "likelihood")
DECODERS = ("features", "wavenet")
UPSAMPLES = ("frames", "samples")
TARGETS = ("mel", "mfcc")


def derive(conf):
    """Widths and hops that must agree, the target, and the ways through the network."""
    mfcc = replace(conf.mfcc, deltas=conf.deltas and conf.mfcc.deltas)
    encoder = replace(conf.encoder, in_channels=mfcc.dim)
    latent_hop, voice = mfcc.hop * encoder.stride, conf.speaker_channels if conf.speakers else 0
    width, wavenet, is_learned = conf.bottleneck.dim, conf.wavenet, conf.upsample == "samples"
    upsampler = replace(conf.upsampler, in_channels=width + voice, hop=latent_hop) if is_learned else conf.upsampler
    if is_learned:
        wavenet = replace(wavenet, hop=latent_hop, global_channels=0, cond_channels=upsampler.channels)
    else:
        wavenet = replace(wavenet, global_channels=voice)
    is_wave, is_guided = conf.decoder == "wavenet", conf.way == "one-stage"
    made = mfcc if conf.target == "mfcc" and not is_wave else conf.mel
    features = replace(conf.features, in_channels=width, speaker_channels=conf.speaker_channels, bands=made.dim,
                       frames=max(1, latent_hop // made.hop))
    condition = replace(conf.condition, in_channels=width, bands=wavenet.cond_channels,
                        frames=max(1, latent_hop // wavenet.hop))
    to_frames = DecoderPath(chain=features.geometry, hop=made.hop)
    rise = upsampler.geometry if is_learned else Chain((condition.geometry, wavenet.upsample_geometry()))
    to_wave = DecoderPath(chain=Chain((rise, wavenet.layers_geometry())), hop=1)
    readers = (to_wave, to_frames) if is_wave and is_guided else (to_wave,) if is_wave else (to_frames,)
    return {
        "mfcc": mfcc, "encoder": encoder, "upsampler": upsampler, "wavenet": wavenet, "features": features,
        "condition": condition, "bottleneck": replace(conf.bottleneck, in_channels=encoder.channels),
        "paths": AutoencoderPaths(front=mfcc.geometry, encoder=encoder.geometry, frame_hop=mfcc.hop, decoders=readers),
        "input_dims": [mfcc.dim], "input_reso": [mfcc.hop],
        "output_front_ends": [None if is_wave else conf.target], "output_dims": [1 if is_wave else made.dim],
        "output_written_exts": [".wav" if is_wave else f".{conf.target}"], "output_reso": [1 if is_wave else made.hop],
        "frame_hop": made.hop,
        "output_norm": [not is_wave],
    }


def faults(conf):
    """What does not fit together."""
    found = [f"{name}={value!r} is unknown, there are {', '.join(known)}" for name, value, known in (
        ("decoder", conf.decoder, DECODERS), ("way", conf.way, WAYS), ("upsample", conf.upsample, UPSAMPLES),
        ("target", conf.target, TARGETS))
        if value not in known]
    hop = conf.paths.latent_hop
    for name, made in (("mel.hop", conf.mel.hop), ("wavenet.hop", conf.wavenet.hop)):
        if hop % made:
            found.append(f"{name}={made} does not divide the {hop} samples of a unit (mfcc.hop={conf.mfcc.hop} times "
                         f"the strides {list(conf.encoder.strides)}); take {name}={conf.mfcc.hop} or another divisor")
    rates = {"mfcc.rate_hz": conf.mfcc.rate_hz, "mel.rate_hz": conf.mel.rate_hz, "wav_samp_rate": conf.wav_samp_rate}
    if len(set(rates.values())) > 1:
        found.append(f"{', '.join(f'{name}={value}' for name, value in rates.items())}: set all three alike")
    if conf.truncate_seq is not None and (conf.truncate_seq < hop or conf.truncate_seq % hop):
        found.append(f"truncate_seq={conf.truncate_seq} samples must be a multiple of the {hop} of a unit, one unit at "
                     f"least; take {max(1, conf.truncate_seq // hop) * hop}")
    if not 0 <= conf.statistics_crops < conf.batch_size:
        found.append(f"statistics_crops={conf.statistics_crops} must leave some of the batch_size={conf.batch_size} "
                     "crops to the decoder; take fewer")
    if conf.decoder == "wavenet" and conf.way == "two-step" and conf.statistics_crops:
        found.append(f"statistics_crops={conf.statistics_crops} has no use with way=two-step, which leaves the "
                     "codebook as it is; set it to 0")
    return found
