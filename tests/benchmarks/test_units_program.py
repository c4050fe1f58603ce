"""The benchmark of units on a few seconds of made-up digits; its bounds need recorded ones and minutes."""
import json

import numpy as np
import pytest
import soundfile
import torch

from benchmarks import units
from benchmarks.digits import Digits
from core_scripts.geometry.span import Span

SPEAKERS, DIGITS = ("ann", "bob", "cid"), 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Tones: the digit is the course, the speaker the pitch."""
    root = tmp_path_factory.mktemp("digits") / "fsdd"
    (root / "wav").mkdir(parents=True)
    rng = np.random.default_rng(0)
    takes = {"train": range(5, 9), "val": (47,), "test": (0, 1)}
    for kind, numbers in takes.items():
        names = [f"{d}_{who}_{take}" for d in range(DIGITS) for who in SPEAKERS for take in numbers]
        (root / f"{kind}.lst").write_text("\n".join(names))
        for name in names:
            digit, who, _ = name.split("_")
            time = np.arange(int(rng.integers(1200, 4000))) / 8000
            pitch = 200 * (1 + SPEAKERS.index(who)) * (1 + int(digit) * time)
            wave = 0.3 * np.sin(2 * np.pi * np.cumsum(pitch) / 8000) + 0.01 * rng.normal(size=len(time))
            soundfile.write(root / "wav" / f"{name}.wav", wave, 8000)
    return root


@pytest.fixture(scope="module")
def digits(folder):
    return Digits(folder, (units.ENCODER.geometry, units.DECODER.geometry), units.CROP)


def test_crops_are_the_frames_of_their_utterances(digits):
    frames, mel, inside, speakers = digits.draw(np.random.default_rng(1), 20)
    assert mel.shape == (20, 32, 40) and frames.shape[1] == 2 * (units.CROP + 4) + 10
    found = 0
    for item in range(20):
        for own in digits.train:
            windows = own.mel.unfold(0, 32, 2).transpose(1, 2)
            hits = (windows - mel[item]).abs().amax((1, 2)) == 0
            for token in hits.nonzero().flatten().tolist():
                found += 1
                assert own.speaker == int(speakers[item])
                assert torch.equal(own.frames[2 * token : 2 * token + frames.shape[1]], frames[item])
                assert int(inside[item].sum()) == min(32, 2 * (own.tokens - token))
    assert found == 20


def test_reconstruction_of_a_crop_equals_that_of_the_whole_file(digits):
    model = units.Autoencoder("vq-ema", 3).eval()
    own = max(digits.test, key=lambda one: one.tokens)
    tokens, _, _ = units.read_tokens(digits, model, own)
    with torch.no_grad():
        whole = units.make_mel(model, tokens, 1, own)
        part = digits.encoder.needs(digits.around(Span(3, 9)))
        held = digits.encoder.needs(digits.around(Span(0, max(own.tokens, units.CROP))))
        crop, _ = model(own.frames[part.within(held)][None], torch.tensor([1]))
    torch.testing.assert_close(crop[0], whole[6:18], rtol=0, atol=1e-5)


def test_normalised_features_have_mean_zero_and_deviation_one(digits):
    mel = torch.cat([own.mel[: 2 * own.tokens] for own in digits.train])
    assert mel.mean(0).abs().max() < 1e-3 and (mel.std(0) - 1).abs().max() < 1e-3


@pytest.mark.slow
def test_the_last_line_is_one_json_object_and_missed_bounds_are_named(folder, capsys):
    assert units.main(["--data", str(folder), "--quick", "--seeds", "1", "--json", "--kinds", "ae"]) == 1
    text = capsys.readouterr().out
    results = json.loads(text.splitlines()[-1])
    assert set(units.BOUNDS) <= set(results) and "FAILED: " in text
    assert "k-means on MFCC13" in text and "random codes" in text


def test_absent_data_is_told_with_the_ways_to_name_it(tmp_path, capsys):
    assert units.main(["--data", str(tmp_path)]) == 2
    assert "--data DIR, or set RECITAL_DATA" in capsys.readouterr().err
