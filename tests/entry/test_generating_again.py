"""A run of generation that is started again does only what is missing."""
import os
import signal
import subprocess
import sys
import time

import pytest
import soundfile
from desk import NAMES, NET, ROOT, SAMPLES, SMALL, heed_interrupts, write_wav

from core_scripts.generation.finished import LEDGER_NAME


@pytest.fixture
def desk(trained, own_corpus):
    """A trained run, and a test list of all four utterances."""
    (own_corpus / "test.lst").write_text("".join(f"{name}\n" for name in NAMES))
    return trained.on(own_corpus)


def output(desk):
    return desk.folder / "exp/base/output"


def marks(desk) -> dict[str, int]:
    """Which file stands under a name: another one has another number."""
    return {path.stem: path.stat().st_ino for path in output(desk).glob("*.wav")}


def test_what_is_finished_stays_and_is_counted(desk):
    answer = desk.run("infer")
    assert answer.code == 0 and "Generated 4 utterances" in answer.out and "already" not in answer.out
    before = marks(desk)
    answer = desk.run("infer")
    assert "Generated 0 utterances" in answer.out and "4 were there already, whole and unchanged" in answer.out
    assert marks(desk) == before
    assert len((output(desk) / LEDGER_NAME).read_text().splitlines()) == 4


def test_files_that_were_cut_removed_or_of_other_speech_are_made_again(desk):
    assert desk.run("infer").code == 0
    first = {name: (output(desk) / f"{name}.wav").read_bytes() for name in NAMES}
    before = marks(desk)
    (output(desk) / "aa.wav").write_bytes(first["aa"][:-2])
    (output(desk) / "bb.wav").unlink()
    write_wav(desk.data / "wav/cc.wav").write_bytes(write_wav(desk.data / "wav/dd.wav").read_bytes())
    answer = desk.run("infer", "--inference-batch-size", "3")
    assert "Generated 3 utterances" in answer.out and "1 were there already" in answer.out
    assert marks(desk)["dd"] == before["dd"] and marks(desk)["cc"] != before["cc"]
    for name in ("aa", "bb"):
        assert (output(desk) / f"{name}.wav").read_bytes() == first[name]


def test_other_settings_or_weights_make_all_anew(desk):
    assert desk.run("infer").code == 0
    answer = desk.run("infer", "--generation-seed", "7")
    assert "Generated 4 utterances" in answer.out and "kept in" in answer.out


def test_a_folder_of_the_users_own_files_is_not_taken_for_finished(desk, tmp_path):
    (tmp_path / "mine").mkdir()
    write_wav(tmp_path / "mine/aa.wav")
    answer = desk.run("infer", "--output-dir", str(tmp_path / "mine"))
    assert "Generated 4 utterances" in answer.out


def begin(desk, *words: str) -> subprocess.Popen:
    """`python main.py infer` as a process of its own."""
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    settings = (*SMALL, *NET, f"data={desk.data}", "inference_batch_size=1", *words)
    return subprocess.Popen([sys.executable, "main.py", "infer", *settings], cwd=desk.folder, env=env, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                            preexec_fn=heed_interrupts)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_after_a_signal_in_the_middle_every_file_is_whole_and_none_is_made_twice(desk, number, code):
    for name in NAMES:
        write_wav(desk.data / f"wav/{name}.wav", samples=6_000)
    running = begin(desk, "engine=eager")
    while running.poll() is None and len(marks(desk)) < 2:
        time.sleep(0.05)
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    assert running.returncode == code, err
    assert "Traceback" not in err
    before = marks(desk)
    assert 0 < len(before) < 4
    if number != signal.SIGKILL:
        assert not list(output(desk).glob(".*.tmp"))
    answer = desk.run("infer", "--inference-batch-size", "1")
    assert answer.code == 0 and not list(output(desk).glob(".*.tmp"))
    after = marks(desk)
    noted = int("already" in answer.out and answer.out.split(" were there already")[0].split()[-1])
    assert noted >= len(before) - 1  # the signal may have come between a file's name and its line
    assert sum(after[name] == before[name] for name in before) == noted
    assert {soundfile.info(output(desk) / f"{name}.wav").frames for name in NAMES} == {6_000} != {SAMPLES}
