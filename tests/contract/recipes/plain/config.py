"""Frames of a 4-dimensional mel and F0, 20 samples apart, in; the waveform out."""
data_dir = "../data"

trn_set_name = ["tiny_trn"]
val_set_name = ["tiny_val"]
trn_list = [data_dir + "/trn.lst"]
val_list = [data_dir + "/val.lst"]

input_dirs = [[data_dir + "/mel", data_dir + "/f0"]]
input_exts = [".mel", ".f0"]
input_dims = [4, 1]
input_reso = [20, 20]
input_norm = [True, True]

output_dirs = [[data_dir + "/wav"]]
output_exts = [".wav"]
output_dims = [1]
output_reso = [1]
output_norm = [True]

wav_samp_rate = 16000
truncate_seq = 400
minimum_len = 80

test_set_name = ["tiny_test"]
test_list = [["utt_09", "utt_10", "utt_11"]]
test_input_dirs = input_dirs
test_output_dirs = [[]]

optional_argument = [""]
