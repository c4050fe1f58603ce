"""What a WaveNet hands to the engines: complete, and refused where it cannot be right."""
from dataclasses import replace

import pytest
import torch

from core_scripts.errors import ConfigError, NonFiniteLossError
from core_scripts.generation.wavenet_weights import read_weights
from sandbox.block_wavenet import WaveNet
from sandbox.config_wavenet import HEADS, WaveNetConfig

CONFIG = WaveNetConfig(layers=4, dilation_cycle=2, kernel_size=3, residual_channels=6, gate_channels=5,
                       skip_channels=12, post_channels=33, bits=6, cond_channels=3, hop=4)


def export(**changes):
    return WaveNet(replace(CONFIG, **changes)).export_weights()


@pytest.mark.parametrize("head", HEADS)
def test_all_weights_of_a_model_are_in_the_record(head):
    model = WaveNet(replace(CONFIG, head=head))
    exported = read_weights(model.export_weights()).tensors()
    constants = {"borders", "amplitudes"}
    own = [parameter for name, parameter in model.named_parameters() if not name.startswith("upsample")]
    assert sum(value.numel() for name, value in exported.items() if name not in constants) == sum(
        parameter.numel() for parameter in own)


def test_one_layer_has_no_residual_and_learned_upsampling_no_points():
    assert read_weights(export(layers=1, dilation_cycle=1)).residual.shape == (0, 5, 6)
    assert read_weights(export(upsample="transposed")).points is None
    assert read_weights(export(upsample="linear")).points == ((-1, 0.625), (-1, 0.875), (0, 0.125), (0, 0.375))


def test_products_per_sample_are_those_of_the_weights():
    taps, residual, rest = 4 * 3 * 6 * 10, 3 * 5 * 6, 4 * 5 * 12 + 12 * 33 + 33 * 64
    assert read_weights(export()).macs_per_sample() == taps + residual + rest


def test_numbers_that_are_not_finite_are_counted_for_all_weights_at_once():
    fields = export()
    fields["post"][0, 0] = float("nan")
    fields["skip_bias"][:2] = float("inf")
    with pytest.raises(NonFiniteLossError, match="(?s)2 found.*skip_bias holds 2 num.*post holds 1 num.*earlier"):
        read_weights(fields)


def test_all_faults_are_told_together():
    fields = export() | {"post_bias": torch.zeros(3), "head": "softmax", "dilations": (1, 2)}
    fields["skip"] = fields["skip"].double()
    with pytest.raises(ConfigError, match=r"(?s)4 found.*post_bias has shape \(3,\).*want \(33,\).*skip is "
                                          r"torch.float64.*dilations=\(1, 2\) must be 4.*head='softmax' is unknown"):
        read_weights(fields)


def test_heads_want_their_own_numbers_of_outputs():
    with pytest.raises(ConfigError, match="64 outputs are no means and log scales of the gaussian head"):
        read_weights(export() | {"head": "gaussian"})
    with pytest.raises(ConfigError, match="64 outputs for 65536 codes"):
        read_weights(export(head="logistics") | {key: export()[key] for key in ("output", "output_bias")}
                     | {"head": "categorical"})
    with pytest.raises(ConfigError, match="logistics head comes without the borders"):
        read_weights(export(head="logistics") | {"borders": None})
