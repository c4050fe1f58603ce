"""The blind test of the page: which pairs there are, and the part of the page that the script works in."""
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from core_scripts.report.markup import Markup, tag
from core_scripts.report.utterances import Utterance


@dataclass(frozen=True)
class BlindTest:
    """pairs: names, and identifiers of the players of both versions and of the original, where it is a third one."""

    pairs: tuple[dict[str, str | None], ...]
    labels: tuple[str, str]
    sound: str  # digest of what is heard
    question: str
    quality: str  # of the one that is chosen
    seed: int

    @property
    def id(self) -> str:
        """The same for the same pairs of the same sound, by which a browser finds the votes again."""
        text = json.dumps([self.pairs, self.labels, self.sound], sort_keys=True)
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]

    def to_json(self) -> str:
        """For the script; "<" is written so that no name can end the script."""
        told = json.dumps({"id": self.id, "pairs": self.pairs, "labels": self.labels})
        return told.replace("<", "\\u003c")


def make_test(utterances: Sequence[Utterance], seed: int) -> BlindTest:
    """This run against the other one where there is one, else the output against the original."""
    against = any(utterance.take("other") for utterance in utterances)
    keys = ("output", "other") if against else ("output", "original")
    pairs, labels, sound = [], ("", ""), hashlib.sha256()
    for number, utterance in enumerate(utterances):
        takes = [utterance.take(key) for key in keys]
        if any(take is None or take.clip is None for take in takes):
            continue
        labels = (takes[0].label, takes[1].label)
        for take in takes:
            sound.update(take.clip.samples.tobytes())
        has_third = against and utterance.take("original") is not None
        pairs.append({"name": utterance.name, "first": f"u{number}-{keys[0]}", "second": f"u{number}-{keys[1]}",
                      "reference": f"u{number}-original" if has_third else None})
    has_originals = any(pair["reference"] for pair in pairs)
    question = "Which of the two is nearer to the original?" if has_originals else "Which of the two sounds better?"
    return BlindTest(tuple(pairs), labels, sound.hexdigest(), question, "nearer" if has_originals else "better", seed)


def blind_section(test: BlindTest) -> Markup:
    """The three states of the test, of which the script shows one."""
    return tag("div", _start(test), _pair(test), _end(test), class_="test", id="blind", tabindex=-1)


def _start(test: BlindTest) -> Markup:
    return tag(
        "div",
        tag("p", f"{len(test.pairs)} pairs of ", tag("b", test.labels[0]), " and ", tag("b", test.labels[1]), ", in an "
            "order and on sides drawn from your name and the seed. Which was which is told at the end. The louder of "
            "two is turned down to the other's level (not on iPhones, which let no page do so). Votes stay in this "
            "browser until they are saved as CSV."),
        tag("p", tag("label", "listener ", tag("input", id="blind-listener", type="text", autocomplete="off")),
            tag("label", "seed ", tag("input", id="blind-seed", type="text", value=test.seed, inputmode="numeric"))),
        tag("p", _button("blind-begin", "Begin", class_="main"), " ",
            _button("blind-go-on", "Go on with the test in this browser", hidden=True), class_="buttons"),
        id="blind-start")


def _pair(test: BlindTest) -> Markup:
    return tag(
        "div",
        tag("p", tag("b", "", id="blind-place"), aria_live="polite"), tag("p", test.question),
        tag("div", _button("blind-first", "Play first ", tag("kbd", "1"), aria_pressed="false"),
            _button("blind-second", "Play second ", tag("kbd", "2"), aria_pressed="false"),
            _button("blind-reference", "Play original ", tag("kbd", "3"), aria_pressed="false"),
            class_="buttons", role="group", aria_label="Play"),
        tag("div", _button("blind-vote-first", f"First {test.quality} ", tag("kbd", "←"), class_="main"),
            _button("blind-vote-none", "No difference ", tag("kbd", "↓")),
            _button("blind-vote-second", f"Second {test.quality} ", tag("kbd", "→"), class_="main"),
            class_="buttons", role="group", aria_label="Vote"),
        tag("div", _button("blind-back", "Back ", tag("kbd", "⌫")), _button("blind-finish", "End here"),
            class_="buttons"),
        tag("p", tag("kbd", "space"), " pauses and goes on. Votes count once both were played.", class_="note"),
        tag("p", "This browser keeps no votes between visits (a private window?): save them before you leave.",
            id="blind-kept", class_="warning", hidden=True),
        id="blind-pair", hidden=True)


def _end(test: BlindTest) -> Markup:
    rows = [(test.labels[0], "blind-one"), (test.labels[1], "blind-other"), ("no preference", "blind-none")]
    counts = [tag("div", tag("dt", name), tag("dd", "0", id=id_)) for name, id_ in rows]
    return tag(
        "div", tag("dl", *counts, class_="listing"), tag("p", "", id="blind-verdict"),
        tag("div", _button("blind-save", "Save votes as CSV", class_="main"),
            _button("blind-again", "Another listener"), class_="buttons"),
        tag("details", tag("summary", "What was what"), tag("ol", id="blind-key")), id="blind-end", hidden=True)


def _button(id_: str, *children: str | Markup, **attributes: str | bool) -> Markup:
    return tag("button", *children, type="button", id=id_, **attributes)
