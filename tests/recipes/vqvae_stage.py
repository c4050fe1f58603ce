"""Recipe 02-vqvae on the synthetic corpus, as tiny as its tiny.yaml, and its model with fresh weights."""
import os
import shutil
from pathlib import Path

import soundfile
import torch
from desk import ROOT, Answer, Desk, copy_recipe
from recipe_stage import TEST_SAMPLES, set_recipe

from core_scripts import flow
from core_scripts.corpus.synthetic import ensure_corpus
from core_scripts.data_io.customize_dataset import NII_MergeDataSetLoader

RECIPE = ROOT / "project" / "02-vqvae"
LATENT_HOP = 320
QUICK = ("epochs=1", "minibatch_num_train=4", "minibatch_num_val=1")


def copy_vqvae(folder: Path) -> Path:
    """A fresh copy of the recipe without its runs."""
    return copy_recipe(folder, RECIPE)


def link_corpus(folder: Path) -> Path:
    """The synthetic corpus with true units and speakers, its test files cut to tenths of a second."""
    whole = ensure_corpus(ROOT / "project" / "DATA" / "synthetic")
    (folder / "wav").mkdir(parents=True)
    for path in (whole / "wav").iterdir():
        if path.stem not in TEST_SAMPLES:
            os.symlink(path, folder / "wav" / path.name)
    for name, samples in TEST_SAMPLES.items():
        wave, rate_hz = soundfile.read(whole / "wav" / f"{name}.wav", frames=samples, dtype="int16")
        soundfile.write(folder / "wav" / f"{name}.wav", wave, rate_hz)
    for name in ("train.lst", "val.lst", "speakers.tsv"):
        shutil.copy(whole / name, folder / name)
    os.symlink(whole / "units", folder / "units")
    (folder / "test.lst").write_text("".join(f"{name}\n" for name in TEST_SAMPLES))
    return folder


def run(desk: Desk, verb: str, *words: str) -> Answer:
    """A command of the recipe with tiny.yaml, in this process."""
    tiny = ("--config-file", str(desk.folder / "tiny.yaml"), f"data={desk.data}", "--no-cuda")
    return desk.run(verb, *tiny, *words, small=False)


def build(desk: Desk, split: str, *words: str) -> tuple[torch.nn.Module, NII_MergeDataSetLoader]:
    """The model with fresh weights, in evaluation, and the data of a split cut as `words` say."""
    tiny = ("--config-file", str(desk.folder / "tiny.yaml"), f"data={desk.data}", "batch_size=4")
    stage = set_recipe(desk.folder, *tiny, *words)
    data = flow.load_data_set(stage, split)
    torch.manual_seed(1)
    return flow.build_model(stage, data, data.get_data_mean_std() if split == "trn" else None).eval(), data
