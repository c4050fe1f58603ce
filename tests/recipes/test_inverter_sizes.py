"""Recipe 03 before training: the published sizes and fields, geometry at both rates, and mistakes of users."""
import json
import re
import sys
from pathlib import Path

import pytest
from desk import ROOT, Desk, forget_recipe

from core_scripts.config_parse.arg_parse import parse_command
from core_scripts.config_parse.config_parse import resolve
from core_scripts.geometry.span import Span

RECIPE = ROOT / "project" / "03-mfcc-inversion"
PAPER, DIGITS = str(RECIPE / "paper.yaml"), str(RECIPE / "fsdd.yaml")


def analyze(*words: str) -> dict:
    answer = Desk(RECIPE, RECIPE).run("analyze", "model", "--json", *words, small=False)
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def settle(*words: str):
    """The settings of these words."""
    with forget_recipe():
        return resolve(parse_command([*words]), RECIPE).config


def write_speakers(folder: Path, count: int) -> Path:
    """One file per speaker, in train.lst too, whom a new model takes its speakers from."""
    names = [f"u{place:02}" for place in range(count)]
    (folder / "train.lst").write_text("".join(f"{name}\n" for name in names))
    path = folder / "speakers.tsv"
    path.write_text("".join(f"{name}\tp{name}\n" for name in names))
    return path


def test_the_published_inverter_has_its_number_of_parameters_with_40_speakers_and_without(tmp_path):
    sheet = analyze("--config-file", PAPER)
    assert sheet["parameters"] == 13_396_080 and sheet["receptive_field_samples"] == 2047
    write_speakers(tmp_path, 40)
    voiced = analyze("--config-file", PAPER, f"data={tmp_path}", "speakers={data}/speakers.tsv",
                     "net.global_channels=10")
    assert voiced["parameters"] == 13_498_890


@pytest.mark.parametrize(("words", "samples"), [((), (4720, 4880, 9680)), (("mfcc.deltas=false",), (3440, 3600, 8400))])
def test_a_crop_needs_the_samples_of_the_checked_tables_and_1280_more_for_deltas(words, samples):
    sheet = analyze("--config-file", PAPER, *words)
    assert tuple(sheet["samples_needed"].values()) == samples and list(sheet["samples_needed"])[:2] == ["1", "100"]


@pytest.mark.parametrize(("words", "hop", "stages", "ahead"), [
    ((), 160, ((25, 5), (16, 4), (16, 4), (16, 2)), 1466),
    (("--config-file", DIGITS), 80, ((25, 5), (16, 4), (16, 4)), 749),
])
def test_strides_follow_from_the_hop_and_every_frame_sits_in_the_middle_of_its_samples(words, hop, stages, ahead):
    conf = settle(*words)
    assert conf.upsampler.stages == stages and conf.net.hop == hop == conf.input_reso[0]
    assert (conf.input_dims, conf.upsampler.in_channels, conf.net.cond_channels) == ([39], 39, conf.upsample_channels)
    chain = conf.upsampler.geometry
    assert chain.rate == hop
    reach = [chain.needs(Span(sample, sample + 1)) for sample in range(hop)]
    assert reach[0].start + reach[-1].stop == 1  # as far before frame 0 as behind it
    assert analyze(*words)["look_ahead_samples"] == ahead


@pytest.mark.parametrize(("words", "message"), [
    (("upsample_strides=5,4,4",), r"upsample_strides=\[5, 4, 4\] make 80 samples of a frame, but mfcc.hop=160; leave "
                                  r"them out, which takes \[5, 4, 4, 2\], or set mfcc.hop=80"),
    (("--config-file", DIGITS, "upsample_strides=[5,4,4,2]"), r"make 160 samples of a frame, but mfcc.hop=80; .*"
                                                              r"\[5, 4, 4\], or set mfcc.hop=160"),
    (("upsample_kernels=[25,16]",), r"kernels=\[25, 16\] must have 4 entries, one per stride \[5, 4, 4, 2\]"),
    (("upsample_kernels=25,16,16,1",), "kernels shorter than their stride leave samples without a latent: 1 < 2"),
    (("upsample_strides=a",), r"strides=\('a',\) must be a list of whole numbers"),
    (("wav_samp_rate=8000",), "mfcc.rate_hz=16000 but wav_samp_rate=8000 Hz; set them alike"),
    (("net.upsample=linear",), "net.upsample and net.upsample_factors have no effect here"),
    (("net.global_channels=4",), r"speakers='' but net.global_channels=4; give both"),
    (("upsample_chanels=4",), "upsample_chanels: unknown key.*did you mean upsample_channels"),
])
def test_settings_that_do_not_fit_are_told_with_what_would(words, message):
    answer = Desk(RECIPE, RECIPE).run("config", *words, small=False)
    assert answer.code == 2 and "Traceback" not in answer.err
    assert re.search(message, answer.err), answer.err
    assert "model" not in sys.modules
