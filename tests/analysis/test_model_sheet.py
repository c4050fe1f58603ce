"""analyze model: the published figures, a sheet for every recipe, and mistakes at the command line."""
import json
from pathlib import Path

import pytest
from desk import ROOT, Answer, Desk

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
