"""The readers in docs/DATA_FORMAT.md read what the framework writes."""
import hashlib
import json
import re
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core_scripts.checkpoint.model_record import ModelRecord
from core_scripts.data_io.file_io import write_frames
from core_scripts.features.config_mel import MelConfig
from core_scripts.features.passport import passport_of

DOCUMENT = Path(__file__).parents[2] / "docs" / "DATA_FORMAT.md"


@pytest.fixture(scope="module")
def readers() -> dict:
    """The functions of the document."""
    defined = {"np": np, "wave": wave, "json": json, "hashlib": hashlib, "soundfile": soundfile}
    for block in re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), flags=re.DOTALL):
        assert len(block.splitlines()) <= 5
        exec(block, defined)  # the document is ours
    return defined


def test_audio_comes_back(readers, tmp_path):
    samples = np.arange(-5, 5)[:, None] / 2**15
    for name, reader in (("x.wav", "read_wav"), ("x.flac", "read_flac")):
        write_frames(tmp_path / name, samples, 16000)
        rate, found = readers[reader](tmp_path / name)
        assert (rate, found.tolist()) == (16000, samples.tolist())


def test_features_come_back(readers, tmp_path):
    frames = np.arange(12, dtype=np.float32).reshape(4, 3)
    for name, reader in (("x.npy", "read_npy"), ("x.mel", "read_raw")):
        write_frames(tmp_path / name, frames)
        assert np.array_equal(readers[reader](tmp_path / name, 3), frames)


def test_lists_and_caches_are_as_described(readers, corpus):
    data = corpus.load({"list_source": corpus.root / "train.lst"}, truncate=80)
    assert readers["read_list"](corpus.root / "train.lst") == list(corpus.samples)
    assert readers["read_dic"](corpus.root / "trn_utt_length.dic")[1] == ("b", 80, 160)
    counts = readers["read_frame_counts"](corpus.root / "trn_utt_length.json")
    assert counts == [{"b": 20, "a": 11, "c": 25}, {"b": 160, "a": 88, "c": 200}]
    in_mean, in_std, _, out_std = data.get_data_mean_std()
    mean, std = readers["read_mean_std"](corpus.root / "trn_mean_std_input.bin")
    assert (mean.tolist(), std.tolist()) == (in_mean.tolist(), in_std.tolist())
    assert readers["read_mean_std"](corpus.root / "trn_mean_std_output.bin")[1].tolist() == out_std.tolist()
    count, mean, std = readers["read_moments"](corpus.root / "trn_mean_std.json", "input")
    assert count.tolist() == [56] * 3
    assert (mean, std) == (pytest.approx(in_mean), pytest.approx(in_std))


def test_passports_and_speakers_are_as_described(readers, tmp_path):
    passport = passport_of(MelConfig(hop=100, window=500))
    (tmp_path / "passport.json").write_text(passport.to_json())
    assert readers["read_passport_hash"](tmp_path / "passport.json") == passport.hash
    (tmp_path / "speakers.tsv").write_text("sub/a b\tAnn\nc\tBob\n")
    assert readers["read_speakers"](tmp_path / "speakers.tsv") == {"sub/a b": "Ann", "c": "Bob"}


def test_the_record_in_weights_is_as_described(readers):
    record = ModelRecord({"mel": passport_of(MelConfig())}, ("ann", "bob"))
    found = readers["read_model_record"]({"_extra_state": record.to_tensor()})
    assert found["speakers"] == ["ann", "bob"] and found["passports"]["mel"]["hash"] == passport_of(MelConfig()).hash


def test_info_lines_are_as_described(readers, make_corpus):
    made = make_corpus({"a, b": 80})
    assert readers["read_info"](made.load().get_seq_info()[0]) == (0, "a, b", 0, 80, 0)
