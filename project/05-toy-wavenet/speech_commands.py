"""Get Speech Commands 0.02 (2.3 GB, CC BY 4.0) from the net, check it, unpack it, and write the lists for training.

    python speech_commands.py                  # download to ../DATA, unpack to ../DATA/speech_commands
    python speech_commands.py --archive FILE   # what was downloaded elsewhere
    python speech_commands.py --folder DIR     # what is unpacked already: only the lists are written

This is the only place of the recipe that uses the net.
"""
import argparse
import shutil
import sys
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core_scripts import log  # noqa: E402
from core_scripts.corpus.speech_commands import check_archive, write_lists  # noqa: E402
from core_scripts.errors import DataError, RecitalError  # noqa: E402

URL = "http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz"
DATA = ROOT / "project" / "DATA"


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive", type=Path, help="the tar.gz, if it is here already")
    parser.add_argument("--folder", type=Path, help="the unpacked folder, if it is here already")
    options = parser.parse_args(argv)
    try:
        folder = options.folder or unpack(options.archive or download(DATA / Path(URL).name), DATA / "speech_commands")
        counts = write_lists(folder)
    except RecitalError as error:
        log.note(f"error: {error}")
        return error.exit_code
    log.say(f"{folder}: {', '.join(f'{kind} {count}' for kind, count in counts.items())}\nto train on it:\n"
            f"  python main.py --exp commands data={folder} wav_folder=. wav_samp_rate=16000")
    return 0


def download(archive: Path) -> Path:
    """The archive, from the net if it is not there whole. Raises: DataError."""
    if archive.is_file():
        log.note(f"{archive} is there already")
        return archive
    archive.parent.mkdir(parents=True, exist_ok=True)
    part = archive.with_name(f"{archive.name}.part")
    log.note(f"{URL} to {archive}")
    try:
        with urllib.request.urlopen(URL, timeout=60) as source, part.open("wb") as target:
            shutil.copyfileobj(source, target, 2**20)
    except (urllib.error.URLError, OSError) as fault:
        raise DataError(f"{URL} cannot be downloaded: {fault}; get it by other means and name it with --archive "
                        "FILE, or train on the synthetic corpus, which needs no net") from None
    part.replace(archive)
    return archive


def unpack(archive: Path, folder: Path) -> Path:
    """The folder with what the archive holds, checked. Raises: DataError."""
    check_archive(archive)
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(part, filter="data")
    except (tarfile.TarError, EOFError, OSError) as fault:
        raise DataError(f"{archive} cannot be unpacked to {folder}: {fault}") from None
    if folder.exists():
        raise DataError(f"{folder} is there already; use it with --folder {folder}, or move it away (the new "
                        f"one is {part})")
    part.rename(folder)
    return folder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
