"""The doctor for sound on speech-like sounds that were spoiled in ways which are known."""
import numpy as np
import pytest
import soundfile
import torch

from core_scripts.config_parse.data_config import StreamSpec
from core_scripts.corpus.score import write_score
from core_scripts.corpus.speech import synthesise
from core_scripts.corpus.voices import VOICES
from core_scripts.evaluation.sound_check import find_faults
from core_scripts.evaluation.sound_facts import correlation, envelope_of, look_at, speed_of
from core_scripts.evaluation.sound_files import SoundFiles
from core_scripts.evaluation.sound_rules import Expectations
from core_scripts.evaluation.usual_sound import summarise
from core_scripts.features import mulaw
from core_scripts.features.config_mel import MelConfig
from core_scripts.features.passport import PASSPORT_NAME, passport_of

RATE_HZ = 16000
COUNT = 4
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def speech() -> list[np.ndarray]:
    return [synthesise(write_score(1, number, VOICES[number % len(VOICES)]), RATE_HZ, 1, number)[0]
            for number in range(COUNT)]


@pytest.fixture(scope="module")
def usual(speech):
    return Expectations(summarise([look_at("some", (wave, RATE_HZ)) for wave in speech]))


def findings(folder, outputs, recordings, expected, rate_hz=RATE_HZ, inputs=()):
    """What is told of these outputs, as text; recordings: None, or one each."""
    return as_text(find_faults(write_sounds(folder, outputs, recordings, rate_hz), inputs, expected))


def write_sounds(folder, outputs, recordings, rate_hz=RATE_HZ):
    sounds = []
    for number, wave in enumerate(outputs):
        name, paths = f"u{number}", []
        for kind, samples, rate in (("output", wave, rate_hz), ("wav", recordings and recordings[number], RATE_HZ)):
            (folder / kind).mkdir(exist_ok=True)
            paths.append(folder / kind / f"{name}.wav" if samples is not None else None)
            if samples is not None:
                soundfile.write(paths[-1], samples, rate, subtype="PCM_16")
        sounds.append(SoundFiles(name, paths[0], None, paths[1]))
    return sounds


def as_text(found):
    return "\n".join(f"{finding.fault}\n    -> {finding.remedy}" for finding in found)


def round_trip(wave):
    return mulaw.decode(mulaw.encode(torch.from_numpy(wave), 256), 256).double().numpy()


def slowed(wave, factor):
    return np.interp(np.arange(len(wave)) * factor, np.arange(len(wave)), wave)


WELL = {"the recordings": lambda wave: wave, "8-bit mu-law": round_trip, "half as loud": lambda wave: 0.5 * wave,
        "a faint hiss": lambda wave: wave + 0.02 * wave.std() * RNG.standard_normal(len(wave))}
SPOILED = {
    "silent: 4 of 4 files": lambda wave: np.zeros_like(wave),
    "a steady noise or tone: 4 of 4 files": lambda wave: 0.1 * RNG.standard_normal(len(wave)),
    "silent before their end: 4 of 4 files": lambda wave: wave * (np.arange(len(wave)) < len(wave) / 2),
    "shifted off zero: 4 of 4 files; DC offset 0.05 of full scale": lambda wave: wave + 0.05,
    "clipped: 4 of 4 files; clipped samples 0.": lambda wave: np.clip(wave * 8.0 / np.abs(wave).max(), -1, 1),
    "too quiet: 4 of 4 files; level -": lambda wave: 0.1 * wave,
    "too bright: 4 of 4 files; spectral tilt": lambda wave: np.append(wave[0], wave[1:] - 0.9 * wave[:-1]),
    "too dull: 4 of 4 files; spectral tilt -": lambda wave: np.convolve(wave, np.full(5, 0.2), "same"),
    "noisy in the pauses: 4 of 4 files; level of the pauses -":
        lambda wave: wave + 0.2 * wave.std() * RNG.standard_normal(len(wave)),
    "0.5 times as fast as their frames: 4 of 4 compared": lambda wave: slowed(wave, 0.5),
    "4 of 4 files cannot be compared; u0: the output has": lambda wave: wave[: len(wave) // 2],
}


@pytest.mark.parametrize("kind", WELL)
@pytest.mark.parametrize("paired", [True, False])
def test_of_what_is_well_nothing_is_told(tmp_path, speech, usual, kind, paired):
    assert findings(tmp_path, [WELL[kind](wave) for wave in speech], speech if paired else None, usual) == ""


@pytest.mark.parametrize("told", SPOILED)
def test_what_is_spoiled_is_told_in_words_with_the_next_thing_to_do(tmp_path, speech, usual, told):
    found = findings(tmp_path, [SPOILED[told](wave) for wave in speech], speech, usual)
    assert told in found and "\n    -> " in found and "nan" not in found


@pytest.mark.parametrize("told", list(SPOILED)[:4])
def test_without_any_recording_what_is_wrong_of_itself_is_still_told(tmp_path, speech, told):
    found = findings(tmp_path, [SPOILED[told](wave) for wave in speech], None, Expectations())
    assert (told in found) is not told.startswith("silent before")  # a recording alone tells where its speech ends
    assert "of recordings as a rule" in found or not found


def test_against_training_recordings_their_own_spread_is_tolerated(tmp_path, speech, usual):
    spoiled = [SPOILED["too quiet: 4 of 4 files; level -"](wave) for wave in speech]
    assert "of training recordings -" in findings(tmp_path, spoiled, None, usual)


def test_other_voices_than_their_recordings_are_held_against_training(tmp_path, speech, usual):
    quiet = [0.1 * wave for wave in speech]
    assert findings(tmp_path, speech, quiet, Expectations(usual.usual, own_voice=False)) == ""
    assert "too loud: 4 of 4 files" in findings(tmp_path, speech, quiet, usual)


def test_single_files_that_are_off_are_named(tmp_path, speech, usual):
    found = findings(tmp_path, [*speech[:2], speech[2] + 0.05, speech[3]], speech, usual)
    assert found.startswith("shifted off zero: 1 of 4 files (u2); DC offset 0.05") and found.count("->") == 1


def test_outputs_that_follow_other_frames_are_told(tmp_path, speech, usual):
    turned = [np.resize(speech[number - 1], len(wave)) for number, wave in enumerate(speech)]
    found = findings(tmp_path, turned, speech, usual)
    assert "their frames hardly count: 4 of 4 compared; energies correlate" in found
    assert "python main.py evaluate" in found


def test_one_sound_for_all_frames_is_told_also_without_recordings(tmp_path, speech, usual):
    same = [np.resize(speech[0], len(wave)) for wave in speech]
    for recordings in (speech, None):
        assert "alike, although their frames are not: 3 of 4 files" in findings(tmp_path, same, recordings, usual)


def test_one_file_that_goes_astray_is_named(tmp_path, speech, usual):
    found = findings(tmp_path, [*speech[:3], np.resize(speech[0], len(speech[3]))], speech, usual)
    assert "astray: the energy of 1 of 4 files does not follow its frames (u3)" in found


def test_an_output_of_another_rate_than_its_recording_is_told_with_both(tmp_path, speech, usual):
    found = findings(tmp_path, speech, speech, usual, rate_hz=8000)
    assert "the output of u0 has 8000 Hz and its reference 16000 Hz" in found


def test_an_output_of_another_rate_than_in_training_is_told_with_both(tmp_path, speech, usual):
    found = findings(tmp_path, speech, None, usual, rate_hz=8000)
    assert "written at 8000 Hz, trained on recordings of 16000 Hz\n    -> set wav_samp_rate=16000" in found


def test_frames_tell_the_rate_that_they_were_made_at(tmp_path, speech, usual):
    (tmp_path / PASSPORT_NAME).write_text(passport_of(MelConfig(rate_hz=16000)).to_json())
    stored = StreamSpec(directory=tmp_path, ext=".mel", dim=80)
    computed = StreamSpec(directory=tmp_path, ext=".wav", dim=80, front_end=MelConfig(rate_hz=16000))
    for stream in (stored, computed):
        found = findings(tmp_path, speech, None, Expectations(), rate_hz=24000, inputs=[stream])
        assert "written at 24000 Hz from frames made at 16000 Hz: 1.5 times too fast and too high" in found
        assert "set wav_samp_rate=16000" in found
        assert findings(tmp_path, speech, None, Expectations(), inputs=[stream]) == ""


def test_a_damaged_output_is_named_and_the_others_are_looked_at(tmp_path, speech, usual):
    assert findings(tmp_path, speech, speech, usual) == ""
    paths = sorted((tmp_path / "output").glob("*.wav"))
    paths[1].write_bytes(paths[1].read_bytes()[:1000])
    soundfile.write(paths[2], speech[2] + 0.05, RATE_HZ, subtype="PCM_16")
    sounds = [SoundFiles(path.stem, path, None, tmp_path / "wav" / path.name) for path in paths]
    found = as_text(find_faults(sounds, [], usual))
    assert "1 of 4 files cannot be read back:" in found and "u1.wav is cut" in found and "generate again" in found
    assert "shifted off zero: 1 of 3 files (u2)" in found


def test_a_damaged_or_missing_recording_counts_as_none(tmp_path, speech, usual):
    assert findings(tmp_path, speech, speech, usual) == ""
    (tmp_path / "wav/u0.wav").write_bytes(b"RIFF")
    (tmp_path / "wav/u1.wav").unlink()
    sounds = [SoundFiles(f"u{number}", tmp_path / f"output/u{number}.wav", None, tmp_path / f"wav/u{number}.wav")
              for number in range(COUNT)]
    assert find_faults(sounds, [], usual) == []


@pytest.mark.parametrize("wave", [np.zeros(8000), np.zeros(1), np.full(8000, 0.5), np.full(50, 0.1)],
                         ids=["silence", "one sample", "constant", "short"])
def test_no_odd_sound_gives_nan_or_a_warning(tmp_path, speech, usual, wave, recwarn):
    for recordings in (None, [wave] * 2, speech[:2]):
        assert "nan" not in findings(tmp_path, [wave] * 2, recordings, usual)
    assert not list(recwarn)


def test_findings_fit_the_terminal(tmp_path, speech, usual):
    spoiled = [speech[0], *(SPOILED["silent before their end: 4 of 4 files"](wave) for wave in speech[1:])]
    named = [SoundFiles(sound.name * 8, sound.output, None, sound.source) for sound in
             write_sounds(tmp_path, spoiled, speech)]
    (finding,) = find_faults(named, [], usual)
    lines = str(finding).splitlines()
    assert all(len(line) <= 110 for line in lines) and len(lines) > 2
    assert lines[0].startswith("  silent before") and lines[1].startswith("    ") and lines[-1].startswith("    -> ")


def test_a_silent_recording_asks_for_nothing(tmp_path, speech, usual):
    faint = [0.002 * RNG.standard_normal(16000)] * 2
    assert "steady" not in findings(tmp_path, faint, [np.zeros(16000)] * 2, usual)


def test_only_the_first_two_minutes_of_a_file_are_looked_at(tmp_path):
    wave = np.concatenate([0.1 * RNG.standard_normal(121 * 8000) * (np.arange(121 * 8000) // 2000 % 2),
                           np.ones(90 * 8000)])
    soundfile.write(tmp_path / "long.wav", wave, 8000, subtype="PCM_16")
    assert find_faults([SoundFiles("long", tmp_path / "long.wav", None, None)], [], Expectations()) == []


def test_nothing_at_all_has_no_faults():
    assert find_faults([], [], Expectations()) == []


def test_an_envelope_follows_itself_at_its_own_speed(speech):
    envelope = envelope_of(speech[0], RATE_HZ)
    assert correlation(envelope, envelope) == pytest.approx(1.0)
    assert correlation(envelope, np.zeros(len(envelope))) is None
    for factor in (0.5, 16000 / 22050, 2.0):
        found, follows = speed_of(envelope_of(slowed(speech[0], factor), RATE_HZ), envelope)
        assert found == pytest.approx(factor, rel=0.01) and follows > 0.85
