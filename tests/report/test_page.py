"""The page holds what the run's folder holds, says what is missing and how to make it, and fetches nothing."""
import base64
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from run_stage import METRICS, RATE_HZ, SETTINGS, write_run, write_tone, write_units

from core_scripts.errors import CheckpointError
from core_scripts.features.config_mel import MelConfig
from core_scripts.features.passport import passport_of
from core_scripts.report.page import build_page
from core_scripts.report.page_content import Request
from core_scripts.report.run_facts import next_command, read_run

EVIL = "<script>alert(1)</script>&\"'"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
FILE_EVIL = "a<b>&\"'é語"  # all that a file name may hold


@pytest.fixture
def project(tmp_path) -> Path:
    folder = tmp_path / "project" / "01-recipe"
    folder.mkdir(parents=True)
    return folder


def page_of(run: Path, **more) -> str:
    request = Request(read_run(run), run.parents[1], {}, **more)
    return build_page(request).decode("utf-8")


def visible(page: str) -> str:
    """Without what is inside of data: addresses."""
    return re.sub(r'"data:[^"]*"', '""', page)


def test_a_run_is_shown_with_everything_that_it_has(project):
    run = write_run(project)
    write_units(run, "aa")
    write_tone(run / "converted_to_dan" / "bb.wav")
    page = page_of(run, title="A vocoder")
    assert page.count("<audio") == 5 and page.count('class="levels"') == 5 and page.count('class="difference"') == 2
    assert page.index('id="u0-name">bb') < page.index('id="u1-name">aa')  # converted ones first
    for told in ("A vocoder", "as dan", "abc123", "2.7000", "5.400", "true units", "All 2 generated", "finished"):
        assert told in page, told
    assert page.count('data-unit="7"') == 2 and 'title="12: 0.10 to 0.30 s"' in page


def test_of_units_the_audit_of_the_decoder_is_told(project):
    run = write_run(project)
    result = {"error": 3.5, "error_name": "bits", "gaps": {"swap": 2.25, "zero": 1.5}, "perplexity": 45.5,
              "rows": [{"name": "k-means", "labels": 0.75, "accuracy": 0.875, "voices": None}]}
    (run / "result.json").write_text(json.dumps(result))
    page = page_of(run)
    for told in ("more with another utterance&#x27;s units</th><td>2.25", "listens to, bits per sample", "45.5",
                 "<td>0.75</td><td>0.875</td><td>–</td>"):
        assert told in page, told


def test_the_page_fetches_nothing(project):
    page = visible(page_of(write_run(project)))
    assert not re.search(r"https?://|//[a-z]|@import|url\(", re.sub(r"//[^\n]*\n", "", page.partition("<body>")[2]))
    assert not re.search(r"(src|href)=\"(?!#|\"|data:)", page)
    assert "default-src 'none'" in page


def test_names_are_text_wherever_they_stand(project):
    run = write_run(project, name="x & <y>", utterances=(FILE_EVIL, "sub/bb"))
    record = {"command": EVIL, "settings": SETTINGS | {"note": EVIL}, "differences": {EVIL: {"recipe": EVIL}}}
    (run / "run.yaml").write_text(json.dumps(record))
    (run / "status.json").write_text(json.dumps({"state": EVIL}))
    (run / "result.json").write_text(json.dumps({EVIL: 1.0}))
    (run / "metrics.csv").write_text(METRICS.replace("swap_gap_bits", EVIL.replace('"', "")))
    page = page_of(run, title=EVIL, other=read_run(write_run(project, "ot<b>her", (FILE_EVIL,))))
    assert "<script>alert" not in page and "<y>" not in page and "<b>&" not in page and "ot<b>her" not in page
    assert page.count("<script") == 2 and page.count("é語") > 3


def test_pairs_of_the_blind_test_cannot_end_its_script(project):
    page = page_of(write_run(project, utterances=("</script><b>".replace("/", "∕"), "aa<!--")))
    data = re.search(r'id="test-data">(.*?)</script>', page, re.S)[1]
    assert "<" not in data and len(json.loads(data)["pairs"]) == 2


def test_a_run_without_output_is_shown_and_says_how_to_make_some(project):
    run = write_run(project, utterances=())
    page = page_of(run)
    assert "<audio" not in page and "python main.py infer --exp base" in page
    assert "Loss per epoch" in page and "It needs two versions" in page


def test_a_recipe_of_other_figures_than_sound_is_not_asked_to_sound(project):
    run = write_run(project, utterances=())
    drawn = base64.b64decode(PIXEL)
    (run / "fit.png").write_bytes(drawn)
    (run / "curve.png").write_bytes(drawn)
    (run / "result.json").write_text(json.dumps({"bits": 2.5, "bits_flac": 3.5, "levels": 32, "truth": {"a": 0.5}}))
    page = build_page(Request(read_run(run), project, {"output_exts": [".x"]})).decode()
    assert "This recipe writes .x, which is nothing to hear" in page and page.count(PIXEL) == 1 and "fit.png" in page
    assert "--checkpoints" not in page and 'id="blind"' not in page and "sound was not measured" not in page
    for told in ("<td>2.500</td>", "FLAC", "<td>5.000</td>", "truth a"):
        assert told in page, told


def test_output_without_originals_is_heard_alone(project):
    run = write_run(project)
    for path in (project.parent / "DATA/tones/wav").iterdir():
        path.unlink()
    page = page_of(run)
    assert page.count("<audio") == 2 and 'class="difference"' not in page
    assert "The originals were not found where the settings say" in page


def test_files_that_cannot_be_used_are_told_and_the_rest_is_shown(project):
    run = write_run(project)
    (run / "output/aa.wav").write_bytes(b"RIFFbroken")
    (run / "status.json").write_text("{")
    (run / "result.json").write_text("[1]")
    (run / "run.yaml").write_text("a: [")
    page = page_of(run)
    assert page.count("<audio") == 3
    for told in ("aa.wav is no WAVE file", "status.json cannot be read", "result.json holds no keys", "run.yaml can"):
        assert told in page, told


def test_diverged_losses_leave_gaps_and_are_told(project):
    run = write_run(project)
    (run / "metrics.csv").write_text("epoch,train_loss,val_loss,best\n0,1.0,2.0,yes\n1,nan,inf,no\n2,1.0,2.1,no\n")
    page = page_of(run)
    assert "2 values of metrics.csv are NaN or infinite" in page and ">nan<" not in page and ",nan" not in page
    (run / "metrics.csv").write_text("epoch,train_loss,val_loss,best\n0,nan,nan,no\n")
    assert "No epoch is finished" in page_of(run)


def test_a_run_of_very_many_epochs_stays_small(project):
    run = write_run(project, utterances=())
    rows = [f"{epoch},{3 + 1 / (epoch + 1)},{3.5 - epoch / 1e5},1.0,yes\n" for epoch in range(20_000)]
    (run / "metrics.csv").write_text("epoch,train_loss,val_loss,seconds,best\n" + "".join(rows))
    page = page_of(run)
    assert len(page) < 1_500_000 and "the last 200 of 20,000 epochs" in page and "20000" not in page


def test_of_many_utterances_the_first_are_shown_with_their_number(project):
    run = write_run(project, utterances=[f"u{number:02d}" for number in range(23)])
    page = page_of(run, most_utterances=20)
    assert page.count("<article") == 20 and "20 of 23 generated utterances" in page
    assert len(page) < 15_000_000


def test_long_files_are_cut_and_it_is_said(project):
    run = write_run(project, utterances=("aa",))
    write_tone(run / "output/aa.wav", seconds=31.0)
    page = page_of(run)
    assert len(page) < 1_000_000 and "Sound is the first 30 s of each file" in page


def test_a_run_of_another_rate_and_recipe_is_compared_by_ear_and_the_rest_is_doubted(project):
    run, other_project = write_run(project), project.parent / "02-other"
    other = write_run(other_project, "wide", ("aa",))
    write_tone(other / "output/aa.wav", rate_hz=16000)
    for name in ("run.yaml", "output/run.yaml"):
        text = (other / name).read_text().replace(f"wav_samp_rate: {RATE_HZ}", "wav_samp_rate: 16000")
        (other / name).write_text(text.replace("data: d1", "data: d2"))
    page = page_of(run, other=read_run(other))
    assert page.count("<audio") == 5 and "output of wide less original" in page
    for told in ("is a run of another recipe (02-other, this is 01-recipe)", "8000 Hz and 16000 Hz",
                 "different test data", "Which of the two is nearer to the original?"):
        assert told in page, told


def test_a_run_that_generated_nothing_of_the_same_name_is_told(project):
    run = write_run(project)
    page = page_of(run, other=read_run(write_run(project, "wide", ("zz",))))
    assert "wide generated none of these utterances" in page and "Both were trained with the same settings" in page


def test_one_sentence_at_every_checkpoint_comes_in_order_of_training(project):
    run = write_run(project)
    for name in ("epoch_010", "epoch_002", "epoch_010_00000300", "epoch_003.old-1"):
        write_tone(run / "checkpoints_heard" / name / "aa.wav")
    page = page_of(run)
    assert re.findall(r'data-name="([^"]*)"', page) == ["epoch 2", "epoch 10, step 300", "epoch 10"]
    assert 'max="2"' in page
    write_tone(run / "checkpoints_heard/epoch_002/aa.wav", rate_hz=16000)
    assert "epoch_002/aa.wav is at another rate" in page_of(run)


def test_outputs_that_are_frames_are_seen_and_not_heard(project):
    mel = MelConfig(rate_hz=RATE_HZ, window=200, hop=80, fft=512, bands=40)
    run = write_run(project, utterances=("aa",))
    (run / "output/aa.wav").unlink()
    np.full((40, 40), -3.0, dtype="<f4").tofile(run / "output/aa.mel")
    assert "frames without a passport" in page_of(run)
    (run / "output/passport.json").write_text(passport_of(mel).to_json())
    page = page_of(run)
    assert page.count("<audio") == 1 and page.count('class="levels"') == 2 and "frames, not sound" in page


def test_the_command_to_type_is_that_of_the_run(project):
    facts = read_run(write_run(project, name="a b"))
    assert next_command(facts, "infer") == "python main.py infer --exp 'a b'"
    made = {"command": "main.py demo --config-file tiny.yaml data=/some/where --fresh"}
    assert next_command(replace(facts, record=made), "evaluate") == \
        "python main.py evaluate --exp 'a b' --config-file tiny.yaml data=/some/where"
    assert next_command(replace(facts, record={"command": "main.py demo"}), "infer").endswith("--config-file demo.yaml")


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="no run in .*: it holds neither run.yaml nor metrics.csv nor output/"):
        read_run(tmp_path)


@pytest.mark.parametrize("junk", [None, "x", [[1]], 1e400])
def test_whatever_stands_in_the_records_there_is_a_page(project, junk):
    run = write_run(project, utterances=())
    for name in ("run.yaml", "result.json", "status.json"):
        whole = yaml.safe_load((run / name).read_text())
        parts = [(whole, key) for key in whole] + [(whole["settings"], key) for key in SETTINGS if "settings" in whole]
        for place, key in [*parts, (whole, "rows"), (whole, "features")]:
            kept, place[key] = place.get(key), junk
            (run / name).write_text(json.dumps(whole))
            assert "Loss per epoch" in page_of(run, other=read_run(run)), (name, key)
            place[key] = kept
        (run / name).write_text(json.dumps(whole))


def test_text_can_be_read_in_light_and_in_dark():
    """Contrast of at least 4.5 to 1, as WCAG 2.2 (1.4.3) wants it."""
    style = (Path(__file__).parents[2] / "core_scripts/report/page.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", style, re.S)
    assert len(blocks) == 2
    for block in blocks:
        colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        for front, back in [*((name, "page") for name in ("ink", "soft", "first", "second", "third")), ("soft", "card"),
                            ("warn", "warn-back"), ("chosen-ink", "chosen"), ("ink", "unit"), ("ink", "unit-odd")]:
            assert contrast(colours[front], colours[back]) >= 4.5, (front, back)


def contrast(front: str, back: str) -> float:
    def luminance(colour: str) -> float:
        parts = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.2126, 0.7152, 0.0722))

    lighter, darker = sorted((luminance(front), luminance(back)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)
