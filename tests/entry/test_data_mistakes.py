"""Data that cannot be used: one message with the path, the numbers and the remedy, exit code 2, no model file."""
import shutil

import numpy as np
import pytest
import soundfile
from desk import NAMES, SAMPLES, write_wav

STORED = ("input_front_ends=None", "input_exts=[.mel]", 'input_dirs=[["{data}/mel"]]')


def refused(desk, data, told: str, *words: str, listed: str = "aa.wav") -> str:
    """The message, after the checks that every refusal of data must pass."""
    answer = desk.on(data).run(*words)
    assert answer.code == 2, answer.err
    assert len(answer.errors) == 1 and "Traceback" not in answer.err
    assert listed in answer.err
    with pytest.raises(AssertionError, match=told):
        raise AssertionError(answer.err)
    assert desk.files(".pt", ".png", ".csv", ".wav") == []
    return answer.err


def test_an_empty_list_is_told(desk, own_corpus):
    (own_corpus / "train.lst").write_text("\n \n")
    refused(desk, own_corpus, r"train\.lst holds no names; give one utterance per line", listed="train.lst")


def test_an_empty_folder_is_told_with_every_list_that_is_missing(desk, tmp_path):
    (tmp_path / "nothing").mkdir()
    told = refused(desk, tmp_path / "nothing", r"lists are missing.*data=FOLDER \(3 found\)", listed="nothing/val.lst")
    assert not (desk.folder / "exp").exists()
    assert "there is no folder" not in told
    refused(desk, tmp_path / "nowhere", r"there is no folder .*nowhere", listed="nowhere/val.lst")


def test_a_folder_without_the_files_is_told(desk, own_corpus):
    shutil.rmtree(own_corpus / "wav")
    (own_corpus / "wav").mkdir()
    refused(desk, own_corpus, r"aa\.wav cannot be read: No such file")


def test_a_name_with_its_ending_is_told(desk, own_corpus):
    (own_corpus / "train.lst").write_text("aa.wav\nbb.wav\n")
    refused(desk, own_corpus, r"names stand without their ending, so write 'aa'")


def test_another_rate_is_told_with_both(desk, own_corpus):
    write_wav(own_corpus / "wav" / "aa.wav", rate_hz=22050)
    refused(desk, own_corpus, r"aa\.wav is at 22050 Hz, wav_samp_rate says 16000; resample it")


def test_stereo_is_told_with_the_remedy(desk, own_corpus):
    write_wav(own_corpus / "wav" / "aa.wav", channels=2)
    refused(desk, own_corpus, r"aa\.wav has 2 channels, dims says 1; mix it down")


@pytest.mark.parametrize(("kept", "told"), [
    (0, "is an empty file"), (20, "damaged header"), (44, r"the header says 2000 samples"), (1000, r"file holds 478"),
])
def test_a_cut_file_is_told_wherever_it_was_cut(desk, own_corpus, kept, told):
    path = own_corpus / "wav" / "aa.wav"
    path.write_bytes(path.read_bytes()[:kept])
    refused(desk, own_corpus, told)


def test_a_text_called_wav_is_told(desk, own_corpus):
    (own_corpus / "wav" / "aa.wav").write_text("<html>404 not found</html>\n" * 10)
    refused(desk, own_corpus, r"aa\.wav")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_told_by_their_place(desk, own_corpus, value):
    wave = np.full(SAMPLES, 0.1, np.float32)
    wave[17] = value
    soundfile.write(own_corpus / "wav" / "aa.wav", wave, 16000, subtype="FLOAT")
    refused(desk, own_corpus, r"aa\.wav: sample 17 is NaN or infinite; repair the file or take it off the list")


def test_all_files_with_samples_that_are_no_numbers_are_told_together(desk, own_corpus):
    wave = np.full(SAMPLES, np.nan, np.float32)
    for name in NAMES[:2]:
        soundfile.write(own_corpus / "wav" / f"{name}.wav", wave, 16000, subtype="FLOAT")
    told = refused(desk, own_corpus, r"contents of \.wav files \(2 found\)")
    assert "bb.wav: sample 0 is NaN" in told


def test_faults_of_training_and_validation_files_are_told_together(desk, own_corpus):
    (own_corpus / "wav" / "aa.wav").write_bytes(b"")
    (own_corpus / "wav" / "cc.wav").write_bytes(b"")
    told = refused(desk, own_corpus, r"files of train: .*aa\.wav is an empty file")
    assert "files of val" in told and "cc.wav is an empty file" in told


def test_a_file_shorter_than_one_frame_is_left_out_and_named(desk, own_corpus):
    write_wav(own_corpus / "wav" / "aa.wav", samples=50)
    answer = desk.on(own_corpus).run()
    assert answer.code == 0
    assert "1 utterances shorter than minimum_len=800 are left out, the first is aa" in answer.err
    write_wav(own_corpus / "wav" / "bb.wav", samples=60)
    shutil.rmtree(desk.folder / "exp")
    refused(desk, own_corpus, r"train has no items: .*60 samples, minimum_len is 800", listed="train")


def test_a_file_shorter_than_one_frame_is_generated_at_its_length(trained, own_corpus):
    write_wav(own_corpus / "wav" / "dd.wav", samples=50)
    answer = trained.on(own_corpus).run("infer")
    assert answer.code == 0, answer.err
    assert soundfile.info(trained.folder / "exp/base/output/dd.wav").frames == 50


def test_a_crop_shorter_than_the_hop_is_told(desk, corpus):
    refused(desk, corpus, r"truncate_seq=40 is shorter than one frame of 80 samples; take a multiple of 80",
            "truncate_seq=40", listed="40")


def test_a_minimum_above_every_length_is_told(desk, corpus):
    refused(desk, corpus, r"the longest of 2 utterances has 2000 samples, minimum_len is 4000; lower it",
            "minimum_len=4000", "truncate_seq=8000", listed="train")


def write_frames(folder, dim: int = 80, frames: int = SAMPLES // 80, **others: int) -> None:
    (folder / "mel").mkdir(exist_ok=True)
    for name in NAMES:
        count = others.get(name, frames * dim)
        np.zeros(count, "<f4").tofile(folder / "mel" / f"{name}.mel")


def test_stored_frames_of_other_dims_are_told_with_those_that_would_fit(desk, own_corpus):
    write_frames(own_corpus, aa=79 * 25)
    refused(desk, own_corpus, r"aa\.mel: 7900 bytes are not whole frames of 80 float32 values \(320 bytes\)",
            *STORED, listed="aa.mel")


def test_stored_frames_of_another_length_are_told_with_both(desk, own_corpus):
    write_frames(own_corpus, aa=80 * 40)
    refused(desk, own_corpus, r"aa\.mel: 40 x 80 = 3200 samples, .*aa\.wav: 2000 x 1 = 2000 samples",
            *STORED, listed="aa.mel")


def test_stored_frames_that_are_not_there_are_told(desk, corpus):
    refused(desk, corpus, r"aa\.mel cannot be read: No such file .*there is no folder .*mel", *STORED, listed="bb.mel")


def test_a_front_end_that_config_does_not_define_is_told(desk, corpus):
    refused(desk, corpus, r"input_front_ends names 'mle', which config\.py does not define", "input_front_ends=[mle]",
            listed="mle")


def test_data_of_generation_are_checked_before_anything_is_written(trained, own_corpus):
    write_wav(own_corpus / "wav" / "dd.wav", rate_hz=8000)
    answer = trained.on(own_corpus).run("infer")
    assert answer.code == 2
    assert "dd.wav is at 8000 Hz" in answer.err
    assert trained.files(".wav") == []
