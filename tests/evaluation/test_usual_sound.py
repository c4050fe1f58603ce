from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from core_scripts.evaluation.level import LEVEL
from core_scripts.evaluation.sound_facts import MOVEMENT, look_at
from core_scripts.evaluation.usual_sound import summarise, usual_sound

RATE_HZ = 8000


@pytest.fixture
def conf(tmp_path):
    """Thirty recordings of noise, the first ten of them ten times as loud as the others, and the config of a recipe."""
    (tmp_path / "wav").mkdir()
    names = [f"n{number:02d}" for number in range(30)]
    for number, name in enumerate(names):
        noise = np.random.default_rng(number).standard_normal(4000)
        soundfile.write(tmp_path / "wav" / f"{name}.wav", noise * (0.1 if number < 10 else 0.01), RATE_HZ)
    (tmp_path / "train.lst").write_text("\n".join(names) + "\n")
    return SimpleNamespace(
        path=tmp_path / "config.py", trn_set_name=["train"], trn_list=[str(tmp_path / "train.lst")],
        input_dirs=[[str(tmp_path / "mel")]], input_exts=[".mel"], input_dims=[80], input_reso=[80], input_norm=[True],
        output_dirs=[[str(tmp_path / "wav")]], output_exts=[".wav"], output_dims=[1], output_reso=[1],
        output_norm=[False])


def test_it_is_taken_from_recordings_all_over_the_training_list(conf):
    usual = usual_sound(conf)
    assert usual.rate_hz == RATE_HZ
    mean, spread = usual.of(LEVEL)
    assert mean == pytest.approx(-20 * 4 / 12 - 40 * 8 / 12, abs=0.2)
    assert spread == pytest.approx(20 * np.sqrt(4 / 12 * 8 / 12), abs=0.2)


def test_recordings_that_are_gone_or_damaged_do_not_count(conf):
    paths = sorted((conf.path.parent / "wav").iterdir())
    for number, path in enumerate(paths):
        path.unlink() if number % 2 else path.write_bytes(path.read_bytes()[: 100 if number < 10 else None])
    assert usual_sound(conf).of(LEVEL)[0] == pytest.approx(-40.0, abs=0.2)


@pytest.mark.parametrize("change", [
    {"trn_list": None}, {"trn_list": ["gone.lst"]}, {"output_dirs": [["gone"]]}, {"output_exts": [".bin"]},
], ids=["no list", "list gone", "folder gone", "no waveforms"])
def test_where_nothing_can_be_read_there_is_none(conf, change):
    assert usual_sound(SimpleNamespace(**vars(conf) | change)) is None


def test_undefined_figures_do_not_count():
    silent, noise = (look_at("some", (level * np.random.default_rng(0).standard_normal(4000), RATE_HZ))
                     for level in (0.0, 0.1))
    assert summarise([silent]).of(LEVEL) is None
    assert summarise([silent, noise]).of(MOVEMENT) == (noise.value(MOVEMENT), 0.0)
    assert summarise([]) is None
