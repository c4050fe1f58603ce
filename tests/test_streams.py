"""Random numbers as functions of integers: the same for ever, one stream per purpose, no library's distributions."""
import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from core_scripts import constants
from core_scripts.streams import index_of, normals, uniforms, words

ROOT = Path(__file__).resolve().parents[1]
# Seeding users' own draws is no drawing; Philox is asked for raw words alone.
ALLOWED = {"np.random.Philox", "np.random.seed", "np.random.get_state", "np.random.set_state"}
DISTRIBUTION = re.compile(r"\b(?:torch\.rand\w*|torch\.multinomial|default_rng|np\.random\.\w+"
                          r"|random\.(?:random|choice|shuffle|gauss)|\.(?:normal_|uniform_|bernoulli_|exponential_))\b")


def test_words_and_what_is_made_of_them_never_change():
    assert words(1, 2, 3, 4, count=3).tolist() == [11908576178598684996, 2564810913301908829, 8379019428831260092]
    assert uniforms(1, 2, 3, 4, count=2).tolist() == [0.645565208202291, 0.13903867821082294]
    assert normals(1, 2, 3, 4, count=3) == pytest.approx(
        [-1.3811436906746335, 0.4706215102718089, 0.40853872995771073], rel=1e-12)
    assert index_of("speaker1/utt 7") == 10312424577619876129


def test_draws_do_not_depend_on_how_many_are_taken_and_streams_do_not_overlap():
    assert words(1, 2, 3, 4, count=9)[:4].tolist() == words(1, 2, 3, 4, count=4).tolist()
    keys = itertools.product((0, 1), (1, 2), (0, 1), (0, 1))  # seed, stream, epoch, index
    drawn = np.concatenate([words(*key, count=1000) for key in keys])
    assert len(set(drawn.tolist())) == len(drawn)


def test_every_purpose_has_a_stream_of_its_own():
    streams = {name: value for name, value in vars(constants).items() if name.startswith("STREAM_")}
    wanted = {"ORDER", "CROP", "AUGMENTATION", "MODEL", "VALIDATION", "GENERATION", "CORPUS", "EVALUATION",
              "BOOTSTRAP"}
    assert set(streams) == {f"STREAM_{name}" for name in wanted}
    assert len(set(streams.values())) == len(streams)
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "core_scripts").rglob("*.py")]
    assert all(sum(name in source for source in sources) > 1 for name in streams), "a stream that nobody draws from"


def test_nothing_that_must_stay_the_same_is_drawn_from_a_librarys_distribution():
    """numpy promises its raw words only (NEP 19), torch promises nothing between versions."""
    for path in sorted((ROOT / "core_scripts").rglob("*.py")):
        used = set(DISTRIBUTION.findall(path.read_text(encoding="utf-8"))) - ALLOWED
        assert not used, f"{path} draws from {used}"
