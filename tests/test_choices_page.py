"""docs/CHOICES.md: the sizes in its table are those of the settings that stand beside them."""
from pathlib import Path

import pytest

from core_scripts.config_parse.arg_parse import parse_command
from core_scripts.config_parse.config_parse import resolve
from sandbox.block_wavenet import WaveNet

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "CHOICES.md").read_text(encoding="utf-8")
LINES = PAGE.split("| settings", 1)[1].split("\n\n")[0].splitlines()[2:]
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in LINES]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_parameters_gamma_and_receptive_field_are_those_of_the_settings(row):
    words = [word for word in row[0].strip("`").split() if word.startswith("net.")]
    recipe = ROOT / "project" / "05-toy-wavenet"
    net = WaveNet(resolve(parse_command(["train", "net.codes=16", *words]), recipe).config.net)
    parameters = sum(value.numel() for value in net.parameters())
    assert [int(cell.replace(",", "")) for cell in row[1:4]] == [
        parameters, round(parameters / net.config.layers), net.receptive_field]


def test_there_are_choices_of_every_kind():
    told = " ".join(row[0] for row in ROWS)
    for name in ("kernel_size", "layers", "dilation_cycle", "residual_channels", "skip_channels", "smooth_start"):
        assert name in told
