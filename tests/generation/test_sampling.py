import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from core_scripts import streams
from core_scripts.generation.sampling import code_probabilities, draw_codes, utterance_uniforms


def test_histogram_of_draws_follows_the_distribution():
    draws = 50_000
    logits = torch.randn(1, 64, generator=torch.Generator().manual_seed(0)) * 1.5
    uniforms = torch.from_numpy(streams.uniforms(7, 1, count=draws))
    for temperature in (1.0, 0.7):
        probabilities = code_probabilities(logits, temperature)[0]
        codes = draw_codes(logits.expand(draws, 64), uniforms, temperature)
        found = torch.bincount(codes, minlength=64)
        common = probabilities * draws > 10
        found = [*found[common].tolist(), int(found[~common].sum())]
        wanted = [*(probabilities[common] * draws).tolist(), float(probabilities[~common].sum() * draws)]
        assert chisquare(found, wanted).pvalue > 0.001


@pytest.mark.parametrize("temperature", [0, 0.1, 1.0, 5.0])
def test_probabilities_sum_to_one_at_any_temperature(temperature):
    logits = torch.randn(5, 1024) * 30
    sums = code_probabilities(logits, temperature).sum(1)
    assert sums.tolist() == pytest.approx([1.0] * 5, abs=1e-12)


def test_temperature_zero_is_the_most_probable_code_whatever_the_random_number():
    logits = torch.tensor([[0.0, 3.0, 2.9], [5.0, 1.0, 1.0]])
    assert draw_codes(logits, torch.tensor([0.999, 0.999]), 0).tolist() == [1, 0]
    assert code_probabilities(logits, 0).tolist() == [[0, 1, 0], [1, 0, 0]]


def test_edges_of_the_distribution_are_hit_by_the_edges_of_the_interval():
    logits = torch.tensor([[-1e9, 0.0, 0.0, -1e9]]).expand(4, 4)
    uniforms = torch.tensor([0.0, 0.5 - 1e-12, 0.5, 1 - 2.0**-53], dtype=torch.float64)
    assert draw_codes(logits, uniforms, 1.0).tolist() == [1, 1, 2, 2]


def test_numbers_of_an_utterance_depend_on_seed_and_name_only():
    alone = utterance_uniforms(1, ["b"], [5])
    among = utterance_uniforms(1, ["a", "b", "c"], [9, 7, 2])
    assert among.shape == (9, 3) and among.dtype == torch.float64
    assert torch.equal(alone[:, 0], among[:5, 1])
    assert not np.isin(among[:7, 1], among[:7, 0]).any()
    assert not torch.equal(utterance_uniforms(2, ["b"], [5]), alone)
