"""The synthetic corpus where recipes look for it, a copy of it with a short test list, and one tiny run for all."""
import os
import sys
from pathlib import Path

import pytest
import soundfile
import torch

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "entry")]
from desk import ROOT, Answer, Desk, copy_recipe, write_corpus  # noqa: E402
from recipe_stage import TEST_SAMPLES  # noqa: E402

from core_scripts.corpus.synthetic import ensure_corpus  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory) -> Path:
    """The synthetic corpus, its test files cut to tenths of a second."""
    whole = ensure_corpus(ROOT / "project" / "DATA" / "synthetic")
    folder = tmp_path_factory.mktemp("data") / "synthetic"
    (folder / "wav").mkdir(parents=True)
    for path in (whole / "wav").iterdir():
        if path.stem not in TEST_SAMPLES:
            os.symlink(path, folder / "wav" / path.name)
    for name, samples in TEST_SAMPLES.items():
        wave, rate_hz = soundfile.read(whole / "wav" / f"{name}.wav", frames=8000 + samples, dtype="int16")
        soundfile.write(folder / "wav" / f"{name}.wav", wave[8000:], rate_hz)
    for name in ("train.lst", "val.lst"):
        (folder / name).write_text((whole / name).read_text())
    (folder / "test.lst").write_text("".join(f"{name}\n" for name in TEST_SAMPLES))
    return folder


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory, synthetic) -> tuple[Desk, Answer]:
    """`python main.py demo` with tiny.yaml: trained, generated, scored; for reading only."""
    desk = Desk(copy_recipe(tmp_path_factory.mktemp("tiny") / "01-wavenet-vocoder"), synthetic)
    answer = desk.start("demo", "--config-file", "tiny.yaml", f"data={synthetic}", "--no-cuda")
    assert answer.code == 0, answer.err
    return desk, answer


@pytest.fixture(scope="session")
def noise(tmp_path_factory) -> Path:
    """Four tiny files of noise, for tests that need no speech."""
    return write_corpus(tmp_path_factory.mktemp("noise") / "corpus")


@pytest.fixture
def desk(tmp_path, noise) -> Desk:
    """Recipe 01 on noise, nothing run yet."""
    return Desk(copy_recipe(tmp_path / "project" / "01-wavenet-vocoder"), noise)
