"""For all tests: the same random numbers for a test in whatever order and process it runs."""
import sys

import pytest


@pytest.fixture(autouse=True)
def same_randomness():
    if "torch" in sys.modules:  # tests that need no torch do not wait for it
        sys.modules["torch"].manual_seed(0)
