"""The benchmark of the WaveNet autoencoder on made-up digits; its bounds need recorded ones and minutes."""
import json
import shutil
import sys

import numpy as np
import pytest
import torch

from benchmarks import vqvae_wavenet
from benchmarks.digit_takes import Takes
from tests.benchmarks.test_units_program import SPEAKERS, folder  # noqa: F401 (a fixture)


@pytest.fixture(scope="module")
def takes_folder(folder, tmp_path_factory):  # noqa: F811
    """With the file of speakers that the recipe reads."""
    root = shutil.copytree(folder, tmp_path_factory.mktemp("takes") / "fsdd")
    names = [path.stem for path in (root / "wav").iterdir()]
    (root / "speakers.tsv").write_text("".join(f"{name}\t{name.split('_')[1]}\n" for name in names))
    return root


@pytest.fixture(autouse=True)
def recipe_forgotten(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in ("model", "config"):
        sys.modules.pop(name, None)


@pytest.fixture
def built(takes_folder):
    resolved = vqvae_wavenet.settle(takes_folder, vqvae_wavenet.SHORT_WAVE, seed=0)
    train = Takes(takes_folder, "train", resolved.config, crop=8)
    return vqvae_wavenet.build(resolved, train), train


def test_crops_of_takes_are_pieces_of_whole_ones(built):
    model, train = built
    assert model.speakers.names == SPEAKERS
    batch = train.draw(np.random.default_rng(1), 12)
    for place, name in enumerate(batch.names):
        take = next(take for take in train.items if take.name == name)
        whole = train.whole([take])
        start = int(batch.info[place].split(",")[-1])
        length = int(batch.lengths[place])
        size = model.decoder.field + length
        assert torch.equal(batch.targets[place, :size], whole.targets[0, start : start + size])
        frames = model.paths.frame_context()[0] + length // 80
        assert torch.equal(batch.inputs[place, :frames], whole.inputs[0, start // 80 :][:frames])


def test_a_donor_gives_its_own_units_repeated_and_leaves_what_surrounds_them(built):
    model, train = built
    take = max(train.items, key=lambda one: one.units)
    donor = vqvae_wavenet.pick_donor(train.items, take)
    assert donor.speaker == take.speaker and donor.digit != take.digit
    with torch.no_grad():
        model.eval()
        row, given = (model.encode(train.whole([one]))[0] for one in (take, donor))
        changed = vqvae_wavenet.tile_donor(model, train, row, take, donor)
    first = model.units.first
    assert torch.equal(changed[:first], row[:first]) and torch.equal(changed[first + take.units :],
                                                                     row[first + take.units :])
    assert torch.equal(changed[first : first + donor.units], given[first : first + donor.units][: take.units])


@pytest.mark.slow
def test_the_last_line_is_one_json_object_and_missed_bounds_are_named(takes_folder, capsys):
    assert vqvae_wavenet.main(["--data", str(takes_folder), "--quick", "--short", "--json"]) == 1
    text = capsys.readouterr().out
    results = json.loads(text.splitlines()[-1])
    assert set(vqvae_wavenet.BOUNDS_FULL) - {"layernorm_caught"} <= set(results) and "FAILED: bits_test" in text


def test_absent_data_is_told_with_the_ways_to_name_it(tmp_path, capsys):
    assert vqvae_wavenet.main(["--data", str(tmp_path)]) == 2
    assert "--data DIR, or set RECITAL_DATA" in capsys.readouterr().err
