"""Waveforms in, no target; a function turns the order of the lengths round: the shortest becomes the longest."""
import numpy as np
from config import *  # noqa: F403
from config import data_dir


def turn_round(wave):
    """600 samples become 1400, 1080 become 920."""
    return np.resize(wave, (2000 - len(wave), 1))


trn_set_name = ["lengths_trn"]
trn_list = [[f"utt_{index:02d}" for index in range(12)]]
val_list = None
input_dirs = [[data_dir + "/wav"]]
input_exts = [".wav"]
input_dims = [1]
input_reso = [1]
input_norm = [False]
output_dirs = [[]]
output_norm = [False]
truncate_seq = None
minimum_len = None
input_trans_fns = [[turn_round]]
