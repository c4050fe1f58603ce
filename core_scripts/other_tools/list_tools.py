"""Lists of names in text files."""
import io
from pathlib import Path

from core_scripts.errors import DataError, near_files


def read_list_from_text(filename: str | Path, f_chop: bool = True) -> list[str]:
    """The lines of a UTF-8 text file; blank lines and spaces stay, line ends go unless `f_chop` is false (upstream's).

    Raises: DataError if there is no such file or it is not text.
    """
    path = Path(filename)
    try:
        lines = list(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="\n"))
    except FileNotFoundError:
        raise DataError(f"list {path} not found{near_files(path)}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"list {path} is not UTF-8: byte {error.object[error.start]:#x} at {error.start}") from None
    except OSError as error:
        raise DataError(f"list {path} cannot be read: {error.strerror}") from None
    return [line.removesuffix("\n").removesuffix("\r") for line in lines] if f_chop else lines


def read_list(path: Path) -> list[str]:
    """The names in a text file, one per line, without spaces around them and blank lines. Raises: DataError."""
    pieces = [piece for line in read_list_from_text(path) for piece in line.split("\r")]  # some still end lines so
    return [piece.strip() for piece in pieces if piece.strip()]
