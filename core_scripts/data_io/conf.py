"""Numbers under the names that recipes written for upstream import."""
import numpy as np
import torch

from core_scripts.constants import FLOAT_DTYPE, LENGTH_TOLERANCE, LENGTH_TOLERANCE_FLOOR, STD_FLOOR

h_dtype = np.float32
h_dtype_str = FLOAT_DTYPE
d_dtype = torch.float32
std_floor = STD_FLOOR
data_len_toler = LENGTH_TOLERANCE
data_seq_min_length = LENGTH_TOLERANCE_FLOOR
