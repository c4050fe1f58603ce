"""How the synthetic corpus comes into its folder, and what it never touches."""
import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core_scripts.corpus.recipe import CorpusRecipe
from core_scripts.corpus.synthetic import ensure_corpus
from core_scripts.corpus.writing import FORMAT, digest
from core_scripts.errors import DataError

ROOT = Path(__file__).resolve().parents[2]
RECIPE = CorpusRecipe(seconds=12, speakers=1)
OTHER = CorpusRecipe(seconds=12, speakers=1, seed=2)


@pytest.fixture
def corpus(tmp_path):
    return ensure_corpus(tmp_path / "synthetic", RECIPE)


def content(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): digest(path) for path in folder.rglob("*") if path.is_file()}


def a_wave(folder: Path) -> Path:
    return min((folder / "wav").iterdir())


def test_the_same_seed_gives_the_same_bytes(corpus, tmp_path):
    assert content(ensure_corpus(tmp_path / "deep" / "er" / "again", RECIPE)) == content(corpus)


def test_the_bytes_change_only_together_with_the_format(corpus):
    files = json.dumps(json.loads((corpus / "corpus.json").read_text())["files"])
    digest_of_all = hashlib.sha256(files.encode()).hexdigest()[:16]
    assert (FORMAT, digest_of_all) == ("recital-synthetic-corpus 1", "06bd6c2953b7fdff")


def test_the_corpus_is_made_without_torch_and_scipy(tmp_path):
    code = (
        "import sys, pathlib\n"
        "from core_scripts.corpus.synthetic import ensure_corpus\n"
        "from core_scripts.corpus.recipe import CorpusRecipe\n"
        "ensure_corpus(pathlib.Path(sys.argv[1]), CorpusRecipe(seconds=12, speakers=1))\n"
        "sys.exit(bool({'torch', 'scipy', 'soundfile'} & set(sys.modules)))\n"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path / "c")], cwd=ROOT, check=False)
    assert run.returncode == 0


def test_another_seed_gives_other_audio_under_the_same_names(corpus, tmp_path):
    first, second = content(corpus), content(ensure_corpus(tmp_path / "other", OTHER))
    shared = [name for name in first if name.startswith("wav/") and name in second]
    assert shared and all(first[name] != second[name] for name in shared)


def test_a_longer_corpus_begins_with_the_shorter_one(corpus, tmp_path):
    longer = content(ensure_corpus(tmp_path / "longer", CorpusRecipe(seconds=20, speakers=1)))
    waves = {name: value for name, value in content(corpus).items() if name.startswith("wav/")}
    assert waves.items() <= longer.items() and len(longer) > len(content(corpus))


def test_a_good_corpus_is_used_as_it_is_without_a_word(corpus, capsys):
    before = a_wave(corpus).stat().st_mtime_ns
    capsys.readouterr()
    assert ensure_corpus(corpus, RECIPE) == corpus
    assert a_wave(corpus).stat().st_mtime_ns == before
    assert capsys.readouterr() == ("", "")


def test_making_says_so_in_one_line_and_leaves_nothing_beside(corpus, capsys):
    assert [path.name for path in corpus.parent.iterdir()] == ["synthetic"]
    ensure_corpus(corpus, OTHER)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "since it differs in seed (1, not 2)" in lines[0]
    assert json.loads((corpus / "corpus.json").read_text())["recipe"]["seed"] == 2
    assert [path.name for path in corpus.parent.iterdir()] == ["synthetic"]


def test_missing_files_are_made_anew(corpus, capsys):
    whole = content(corpus)
    lost = a_wave(corpus)
    lost.unlink()
    ensure_corpus(corpus, RECIPE)
    assert content(corpus) == whole
    assert f"1 of its files were missing or changed, the first wav/{lost.name}" in capsys.readouterr().err
    assert [path.name for path in corpus.parent.iterdir()] == ["synthetic"]


def test_what_a_user_changed_or_added_is_kept_beside(corpus, capsys):
    whole = content(corpus)
    a_wave(corpus).write_bytes(b"my own voice")
    ensure_corpus(corpus, RECIPE)
    kept = corpus.with_name("synthetic.before-1")
    assert a_wave(kept).read_bytes() == b"my own voice" and content(corpus) == whole
    assert str(kept) in capsys.readouterr().err
    (corpus / "notes.txt").write_text("mine")
    ensure_corpus(corpus, OTHER)
    assert (corpus.with_name("synthetic.before-2") / "notes.txt").read_text() == "mine"


def test_additions_to_a_good_corpus_do_not_disturb_it(corpus):
    (corpus / "mel").mkdir()
    (corpus / "mel" / "x.mel").write_bytes(b"0")
    ensure_corpus(corpus, RECIPE)
    assert (corpus / "mel" / "x.mel").exists()


def test_a_corpus_of_another_format_is_made_anew(corpus, capsys):
    record = json.loads((corpus / "corpus.json").read_text())
    (corpus / "corpus.json").write_text(json.dumps(record | {"format": "recital-synthetic-corpus 0"}))
    ensure_corpus(corpus, RECIPE)
    assert "has format 'recital-synthetic-corpus 0'" in capsys.readouterr().err


def test_an_empty_folder_and_a_link_to_a_folder_are_filled(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert ensure_corpus(tmp_path / "link", RECIPE) == tmp_path / "link"
    ensure_corpus(tmp_path / "link", OTHER)
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real" / "corpus.json").exists()


def test_several_at_once_get_one_whole_corpus(tmp_path, capsys):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: ensure_corpus(tmp_path / "c", RECIPE), range(4)))
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
    ensure_corpus(tmp_path / "c", RECIPE)
    assert capsys.readouterr().err == ""


def test_a_killed_maker_leaves_no_folder_and_its_rest_is_cleared(tmp_path):
    code = (
        "import os, sys, pathlib, core_scripts.corpus.writing as w\n"
        "from core_scripts.corpus.synthetic import ensure_corpus\n"
        "from core_scripts.corpus.recipe import CorpusRecipe\n"
        "w.write_score.__globals__['_lay_out'] = lambda *_: os._exit(9)\n"
        "ensure_corpus(pathlib.Path(sys.argv[1]), CorpusRecipe(seconds=12, speakers=1))\n"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path / "c")], cwd=ROOT, check=False)
    assert run.returncode == 9 and not (tmp_path / "c").exists() and len(list(tmp_path.iterdir())) == 1
    ensure_corpus(tmp_path / "c", RECIPE)
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_a_folder_of_other_things_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(DataError, match="holds files but no corpus.json.*nothing was touched; name another folder"):
        ensure_corpus(tmp_path, RECIPE)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(("text", "message"), [("{", "not readable as JSON"), ("[1]", "no record of a synthetic")])
def test_a_record_that_is_not_ours_is_refused(tmp_path, text, message):
    (tmp_path / "corpus.json").write_text(text)
    with pytest.raises(DataError, match=message):
        ensure_corpus(tmp_path, RECIPE)
    assert (tmp_path / "corpus.json").read_text() == text


def test_a_place_that_cannot_be_written_is_told_with_its_path(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"is a file, the synthetic corpus needs a folder"):
        ensure_corpus(tmp_path / "file", RECIPE)
    with pytest.raises(DataError, match=r"cannot make the synthetic corpus in .*file/c: .*name a folder that can be"):
        ensure_corpus(tmp_path / "file" / "c", RECIPE)
