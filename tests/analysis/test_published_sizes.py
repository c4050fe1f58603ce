"""Receptive fields that analyze tells, held against gradients, for every recipe that is there; and published counts."""
import dataclasses
import json

import pytest
import torch
from desk import ROOT, Desk, forget_recipe

from core_scripts.config_parse.arg_parse import parse_command
from core_scripts.config_parse.config_parse import resolve
from core_scripts.geometry.span import Span
from sandbox.block_wavenet import WaveNet

INVERTER = ("--config-file", str(ROOT / "project/03-mfcc-inversion/paper.yaml"))
CASES = {  # recipe, words, parameters, field, layers
    "small": ("01-wavenet-vocoder", ("net=small",), 394_112, 2047, 20),
    "standard": ("01-wavenet-vocoder", ("net=standard",), 1_561_088, 3070, 30),
    "toy": ("05-toy-wavenet", ("net=toy",), 60_610, 3070, 30),
    "full": ("05-toy-wavenet", ("net=full",), 1_063_648, 3070, 30),
    "inverter": ("03-mfcc-inversion", INVERTER, 13_498_890, 2047, 20),
}


def prepare(case: str, folder) -> tuple[Desk, tuple[str, ...]]:
    recipe, words, *_ = CASES[case]
    if not (ROOT / "project" / recipe).is_dir():
        pytest.skip(f"recipe {recipe} is not here")
    if case == "inverter":  # 40 speakers, of whom a new model hears from its lists
        names = [f"u{number}" for number in range(40)]
        (folder / "train.lst").write_text("".join(f"{name}\n" for name in names))
        (folder / "speakers.tsv").write_text("".join(f"{name}\tp{name}\n" for name in names))
        words = (*words, f"data={folder}", "speakers={data}/speakers.tsv", "net.global_channels=10")
    return Desk(ROOT / "project" / recipe, folder), words


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_counts_and_fields_are_the_published_ones_and_those_of_gradients(case, tmp_path):
    desk, words = prepare(case, tmp_path)
    _, _, parameters, field, layers = CASES[case]
    answer = desk.run("analyze", "model", "--json", "device=cpu", *words, small=False)
    assert answer.code == 0, answer.err
    sheet = json.loads(answer.out)
    assert (sheet["parameters"], sheet["receptive_field_samples"], sheet["depth"]) == (parameters, field, layers)
    assert sheet["parameters_per_layer"] == pytest.approx(parameters / layers)
    with forget_recipe():
        config = resolve(parse_command(["analyze", *words]), desk.folder).config.net
    assert reach_of_gradient(config) == field


def reach_of_gradient(config) -> int:
    """How many codes, all in a row and up to the one before it, move a prediction; there are ten more."""
    torch.manual_seed(1)
    config = dataclasses.replace(config, cond_channels=1, global_channels=0)  # the condition does not matter here
    net, given = WaveNet(config).double(), config.receptive_field + 10
    vectors: list[torch.Tensor] = []
    net.embed.register_forward_hook(lambda module, codes, out: vectors.append(out) or out.retain_grad())
    cond = torch.zeros(1, len(config.condition_span(Span(0, 11))), 1, dtype=torch.float64)
    net(torch.randint(0, config.levels, (1, given)), cond)[0, -1].square().sum().backward()
    moving = torch.nonzero(vectors[0].grad[:, 0].abs().sum(1))[:, 0].tolist()  # (T, B, R)
    assert moving == list(range(given - len(moving), given))
    return len(moving)
