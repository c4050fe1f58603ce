import math

import numpy as np
import pytest

from core_scripts.errors import DataError
from core_scripts.evaluation.token_scores import Spoken, TokenScore, score_tokens


def speak(seed, utterances=60, speakers=3):
    """Words of four tokens each; a unit is the word's course, in the speaker's own copy of it for half of the units."""
    rng = np.random.default_rng(seed)
    contents, who = rng.integers(4, size=utterances), rng.integers(speakers, size=utterances)
    lengths = rng.integers(6, 12, size=utterances)
    plain = [4 * word + np.arange(length) * 4 // length for word, length in zip(contents, lengths, strict=True)]
    coloured = [own + 16 * (speaker * (rng.random(len(own)) < 0.5)) for own, speaker in zip(plain, who, strict=True)]
    energies = [own.astype(float) for own in plain]
    return Spoken(contents.tolist(), who.tolist(), energies, 0.02 * float(lengths.sum())), plain, coloured


def score(which, count, seed=0):
    train, test = speak(1), speak(2)
    return score_tokens((train[which], test[which]), (train[0], test[0]), count, seed)


def test_units_of_content_alone_tell_words_and_not_speakers():
    plain, coloured = score(1, 48), score(2, 48)
    assert plain.content_probe == 1.0 and plain.speaker_probe < 0.6 and plain.abx.across == 0.0
    assert plain.content_pnmi > 0.6 and abs(plain.speaker_pnmi) < 0.05 and plain.energy_r2 == pytest.approx(1.0)
    assert coloured.speaker_pnmi > plain.speaker_pnmi + 0.2 and coloured.abx.across > coloured.abx.within
    assert coloured.perplexity > plain.perplexity
    assert plain.bits_per_second == pytest.approx(50 * math.log2(plain.perplexity))


def test_vectors_have_probes_and_abx_only():
    train, test = speak(1), speak(2)
    vectors = tuple([np.eye(16)[own] for own in side[1]] for side in (train, test))
    found = score_tokens(vectors, (train[0], test[0]), 0)
    assert found.content_probe == 1.0 and found.abx.within == 0.0
    assert math.isnan(found.perplexity) and math.isnan(found.energy_r2)


def test_a_row_stands_under_its_headings_whatever_is_missing():
    full, bare = str(score(1, 48)), str(score_tokens(*bare_sets(), 0))
    assert len(full) == len(bare) == len(TokenScore.HEADINGS)
    assert "nan" not in bare and bare.split()[0] == "-"


def bare_sets():
    train, test = speak(1), speak(2)
    return tuple([np.eye(16)[own] for own in side[1]] for side in (train, test)), (train[0], test[0])


def test_one_speaker_alone_cannot_be_told_apart():
    train, test = speak(1, speakers=1), speak(2, speakers=1)
    with pytest.raises(DataError, match="labels of 1 classes cannot be fitted"):
        score_tokens((train[1], test[1]), (train[0], test[0]), 48)
