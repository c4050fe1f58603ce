"""The page in Debian's Chromium: players play, pictures are drawn, the slider slides, a vote is saved."""
import csv
import re
import time

import pytest
from browser import KEYS, Browser, why_absent
from run_stage import write_run, write_tone, write_units

from core_scripts.report.page import build_page
from core_scripts.report.page_content import Request
from core_scripts.report.run_facts import read_run
from core_scripts.report.sound_clip import SoundFit, read_clip

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(why_absent()), reason=why_absent())]

# Of every audio element: its duration as soon as that is known, and where it is after it was played until it moved.
PLAY_ALL = """
  const found = [];
  for (const audio of document.querySelectorAll("audio")) {
    if (audio.readyState < 1) await new Promise((go) => { audio.onloadedmetadata = go; audio.load(); });
    if (!audio.closest(".stop") || audio.closest(".shown")) {
      audio.currentTime = 0;
      await audio.play();
      for (let waited = 0; !audio.currentTime && waited < 200; waited += 1) {
        await new Promise((go) => setTimeout(go, 25));
      }
      audio.pause();
    }
    found.push([audio.id, audio.duration, audio.currentTime, audio.error]);
  }
  return found;
"""
# Of every picture: its size, and how many colours a canvas sees in it.
SEE_ALL = """
  const found = [];
  for (const image of document.images) {
    await image.decode();
    const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight), pen = canvas.getContext("2d");
    pen.drawImage(image, 0, 0);
    const data = new Uint32Array(pen.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
    found.push([image.alt, image.naturalWidth, image.clientWidth, new Set(data).size]);
  }
  return found;
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A page of two utterances, another run, units, a conversion and three checkpoints; and where downloads go."""
    project = tmp_path_factory.mktemp("browser") / "project" / "01-recipe"
    run = write_run(project, utterances=("aa", "bb<i>"))
    other = write_run(project, "wide", ("aa", "bb<i>"), hz=500.0)
    write_units(run, "aa")
    write_tone(run / "converted_to_dan" / "aa.wav", seconds=0.7)
    for number in range(3):
        write_tone(run / "checkpoints_heard" / f"epoch_{number:03d}" / "aa.wav", hz=200.0 + 100 * number)
    page = build_page(Request(read_run(run), project, {}, other=read_run(other)))
    (run / "report.html").write_bytes(page)
    return run / "report.html", tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def browser(place):
    with Browser(place[1]) as browser:
        yield browser


@pytest.fixture
def page(browser, place):
    browser.open(place[0])
    yield browser
    assert browser.console() == []  # neither errors nor refused requests


def test_every_player_has_its_duration_and_plays(page, place):
    played = page.run(PLAY_ALL)
    assert len(played) == 2 * 3 + 1 + 3 + 1
    for name, duration, position, error in played:
        wanted = 0.7 if name.endswith("-3") else 0.4
        assert error is None and duration == pytest.approx(wanted, abs=0.001), name
        assert position > 0 or re.fullmatch(r"stop[01]", name), name  # hidden behind the slider


def test_the_same_bytes_play_where_the_browser_refuses_the_page_s_own(page):
    page.run("const audio = document.querySelector('audio'); sourceAgain(audio); return 1;")
    assert page.run("return document.querySelector('audio').src.slice(0, 5);") == "blob:"
    assert page.run(PLAY_ALL)[0][1] == pytest.approx(0.4, abs=0.001)


def test_flac_plays_as_wav_does(page, place):
    uri = SoundFit("flac", None).to_uri(read_clip(write_tone(place[1] / "a.wav", seconds=0.6)))
    told = page.run("const audio = new Audio(given[0]); await audio.play(); audio.pause(); return audio.duration;", uri)
    assert uri.startswith("data:audio/flac") and told == pytest.approx(0.6, abs=0.001)


def test_every_picture_is_drawn_and_the_chart_has_its_lines(page):
    seen = page.run(SEE_ALL)
    assert len(seen) == 2 * 3 + 1 + 2 * 2 + 3 + 1
    for alt, width, shown, colours in seen:
        assert width > 50 and (shown > 200 or "epoch" in alt) and colours > 8, alt
    assert page.run("return document.querySelectorAll('.chart polyline').length;") >= 3


def test_the_slider_changes_what_is_seen_and_heard_and_is_moved_by_keys(page):
    told = "return [document.getElementById('stop-name').value, document.querySelectorAll('.stop.shown').length];"
    assert page.run(told) == ["epoch 2", 1]
    page.press(KEYS["left"] * 2, "#stop-slider")
    assert page.run(told) == ["epoch 0", 1]
    assert page.run("return document.getElementById('stop-slider').getAttribute('aria-valuetext');") == "epoch 0"
    assert page.run("return document.querySelector('#stop-0 img').clientWidth;") > 200


def test_keys_switch_between_the_versions_of_an_utterance_and_one_sound_plays_at_a_time(page):
    playing = "[...document.querySelectorAll('audio')].filter((audio) => !audio.paused).map((audio) => audio.id)"
    page.run("document.querySelectorAll('audio').forEach((audio) => { audio.loop = true; });"
             "document.getElementById('u0').focus();")
    page.press("1")
    page.await_true(f"String({playing}) === 'u0-original'")
    page.press("2")
    page.await_true(f"String({playing}) === 'u0-output'")
    page.press(" ")
    page.await_true(f"{playing}.length === 0")
    assert page.run("return document.querySelector('#u0 .cursor').style.left;") != ""


def test_a_unit_is_shown_wherever_else_it_stands(page):
    page.press(KEYS["right"], "#u0 [data-kind=units] .units")
    assert page.run("return [...document.querySelectorAll('.unit.chosen')].map((unit) => unit.title);") == [
        "7: 0.00 to 0.10 s", "7: 0.30 to 0.40 s"]
    assert page.run("return document.querySelector('#u0 .told').textContent;") == "7: 0.00 to 0.10 s"


def test_votes_are_saved_as_csv_with_who_was_who_and_kept_over_a_visit(page, place):
    page.press("eve,\"x\"", "#blind-listener")
    page.click("#blind-begin")
    assert page.run("return document.activeElement.id;") == "blind"
    page.press(KEYS["left"] + "2" + KEYS["left"])
    assert page.run("return session.votes.length;") == 0  # only one was heard
    page.await_true("sounds[1].currentTime > 0")
    page.press("1" + KEYS["left"])
    assert page.run("return document.getElementById('blind-place').textContent;") == "Pair 2 of 2"
    page.open(place[0])
    page.click("#blind-go-on")
    page.press("12")
    page.click("#blind-vote-none")
    page.click("#blind-save")
    rows = read_votes(place[1])
    assert [row["vote"] for row in rows] == ["first", "none"] and {row["utterance"] for row in rows} == {"aa", "bb<i>"}
    for row in rows:
        assert {row["first"], row["second"]} == {"output of base", "output of wide"} and row["listener"] == "eve,\"x\""
    assert rows[0]["preferred"] == rows[0]["first"] and rows[1]["preferred"] == "" and rows[0]["seed"] == "1"
    counts = [int(page.run(f"return document.getElementById('blind-{name}').textContent;"))
              for name in ("one", "other", "none")]
    assert sorted(counts) == [0, 1, 1] and counts[2] == 1


def read_votes(folder):
    end = time.monotonic() + 10
    while not (found := list(folder.glob("votes_*.csv"))):
        assert time.monotonic() < end, "no file was saved"
        time.sleep(0.05)
    time.sleep(0.2)
    with found[0].open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_order_of_pairs_is_a_function_of_listener_and_seed(page):
    orders = page.run("return ['a 1', 'a 1', 'b 1', 'a 2', 'a 3', 'a 4'].map((seed) => String(drawOrder(seed)));")
    assert orders[0] == orders[1] and len(set(orders)) > 2
    firsts = page.run("return [...Array(400).keys()].map((seed) => drawOrder(`${seed}`)[0]);")
    assert 150 < sum(pair for pair, _ in firsts) < 250 and 150 < sum(swapped for _, swapped in firsts) < 250


def test_the_sign_test_is_the_binomial_one(page):
    # Two-sided, of 8 to 2, 5 to 5 and 10 to 0: 112/1024, 1, 2/1024.
    told = page.run("return [signTest(8, 2), signTest(5, 5), signTest(10, 0)];")
    assert told == pytest.approx([112 / 1024, 1.0, 2 / 1024])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_screen_and_what_is_touched_is_large(page, place, width, scheme):
    page.resize(width, 800, scheme=scheme)
    page.open(place[0])
    assert page.run("return document.documentElement.scrollWidth;") <= width
    page.click("#blind-begin")
    heights = page.run("return [...document.querySelectorAll('#blind button')].filter((one) => one.clientHeight)"
                       ".map((one) => one.getBoundingClientRect().height);")
    assert heights and min(heights) >= 44
    back = page.run("return getComputedStyle(document.body).backgroundColor;")
    assert (sum(map(int, re.findall(r"\d+", back))) < 200) == (scheme == "dark")


def test_everything_that_can_be_done_is_reached_by_the_tabulator(page):
    seen = set()
    for _ in range(90):
        page.press(KEYS["tab"])
        seen.add(page.run("const it = document.activeElement; return it.id || it.className || it.tagName;"))
    assert {"skip", "u0", "u0-original", "u0-output", "units", "stop-slider", "blind-listener", "blind-begin"} <= seen


def test_everything_that_plays_or_shows_has_a_name(page):
    unnamed = page.run("return [...document.querySelectorAll('audio, img, svg, input, button, [role]')]"
                       ".filter((one) => !(one.getAttribute('aria-label') || one.alt || one.textContent.trim() ||"
                       " one.labels?.length))"
                       ".map((one) => one.outerHTML.slice(0, 80));")
    assert unnamed == []
