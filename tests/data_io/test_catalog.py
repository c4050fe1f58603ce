"""Names, lengths, the .dic file and when it is stale."""
import json
import os

import numpy as np
import pytest

from core_scripts.errors import ConfigError, DataError


def infos(data) -> list[tuple]:
    return [tuple(line.rsplit(",", 3)[-3:]) for line in data.get_seq_info()]


def names(data) -> list[str]:
    return list(dict.fromkeys(data.get_seq_name_list()))


def test_the_order_of_the_list_is_kept(corpus):
    assert names(corpus.load()) == ["b", "a", "c"]
    assert names(corpus.load({"list_source": corpus.root / "train.lst"})) == ["b", "a", "c"]


def test_without_a_list_the_folder_tells_the_names_in_order(corpus):
    assert names(corpus.load({"list_source": None})) == ["a", "b", "c"]


def test_blank_lines_windows_line_ends_and_a_bom_do_not_matter(corpus):
    path = corpus.root / "odd.lst"
    path.write_bytes(b"\xef\xbb\xbfc\r\n\r\n  a \r\n\n")
    assert names(corpus.load({"list_source": path})) == ["c", "a"]


def test_names_with_spaces_commas_folders_and_unicode_work(make_corpus):
    odd = ["with space", "a, b,1,2", "sub/folder/x", "Grüße-你好", "-dash", "#hash"]
    made = make_corpus({name: 80 for name in odd})
    data = made.load({"list_source": made.root / "train.lst"}, {"batch_size": 2})
    assert names(data) == odd
    for batch in data.get_loader():
        for item, info in zip(batch.targets, batch.info, strict=True):
            assert item[:, 0].numpy() == pytest.approx(made.noise(info.split(",", 1)[1].rsplit(",", 3)[0]))


def test_a_mistyped_list_is_refused_with_the_nearest_path(corpus):
    with pytest.raises(DataError, match=r"list .*trian.lst not found; did you mean .*train.lst\?"):
        corpus.load({"list_source": corpus.root / "trian.lst"})


def test_lists_that_are_empty_or_not_utf8_are_refused(corpus):
    path = corpus.root / "bad.lst"
    path.write_text("\n \n")
    with pytest.raises(DataError, match="bad.lst holds no names"):
        corpus.load({"list_source": path})
    path.write_bytes(b"a\n\xff\xfe\n")
    with pytest.raises(DataError, match="bad.lst is not UTF-8: byte 0xff at 2"):
        corpus.load({"list_source": path})


def test_names_that_stand_twice_are_all_told(corpus):
    with pytest.raises(DataError, match=r"(?s)'a' stands 3 times.*'c' stands 2 times"):
        corpus.load({"list_source": ("a", "b", "a", "c", "a", "c")})


def test_missing_files_are_all_told_with_their_nearest_names(make_corpus):
    made = make_corpus({"speaker_one": 80, "speaker_two": 80})
    with pytest.raises(DataError, match=r"(?s)\(4 found\).*speakr_one.mel.*did you mean .*speaker_one.mel.*zzz.wav"):
        made.load({"list_source": ("speakr_one", "zzz")})
    with pytest.raises(DataError, match="names stand without their ending, so write 'speaker_two'"):
        made.load({"list_source": ("speaker_two.wav",), "inputs": (made.wav_stream(),)})


def test_a_missing_folder_is_told_when_it_has_to_be_listed(corpus):
    stream = corpus.mel_stream(directory=corpus.root / "mell")
    with pytest.raises(DataError, match=r"folder .*mell does not exist; did you mean .*mel\?"):
        corpus.load({"list_source": None, "inputs": (stream,)})


def test_many_bad_files_are_counted_not_listed(make_corpus, save_wav):
    made = make_corpus({f"n{k:02d}": 80 for k in range(30)})
    for name in made.samples:
        save_wav(made.root / "wav" / f"{name}.wav", made.noise(name), rate_hz=8000)
    with pytest.raises(DataError, match=r"(?s)n00.wav is at 8000 Hz, wav_samp_rate says 16000.*and 10 more"):
        made.load()


def test_lengths_within_the_tolerance_are_cut_to_the_shortest(make_corpus):
    made = make_corpus({"x": 800})
    (made.root / "mel" / "x.mel").write_bytes(np.zeros((91, 3), dtype="<f4").tobytes())
    assert infos(made.load()) == [("0", "728", "0")]
    assert infos(made.load({"inputs": (made.wav_stream(),), "outputs": ()})) == [("0", "800", "0")]


def test_lengths_beyond_the_tolerance_are_refused_or_left_out_on_demand(make_corpus, capsys):
    made = make_corpus({"x": 800, "y": 800})
    (made.root / "mel" / "x.mel").write_bytes(np.zeros((88, 3), dtype="<f4").tobytes())
    with pytest.raises(DataError, match=r"x: streams differ in length \(.*88 x 8 = 704 .*800 x 1 = 800"):
        made.load()
    assert names(made.load(ignore_invalid_length=True)) == ["y"]
    assert "left out of trn: x" in capsys.readouterr().err


def test_a_file_shorter_than_one_frame_is_refused(make_corpus, save_wav):
    made = make_corpus({"x": 12})
    save_wav(made.root / "wav" / "x.wav", np.zeros(5))
    with pytest.raises(DataError, match="x: 5 samples are less than the shortest piece of 8"):
        made.load()


def test_segments_and_minimum_are_rounded_down_to_whole_frames(corpus):
    data = corpus.load({"list_source": ("b", "a")}, truncate=70, minimum=31)
    assert infos(data) == [("0", "64", "0"), ("1", "64", "64"), ("2", "32", "128"), ("0", "64", "0"), ("1", "24", "64")]
    assert infos(corpus.load({"list_source": ("a",)}, truncate=70, minimum=39)) == [("0", "64", "0")]


def test_segments_below_a_frame_and_too_high_a_minimum_are_refused(corpus):
    with pytest.raises(ConfigError, match="truncate_seq=7 is shorter than one frame of 8 samples"):
        corpus.load(truncate=7)
    with pytest.raises(DataError, match="the longest of 3 utterances has 200 samples, minimum_len is 208"):
        corpus.load(minimum=208)


def test_utterances_below_the_minimum_are_left_out_with_a_line(corpus, capsys):
    assert names(corpus.load(minimum=100)) == ["b", "c"]
    assert "1 utterances shorter than minimum_len=96 are left out, the first is a" in capsys.readouterr().err


def test_one_frame_vectors_do_not_count_for_the_length(corpus):
    for name in corpus.samples:
        (corpus.root / "mel" / f"{name}.spk").write_bytes(np.array([7, 8], dtype="<f4").tobytes())
    vector = corpus.mel_stream(ext=".spk", dim=2)
    data = corpus.load({"inputs": (corpus.mel_stream(), vector)}, {"batch_size": 3})
    (batch,) = data.get_loader()
    assert batch.inputs.shape == (3, 25, 5)
    assert batch.inputs[0, :20, 3:].unique(dim=0).tolist() == [[7, 8]]


def test_the_dic_file_is_upstreams_list_of_dictionaries(corpus):
    corpus.load({"list_source": ("b", "a")}, truncate=80)
    text = (corpus.root / "trn_utt_length.dic").read_text()
    assert text.startswith('[{"length": 80, "seq_name": "b", "seg_idx": 0, "start_pos": 0, "info_id": 0}, {"length"')
    assert json.loads(text)[2] == {"length": 80, "seq_name": "a", "seg_idx": 0, "start_pos": 0, "info_id": 2}


@pytest.mark.parametrize("change", ["truncate", "minimum", "file", "dims", "list", "damage"])
def test_the_dic_is_never_stale(corpus, change, capsys):
    corpus.load(truncate=80)
    options = {"truncate": 80}
    spec = {}
    if change == "truncate":
        options = {"truncate": 40}
    elif change == "minimum":
        options["minimum"] = 80
    elif change == "file":
        (corpus.root / "mel" / "c.mel").write_bytes(corpus.mel("c")[:24].tobytes())
    elif change == "dims":
        spec["inputs"] = (corpus.mel_stream(dim=1, resolution=2),)
    elif change == "list":
        spec["list_source"] = ("c", "a")
    else:
        (corpus.root / "trn_utt_length.dic").write_text("[{]")
        (corpus.root / "trn_utt_length.json").write_text("{")
    capsys.readouterr()
    if change == "dims":  # 60 frames of 2 samples do not fit 160 samples
        with pytest.raises(DataError, match="streams differ in length"):
            corpus.load(spec, **options)
        return
    cached = corpus.load(spec, **options)
    fresh = corpus.load(spec, **options, ignore_cache=True)
    assert cached.get_seq_info() == fresh.get_seq_info()
    assert "is rebuilt" in capsys.readouterr().err
    stored = json.loads((corpus.root / "trn_utt_length.dic").read_text())
    assert [item["length"] for item in stored] == [int(info[1]) for info in infos(fresh)]


def test_headers_are_read_again_only_where_a_file_changed(corpus):
    corpus.load()
    table = corpus.root / "trn_utt_length.json"
    stored = json.loads(table.read_text())
    for marks in stored["files"].values():
        marks["a"][2] //= 2  # a lie that only a cache can tell
    table.write_text(json.dumps(stored))
    assert infos(corpus.load())[1] == ("0", "40", "0")
    os.utime(corpus.root / "mel" / "a.mel", ns=(1, 1))
    os.utime(corpus.root / "wav" / "a.wav", ns=(1, 1))
    assert infos(corpus.load())[1] == ("0", "88", "0")


def test_a_dic_of_upstream_is_taken_over_if_it_agrees_else_rebuilt(corpus, capsys):
    corpus.load()
    (corpus.root / "trn_utt_length.json").unlink()
    corpus.load()
    assert "agrees with the files and is taken over" in capsys.readouterr().err
    (corpus.root / "trn_utt_length.json").unlink()
    path = corpus.root / "trn_utt_length.dic"
    path.write_text(path.read_text().replace("160", "152"))
    assert infos(corpus.load())[0] == ("0", "160", "0")
    assert "is rebuilt" in capsys.readouterr().err


def test_without_caches_nothing_is_written(corpus):
    before = sorted(os.listdir(corpus.root))
    corpus.load(ignore_cache=True)
    assert sorted(os.listdir(corpus.root)) == before


def test_a_trusted_list_is_not_looked_up(corpus):
    corpus.load()
    for path in (corpus.root / "wav").iterdir():
        path.unlink()
    assert len(corpus.load(skip_scan=True).get_seq_info()) == 3
    with pytest.raises(DataError, match="No such file"):
        corpus.load()


def test_a_cache_folder_that_cannot_be_written_is_a_warning(corpus, capsys):
    (corpus.root / "occupied").touch()
    assert corpus.load(cache_dir=corpus.root / "occupied").get_seq_num() == 3
    assert "lengths are not cached" in capsys.readouterr().err
