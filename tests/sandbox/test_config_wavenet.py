import subprocess
import sys
from dataclasses import replace
from math import prod

import pytest

from core_scripts.errors import ConfigError
from core_scripts.geometry.span import Span
from sandbox.config_wavenet import UPSAMPLE_MODES, WAVENET_PRESETS, WaveNetConfig, choose_factors


def test_the_record_loads_without_torch():
    code = "import sys, sandbox.config_wavenet; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(("name", "field"), [("small", 2047), ("standard", 3070)])
def test_presets_have_the_receptive_field_of_their_dilations(name, field):
    config = WAVENET_PRESETS[name]
    assert config.receptive_field == field
    assert config.receptive_field == 1 + sum(config.dilations)
    assert config.wave_context() == (field, 0)


def test_prediction_sees_the_samples_before_it_and_not_itself():
    config = WaveNetConfig(layers=6, dilation_cycle=3, kernel_size=3)
    assert config.receptive_field == 1 + 2 * 2 * (1 + 2 + 4)
    assert config.stack_geometry().needs(Span(100, 101)) == Span(100 - config.receptive_field, 100)


@pytest.mark.parametrize("upsample", UPSAMPLE_MODES)
@pytest.mark.parametrize("hop", [1, 5, 6, 80])
def test_frame_context_covers_every_block_and_is_needed_in_full(upsample, hop):
    config = WaveNetConfig(layers=6, dilation_cycle=6, hop=hop, upsample=upsample)
    left, right = config.frame_context()
    for block in range(-2, 3):
        needed = config.condition_geometry().needs(Span(block * hop, (block + 3) * hop))
        assert needed == Span(block - left, block + 3 + right)


@pytest.mark.parametrize("upsample", UPSAMPLE_MODES)
def test_every_upsampling_places_frame_i_in_the_middle_of_its_hop(upsample):
    chain = WaveNetConfig(hop=80, upsample=upsample).upsample_geometry()
    assert chain.rate == 80
    first, last = chain.centre(80 * 7), chain.centre(80 * 8 - 1)
    assert (first + last) / 2 == 7


def test_chosen_factors_multiply_to_the_hop():
    assert choose_factors(80) == (5, 4, 4)
    assert choose_factors(1) == (1,)
    assert all(prod(choose_factors(hop)) == hop for hop in range(1, 400))


def test_factors_from_a_file_are_a_list_and_equal_the_tuple():
    assert WaveNetConfig(upsample_factors=[5, 4, 4]) == WaveNetConfig(upsample_factors=(5, 4, 4))


def test_a_single_layer_is_legal():
    config = WaveNetConfig(layers=1, dilation_cycle=1)
    assert config.receptive_field == 2
    assert config.frame_context() == (0, 0)


def test_hop_that_is_not_the_product_names_both_ways_out_and_both_work():
    wrong = {"hop": 100, "upsample": "transposed", "upsample_factors": (5, 4, 4)}
    with pytest.raises(ConfigError, match=r"hop=100 .* 5 \* 4 \* 4 = 80; take hop=80 or .*=\(5, 5, 4\)"):
        WaveNetConfig(**wrong)
    WaveNetConfig(**{**wrong, "hop": 80})
    WaveNetConfig(**{**wrong, "upsample_factors": (5, 5, 4)})


def test_cycle_that_does_not_divide_names_layers_and_cycles_that_do():
    with pytest.raises(ConfigError, match=r"layers=25 is not a multiple of dilation_cycle=10; take layers=20 or .*=5"):
        WaveNetConfig(layers=25)


def test_mistyped_upsampling_is_guessed():
    with pytest.raises(ConfigError, match="upsample='linaer' is unknown; did you mean linear"):
        WaveNetConfig(upsample="linaer")


def test_even_number_of_upsampling_taps_is_refused():
    with pytest.raises(ConfigError, match="upsample_taps=4 is even.*take 3 or 5"):
        WaveNetConfig(upsample="transposed", upsample_taps=4)


@pytest.mark.parametrize("changes", [{"layers": 0}, {"bits": True}, {"skip_channels": 12.5}, {"hop": "80"},
                                     {"upsample_factors": (80, -1)}, {"upsample_factors": 80}])
def test_what_is_no_count_is_refused_by_name(changes):
    with pytest.raises(ConfigError, match=next(iter(changes))):
        replace(WAVENET_PRESETS["small"], **changes)


@pytest.mark.parametrize(("changes", "levels"), [({}, 256), ({"bits": 10}, 1024), ({"head": "gaussian"}, 65536),
                                                 ({"head": "logistics", "bits": 10}, 65536)])
def test_the_head_decides_how_many_codes_there_are(changes, levels):
    assert WaveNetConfig(**changes).levels == levels


def test_biases_are_switches_and_a_vector_beside_no_table_is_refused():
    with pytest.raises(ConfigError, match="skip_bias=1 must be true or false"):
        WaveNetConfig(skip_bias=1)
    with pytest.raises(ConfigError, match="head='gaussian' has none; leave it out, or take head=categorical"):
        WaveNetConfig(input_bias=True, head="gaussian")


def test_all_faults_are_told_together():
    with pytest.raises(ConfigError, match=r"(?s)3 found.*kernel_size=1 .*bits=17 .*upsample='cubic'"):
        WaveNetConfig(kernel_size=1, bits=17, upsample="cubic")
