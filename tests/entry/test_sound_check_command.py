"""What `python main.py infer` tells of the files that it has made."""
import soundfile
from desk import NAMES


def verdicts(answer) -> list[str]:
    return [line for line in (answer.out + answer.err).splitlines() if "sound check: " in line]


def test_each_generation_ends_with_one_verdict(trained, own_corpus):
    (own_corpus / "test.lst").write_text("".join(f"{name}\n" for name in NAMES))
    answer = trained.on(own_corpus).run("infer")
    assert answer.code == 0, answer.err
    (verdict,) = verdicts(answer)
    assert "sound check: 4 files, " in verdict


def test_it_needs_neither_references_nor_the_training_list(trained, own_corpus):
    (own_corpus / "train.lst").unlink()
    answer = trained.on(own_corpus).run("infer", "test_output_dirs=[[]]")
    assert answer.code == 0, answer.err
    assert len(verdicts(answer)) == 1 and "sound check: 1 file, " in verdicts(answer)[0]


def test_what_is_off_is_warned_of_with_the_next_thing_to_do(trained, own_corpus):
    path = own_corpus / "wav" / f"{NAMES[3]}.wav"
    wave, rate_hz = soundfile.read(path)
    soundfile.write(path, 0.01 * wave, rate_hz, subtype="PCM_16")
    answer = trained.on(own_corpus).run("infer")
    assert answer.code == 0, answer.err
    _, _, told = answer.err.partition("warning: sound check: 1 file, ")
    assert "  too loud: 1 of 1 file; level -" in told and "\n    -> see that the frames come from" in told


def test_an_offset_of_the_recording_is_no_fault_of_an_output_without_it(trained, own_corpus):
    path = own_corpus / "wav" / f"{NAMES[3]}.wav"
    wave, rate_hz = soundfile.read(path)
    soundfile.write(path, 0.5 * wave + 0.3, rate_hz, subtype="PCM_16")
    answer = trained.on(own_corpus).run("infer")
    assert answer.code == 0 and len(verdicts(answer)) == 1 and "off zero" not in answer.err
