"""Training without a validation set."""
from config import *  # noqa: F403

trn_set_name = ["alone_trn"]
val_list = None
