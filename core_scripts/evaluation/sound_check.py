"""A doctor for sound: after each generation, in a few words, what is off with the files and what to do next.

Each file is held against the recording that its frames were made of, or else the one that it should be; where it has
none, or speaks in another voice, against a few recordings of the training list.
"""
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core_scripts import log
from core_scripts.config_parse.data_config import StreamSpec
from core_scripts.config_parse.project_data import read_corpora
from core_scripts.errors import DataError
from core_scripts.evaluation.metric import make_pair, why_unfit
from core_scripts.evaluation.sound_facts import correlation, look_at
from core_scripts.evaluation.sound_files import SoundFiles, Wave, find_sounds, read_sound
from core_scripts.evaluation.sound_findings import Finding, Heard, count_of, files
from core_scripts.evaluation.sound_follow import judge_condition
from core_scripts.evaluation.sound_rules import Expectations, judge_sounds
from core_scripts.evaluation.usual_sound import Usual, usual_sound
from core_scripts.features.passport import passport_of, read_passport

_FILES = 300  # looked at, spread over longer lists
_SECONDS = 120.0  # of each file, from its beginning: memory must not grow with the length of what is generated
_CALMER = 0.8  # temperature
_ALIKE = 0.95  # correlation of two waveforms


def check_sound(data: Any, conf: Any, args: Namespace) -> None:
    """Tell whether what lies in the output folder for the utterances of `data` is sound: in one line if it is.

    Nothing is told of recipes that write no audio. conf: for the training list; args: where the outputs are.
    """
    sounds = [sound for sound in find_sounds(data, args) if sound.output.is_file()]
    if not sounds:
        return
    chosen = sounds[:: -(-len(sounds) // _FILES)]
    inputs = [stream for corpus in read_corpora(conf, "test") for stream in corpus.inputs]
    findings = find_faults(chosen, inputs, Expectations(usual_sound(conf), own_voice=not args.target_speaker))
    told = f"sound check: {count_of(chosen, sounds) if len(chosen) < len(sounds) else files(len(sounds))}"
    if findings:
        things = f"{len(findings)} thing{'s' if len(findings) > 1 else ''} off"
        log.warn("\n".join([f"{told}, {things}", *map(str, findings), *_hint(findings, args.temperature)]))
    else:
        log.say(f"{told}, nothing off")


def _hint(findings: Sequence[Finding], temperature: float) -> list[str]:
    """What drawing the samples in another way could change."""
    if temperature == 0:
        return ["  --temperature 0 takes the most probable sample each time, which may end in silence or a tone: try 1"]
    if temperature > _CALMER and any(finding.noisy for finding in findings):
        return [f"  --temperature {_CALMER} makes less noise"]
    return []


def find_faults(sounds: Sequence[SoundFiles], inputs: Sequence[StreamSpec], expected: Expectations) -> list[Finding]:
    """What is off with the outputs of these utterances. inputs: the streams that they were generated from."""
    heard, damaged = listen(sounds)
    findings = [Finding(f"{count_of(damaged, sounds)} cannot be read back: {damaged[0]}",
                        "delete what is damaged and generate again")] if damaged else []
    findings += _misfits(heard, expected.usual) + _rate_of_frames(inputs, heard)
    told, sounding = judge_sounds(heard, expected)
    return findings + told + (judge_condition(sounding) if 2 * len(sounding) > len(heard) else [])


def listen(sounds: Sequence[SoundFiles]) -> tuple[list[Heard], list[str]]:
    """The facts of each output that can be read, and what is wrong with the others."""
    heard, damaged, before = [], [], (None, None)
    for sound in sounds:
        try:
            waves = (read_sound(sound.output, _SECONDS), _read_recording(sound))
            heard.append(_hear(sound.name, waves, before))
            before = waves
        except DataError as fault:
            damaged.append(str(fault))
    return heard, damaged


def _read_recording(sound: SoundFiles) -> Wave | None:
    path = sound.source or sound.reference
    try:
        return None if path is None else read_sound(path, _SECONDS)
    except DataError:
        return None  # a damaged one counts as none here; the data set tells of it


def _hear(name: str, waves: tuple[Wave, Wave | None], before: tuple[Wave | None, Wave | None]) -> Heard:
    """waves, before: (output, recording) of this utterance and of the one before."""
    output, recording = waves
    alike = _are_alike(output, before[0]) and not _are_alike(recording, before[1])
    if recording is None:
        return Heard(name, look_at(name, output), alike=alike)
    try:
        misfit = why_unfit(make_pair(name, recording, output))
    except DataError as fault:
        misfit = str(fault)
    return Heard(name, look_at(name, output), look_at(name, recording), misfit, alike)


def _are_alike(one: Wave | None, other: Wave | None) -> bool:
    return one is not None and other is not None and (correlation(one[0], other[0]) or 0.0) > _ALIKE


def _misfits(heard: Sequence[Heard], usual: Usual | None) -> list[Finding]:
    """Whether lengths and rates are those of the recordings."""
    misfits = [one for one in heard if one.misfit]
    if misfits:
        return [Finding(f"{count_of(misfits, heard)} cannot be compared; {misfits[0].name}: {misfits[0].misfit}",
                        "see that wav_samp_rate, input_reso and hops are those of the data: python main.py config")]
    if usual is not None and heard and heard[0].output.rate_hz != usual.rate_hz:
        return [Finding(f"written at {heard[0].output.rate_hz} Hz, trained on recordings of {usual.rate_hz} Hz",
                        f"set wav_samp_rate={usual.rate_hz}")]
    return []


def _rate_of_frames(streams: Sequence[StreamSpec], heard: Sequence[Heard]) -> list[Finding]:
    """Whether the outputs have the rate that their frames were made at, where these tell it."""
    given = {_rate_of(stream) for stream in streams} - {None}
    written = heard[0].output.rate_hz if heard else None
    return [Finding(f"written at {written} Hz from frames made at {rate_hz} Hz: {written / rate_hz:.3g} times too fast "
                    f"and too high", f"set wav_samp_rate={rate_hz}")
            for rate_hz in sorted(given) if written and rate_hz != written]


def _rate_of(stream: StreamSpec) -> int | None:
    if stream.front_end is not None:
        passport = passport_of(stream.front_end)
    else:
        passport = read_passport(Path(stream.directory)) if stream.directory is not None else None
    return None if passport is None else passport.settings.get("rate_hz")
