"""Frames in, two kinds of frames out: a 10-dimensional mel and F0."""
from config import *  # noqa: F403

output_exts = [".mel", ".f0"]
output_dims = [10, 1]
output_reso = [20, 20]
output_norm = [True, True]
test_set_name = ["features_test"]
