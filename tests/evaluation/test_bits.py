import math

import numpy as np
import pytest
import torch

from core_scripts.evaluation.bits import BitsTable, density_offset
from core_scripts.features.mulaw import cell_widths, decode, encode

TABLE = BitsTable(model=4.0, swapped=6.5, constant=5.5, flac=4.7, marginal=6.0, bigram=5.0, density_offset=3.25,
                  samples=1000, levels=256)


@pytest.mark.parametrize("levels", [2, 3, 16, 256, 1024])
def test_cells_tile_the_amplitudes_and_agree_with_the_encoder(levels):
    widths = cell_widths(levels)
    borders = torch.cumsum(widths, 0)[:-1] - 1
    assert float(widths.sum()) == pytest.approx(2.0, abs=1e-12) and bool((widths > 0).all())
    assert torch.equal(encode(borders + 1e-6, levels), torch.arange(1, levels))
    assert torch.equal(encode(borders - 1e-6, levels), torch.arange(levels - 1))
    inner = decode(torch.arange(1, levels - 1), levels).double()
    assert bool(((borders[:-1] < inner) & (inner < borders[1:])).all())


def test_two_levels_share_the_65536_steps_of_16_bits_equally():
    assert density_offset([np.array([0, 1, 1])], cell_widths(2)) == pytest.approx(15.0, abs=1e-12)


def test_a_uniform_wave_costs_16_bits_under_its_true_distribution_whatever_the_levels():
    wave = torch.rand(200_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    for levels in (4, 256, 512):
        codes = encode(wave, levels).numpy()
        bits = -np.log2(cell_widths(levels).numpy() / 2)[codes].mean()
        assert bits + density_offset([codes], cell_widths(levels)) == pytest.approx(16.0, abs=1e-9)


def test_one_more_bit_per_code_costs_one_bit_that_the_density_form_takes_back():
    wave = torch.randn(100_000, generator=torch.Generator().manual_seed(1)).mul(0.1).clamp(-1, 1)
    offsets = [density_offset([encode(wave, levels).numpy()], cell_widths(levels)) for levels in (256, 512)]
    assert offsets[0] - offsets[1] == pytest.approx(1.0, abs=0.2)


def test_the_table_shows_every_row_in_both_units_and_both_gaps():
    text = str(TABLE)
    for row in ("WaveNet      4.000       7.250", "FLAC         4.700       7.950", "uniform      8.000      11.250",
                "other file  6.500, gap +2.500", "mean frame  5.500, gap +1.500",
                "256 mu-law levels", "1,000 held-out"):
        assert row in text, text
    assert TABLE.swap_gap == 2.5


def test_a_lone_utterance_has_no_swap_gap():
    alone = BitsTable(**{**vars(TABLE), "swapped": None})
    assert alone.swap_gap is None and "other file" not in str(alone) and math.isfinite(alone.constant)
