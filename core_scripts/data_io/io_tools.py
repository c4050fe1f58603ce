"""Raw matrices and dictionaries in files, under the names that upstream's recipes import."""
import json
from pathlib import Path

import numpy as np

from core_scripts.data_io.audio_header import open_data
from core_scripts.data_io.file_io import write_atomically
from core_scripts.errors import DataError


def f_read_raw_mat(filename, col, data_format="f4", end="l"):
    """(N, col) numbers of a headerless file, (N,) for col 1; end: l little-endian, b big-endian. Raises: DataError."""
    with open_data(Path(filename)) as file:
        content = file.read()
    dtype = _dtype(data_format, end)
    if len(content) % (dtype.itemsize * col):
        raise DataError(f"{filename}: {len(content)} bytes are not whole rows of {col} x {dtype.itemsize} bytes")
    data = np.frombuffer(content, dtype=dtype)
    return data.copy() if col == 1 else data.reshape(-1, col).copy()


def f_read_raw_mat_length(filename, data_format="f4"):
    """Numbers in a headerless file."""
    with open_data(Path(filename)) as file:
        return file.seek(0, 2) // _dtype(data_format, "l").itemsize


def f_write_raw_mat(data, filename, data_format="f4", end="l"):
    """Write an array without header; the file is whole or not there."""
    write_atomically(Path(filename), np.asarray(data).astype(_dtype(data_format, end)).tobytes())


def _dtype(data_format: str, end: str) -> np.dtype:
    return np.dtype(data_format).newbyteorder(">" if end == "b" else "<")


def read_dic(file_path):
    """What a JSON file holds. Raises: DataError."""
    with open_data(Path(file_path)) as file:
        try:
            return json.load(file)
        except ValueError as fault:
            raise DataError(f"{file_path} is no JSON file: {fault}") from None


def write_dic(dic, file_path):
    """Write as JSON; the file is whole or not there."""
    write_atomically(Path(file_path), json.dumps(dic).encode("utf-8"))
