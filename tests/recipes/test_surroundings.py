"""Recipe 01 where optional libraries are absent, and on recorded speech."""
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from desk import NET, SMALL, Desk, copy_recipe

pytestmark = pytest.mark.slow
BLOCKER = """
import runpy, sys
for name in ("tqdm", "matplotlib", "soxr", "librosa", "torchaudio", "tensorboard", "pandas", "sklearn", "numba"):
    sys.modules[name] = None  # as if it were not installed
sys.argv = ["main.py", *sys.argv[1:]]
sys.path.insert(0, ".")
runpy.run_path("main.py", run_name="__main__")
"""


def test_training_and_generation_need_the_five_libraries_only(desk):
    (desk.folder / "main_blocked.py").write_text(BLOCKER)
    words = [*SMALL, *NET, f"data={desk.data}"]
    for verb in ("train", "infer"):
        answer = desk.start(verb, *words, script="main_blocked.py")
        assert answer.code == 0, answer.err
        if verb == "train":
            assert "curve.png not drawn: pip install matplotlib" in answer.err
    assert desk.files(".png") == []
    assert desk.files(".wav") == ["base/output/dd.wav"]


def real_speech() -> Path:
    """A folder with wav/ and train.lst, val.lst, test.lst of recorded speech; the test is skipped without one."""
    beside = Path(__file__).parents[3] / "shared" / "data" / "speech16k"
    for place in (os.environ.get("RECITAL_DATA", ""), str(beside)):
        if place and (Path(place) / "train.lst").is_file() and (Path(place) / "wav").is_dir():
            return Path(place)
    pytest.skip("no recorded speech: set RECITAL_DATA to a folder with wav/ and train.lst, val.lst, test.lst")


def test_recorded_speech_is_learnt_and_generated(tmp_path):
    source = real_speech()
    data = tmp_path / "speech"
    (data / "wav").mkdir(parents=True)
    for kind, count in (("train", 20), ("val", 3), ("test", 1)):
        names = (source / f"{kind}.lst").read_text().split()[:count]
        (data / f"{kind}.lst").write_text("".join(f"{name}\n" for name in names))
        for name in names:
            wave, rate_hz = soundfile.read(source / "wav" / f"{name}.wav", dtype="int16")
            soundfile.write(data / "wav" / f"{name}.wav", wave[:4000] if kind == "test" else wave, rate_hz)
    desk = Desk(copy_recipe(tmp_path / "project" / "01"), data)
    words = ("--config-file", str(desk.folder / "tiny.yaml"), f"data={data}", "epochs=2", "--no-cuda")
    answer = desk.run(*words, small=False)
    assert answer.code == 0, answer.err
    table = (desk.folder / "exp/base/metrics.csv").read_text().splitlines()
    losses = [float(line.split(",")[1]) for line in table[1:]]
    assert losses[1] < losses[0] < np.log(256)
    answer = desk.run("infer", *words, small=False)
    assert answer.code == 0, answer.err
    (output,) = (desk.folder / "exp/base/output").glob("*.wav")
    assert soundfile.info(output).frames == 4000
