"""The training list does not exist under this name."""
from config import *  # noqa: F403
from config import data_dir

trn_set_name = ["mistyped_trn"]
trn_list = [data_dir + "/trian.lst"]
