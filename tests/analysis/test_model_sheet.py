"""analyze model: the published figures, a sheet for every recipe, and mistakes at the command line."""
import json
from pathlib import Path

import pytest
from desk import ROOT, Answer, Desk
from torch import nn

from core_scripts.analysis.model_sheet import read_sheet
from core_scripts.corpus.synthetic import ensure_corpus


@pytest.fixture(scope="module")
def corpus() -> Path:
    return ensure_corpus(ROOT / "project" / "DATA" / "synthetic")


def analyze(recipe: str, corpus: Path, *words: str) -> Answer:
    folder = ROOT / "project" / recipe
    return Desk(folder, corpus).run("analyze", "model", f"data={corpus}", *words, small=False)


@pytest.mark.parametrize(("words", "encoder", "samples"), [
    ((), 4080, (8240, 8240, 13040, 13360)),
    (("deltas=false",), 2800, (6960, 6960, 11760, 12080)),
    (("mfcc.deltas=false",), 2800, (6960, 6960, 11760, 12080)),
])
def test_the_fields_of_the_paper_are_those_of_the_checked_tables(corpus, words, encoder, samples):
    paper = str(ROOT / "project/02-vqvae/paper.yaml")
    answer = analyze("02-vqvae", corpus, "--config-file", paper, "--json", *words)
    assert answer.code == 0, answer.err
    sheet = json.loads(answer.out)
    assert sheet["receptive_field_samples"] == 2047 and sheet["encoder_field_samples"] == encoder
    assert sheet["samples_needed"] == dict(zip(("1", "100", "5000", "5120"), samples, strict=True))
    assert sheet["latents_per_second"] == 50.0 and sheet["bits_per_second"] == pytest.approx(50 * 9)
    assert sheet["parameters"] == sum(layer["parameters"] for layer in sheet["layers"]) - sheet["frozen_parameters"]
    first = next(layer for layer in sheet["layers"] if layer["name"] == "units.encoder.layers.1")
    assert first["shapes"]["weight"] == [768, 768, 3] and first["parameters"] == 768 * 768 * 3 + 768


def test_the_sheet_for_people_has_a_row_per_layer_and_the_fields(corpus):
    answer = analyze("01-wavenet-vocoder", corpus)
    assert answer.code == 0, answer.err
    for words in ("net.logits", "256x256", "394,112 trained parameters", "receptive field samples: 2,047"):
        assert words in answer.out


def test_a_frozen_part_is_counted_apart(corpus):
    sheet = json.loads(analyze("02-vqvae", corpus, "decoder=wavenet", "--json").out)
    free = json.loads(analyze("02-vqvae", corpus, "decoder=wavenet", "way=likelihood", "--json").out)
    assert sheet["frozen_parameters"] > free["frozen_parameters"] and sheet["parameters"] < free["parameters"]


def test_analyze_knows_what_it_can_look_at(corpus):
    answer = Desk(ROOT / "project/02-vqvae", corpus).run("analyze", "modell", small=False)
    assert answer.code == 2 and "analyze knows model, data, suggest, not 'modell'; did you mean model?" in answer.err


def test_multiplications_are_one_per_weight_that_a_sample_meets(corpus):
    sheet = json.loads(analyze("01-wavenet-vocoder", corpus, "--json", "net.layers=4", "net.dilation_cycle=2").out)
    rows = {layer["name"]: layer["shapes"] for layer in sheet["layers"]}
    names = [name for name in rows if name.startswith("net.layers.") or name in ("net.skip", "net.post", "net.logits")]
    matrices = [shape for name in names for shape in rows[name].values() if len(shape) == 2]
    own = sum(shape[0] * shape[1] for shape in matrices)
    per_frame = rows["net.condition"]["weight"][0] * rows["net.condition"]["weight"][1] / 80
    assert sheet["multiply_adds_per_sample"] == pytest.approx(own + per_frame)
    assert sheet["weight_bytes_per_sample"] == 4 * sheet["multiply_adds_per_sample"]
    assert sheet["depth"] == 4 and sheet["parameters_per_layer"] == sheet["parameters"] / 4
    assert sheet["receptive_field_ms"] == 1000 * sheet["receptive_field_samples"] / 16000 == 7 / 16
    assert sheet["training_step"] is None and sheet["generation"] is None


@pytest.mark.slow
@pytest.mark.parametrize(("recipe", "words"), [
    ("01-wavenet-vocoder", ("net.layers=4", "net.dilation_cycle=4")),
    ("02-vqvae", ("decoder=wavenet", "way=likelihood")),
])
def test_a_step_and_generation_are_measured_on_request(corpus, recipe, words):
    words = ("--measure", "truncate_seq=1600", "batch_size=2", "device=cpu", *words)
    sheet = json.loads(analyze(recipe, corpus, "--json", *words).out)
    step, speed = sheet["training_step"], sheet["generation"]
    assert (step["batch_size"], step["samples"]) == (2, 1600)
    assert step["state_bytes"] == 16 * sheet["parameters"] and step["saved_bytes"] > 10**6
    assert step["peak_bytes"] > step["saved_bytes"] and step["wall_seconds"] > 0
    assert speed["seconds_per_second"] == pytest.approx(16000 / speed["samples_per_second"])


def test_what_is_not_measured_is_said(corpus):
    out = analyze("01-wavenet-vocoder", corpus, "net.layers=2", "net.dilation_cycle=2").out
    assert "training step: not measured (--measure)" in out and "generation: not measured (--measure)" in out
    assert "for each of 2 layers (gamma)" in out and "(Delta)" in out


def test_words_without_a_meaning_are_told(corpus):
    answer = analyze("01-wavenet-vocoder", corpus, "recordings")
    assert answer.code == 2 and "analyze model looks at the model of this folder" in answer.err


def test_the_layers_of_a_network_without_dilations_are_those_with_matrices():
    network = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2))
    sheet = read_sheet(network, {})
    assert (sheet.depth, sheet.parameters) == (2, 34) and sheet.parameters_per_layer == 17
    assert sheet.receptive_field_ms is None and sheet.weight_bytes_per_sample is None
