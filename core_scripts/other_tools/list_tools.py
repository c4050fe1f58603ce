"""Lists of names in text files (upstream's names)."""
from pathlib import Path

from core_scripts.errors import DataError, near_files


def read_list_from_text(filename: str | Path, f_chop: bool = True) -> list[str]:
    """The lines of a UTF-8 text file; blank lines and spaces stay, line ends go unless `f_chop` is false.

    Raises: DataError if there is no such file or it is not text.
    """
    path = Path(filename)
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as file:
            lines = list(file)
    except FileNotFoundError:
        raise DataError(f"list {path} not found{near_files(path)}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"list {path} is not UTF-8 text: byte {error.start} ({error.reason})") from None
    except OSError as error:
        raise DataError(f"list {path} cannot be read: {error.strerror}") from None
    return [line.removesuffix("\n").removesuffix("\r") for line in lines] if f_chop else lines
