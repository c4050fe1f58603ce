"""The test set has targets too."""
from config import *  # noqa: F403
from config import output_dirs

test_set_name = ["target_test"]
test_output_dirs = output_dirs
