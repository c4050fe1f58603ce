"""Two corpora side by side, in training, validation and test."""
from config import *  # noqa: F403
from config import data_dir

trn_set_name = ["two_trn_a", "two_trn_b"]
val_set_name = ["two_val_a", "two_val_b"]
trn_list = [data_dir + "/trn.lst", data_dir + "/second.lst"]
val_list = [data_dir + "/val.lst", data_dir + "/second.lst"]
input_dirs = [[data_dir + "/mel", data_dir + "/f0"], [data_dir + "/second/mel", data_dir + "/second/f0"]]
output_dirs = [[data_dir + "/wav"], [data_dir + "/second/wav"]]
test_set_name = ["two_test_a", "two_test_b"]
test_list = [["utt_09", "utt_10"], ["other_0"]]
test_input_dirs = input_dirs
test_output_dirs = [[], []]
