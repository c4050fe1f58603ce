"""Sample audio without a network: Speech Commands where it is at hand, else the synthetic corpus."""
import tarfile
from pathlib import Path

from core_scripts import log
from core_scripts.corpus.synthetic import ensure_corpus
from core_scripts.errors import DataError, near_files
from core_scripts.wavenetlike.building import RECIPE
from core_scripts.wavenetlike.datasets import Dataset, new_folder

DATA = RECIPE.parent / "DATA"
SPEECH_COMMANDS = DATA / "speech_commands"  # where the recipe's speech_commands.py puts it


def download_sample_audio(cutoff: int, archive: str | Path | None = None) -> Dataset:
    """`cutoff` recordings. Nothing is downloaded: this is the design notes' name.

    They come from `archive`, a tar file of recordings such as that of Speech Commands; without it from the folder of
    Speech Commands if the recipe's speech_commands.py has made it, else from the synthetic corpus; it is said which.
    Raises: DataError.
    """
    if cutoff < 1:
        raise DataError(f"cutoff={cutoff} leaves no recording; take 1 or more")
    if archive is not None:
        dataset = _Unpacked(Path(archive), cutoff)
        log.say(f"sample audio: {len(dataset)} recordings of {archive}")
    elif SPEECH_COMMANDS.is_dir():
        dataset = Dataset(SPEECH_COMMANDS, cutoff=cutoff)
        log.say(f"sample audio: {len(dataset)} recordings of Speech Commands in {SPEECH_COMMANDS}")
    else:
        dataset = Dataset(ensure_corpus(DATA / "synthetic") / "wav", cutoff=cutoff)
        log.say(f"sample audio: {len(dataset)} recordings of the synthetic corpus, since there is no {SPEECH_COMMANDS} "
                f"(made by speech_commands.py in {RECIPE})")
    return dataset


class _Unpacked(Dataset):
    """The first recordings of a tar file; only they are unpacked, under names of their own."""

    def __init__(self, archive: Path, cutoff: int) -> None:
        folder = new_folder(self)
        if not archive.is_file():
            raise DataError(f"archive {archive} not found{near_files(archive)}")
        try:
            found = _unpack(archive, cutoff, folder)
        except (tarfile.TarError, EOFError, OSError) as fault:
            raise DataError(f"{archive} cannot be read as a tar file: {fault}; get it anew, or leave archive "
                            "out") from None
        if not found:
            raise DataError(f"{archive} holds no WORD/NAME.wav; give the archive of Speech Commands, or leave "
                            "archive out")
        super().__init__(folder)


def _unpack(archive: Path, cutoff: int, folder: Path) -> int:
    found = 0
    with tarfile.open(archive) as tar:
        for member in tar:
            path = Path(member.name)
            if found == cutoff:
                break
            if member.isfile() and path.suffix.lower() == ".wav" and not path.parent.name.startswith("_"):
                Path(folder, f"{path.parent.name}_{path.stem}.wav").write_bytes(tar.extractfile(member).read())
                found += 1
    return found
