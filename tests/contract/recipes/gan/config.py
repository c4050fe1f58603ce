"""Mel frames in, the waveform out; each training pair passes a joint function."""
import numpy as np

data_dir = "../data"

trn_set_name = ["gan_trn"]
val_set_name = ["gan_val"]
trn_list = [data_dir + "/trn.lst"]
val_list = [data_dir + "/val.lst"]

input_dirs = [[data_dir + "/mel"]]
input_exts = [".mel"]
input_dims = [4]
input_reso = [20]
input_norm = [True]

output_dirs = [[data_dir + "/wav"]]
output_exts = [".wav"]
output_dims = [1]
output_reso = [1]
output_norm = [False]

wav_samp_rate = 16000
truncate_seq = 400
minimum_len = 400

test_set_name = ["gan_test"]
test_list = [["utt_09", "utt_10"]]
test_input_dirs = input_dirs
test_output_dirs = [[]]


def first_frames(mel, wave):
    """The first ten frames and their samples."""
    assert wave.shape[0] == mel.shape[0] * 20
    return np.asarray(mel[:10]), np.asarray(wave[:200]), 200


input_output_trans_fn = first_frames
