"""From a model's output to files: split by dims, cut to the true length, one file per output stream."""
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from core_scripts import log
from core_scripts.config_parse.data_config import DataOptions, StreamSpec
from core_scripts.data_io.file_io import write_frames
from core_scripts.data_io.seq_info import SeqInfo, parse_info
from core_scripts.errors import DataError


class OutputWriter:
    """Writes items as `directory/NAME + ext`, sub-folders of names kept; never outside the directory."""

    def __init__(self, streams: Sequence[StreamSpec], options: DataOptions) -> None:
        self.streams = streams
        self.inverse: Sequence[Callable] = options.output_inverse_functions
        self.rate_hz, self.is_cut = options.rate_hz, options.truncate is not None
        self._owners: dict[Path, tuple[str, int, int]] = {}

    def put(self, array: np.ndarray, directory: str | Path, prefix: str, info: str) -> list[Path]:
        """Write (1, T, D) or (1, T) of the item that `info` names; returns the paths.

        Raises: DataError if D is not the sum of output_dims, the path leaves `directory` or is another item's, or it
        cannot be written.
        """
        frames = np.asarray(array)
        if frames.ndim not in (2, 3) or len(frames) != 1:
            raise DataError(f"the output for {info} has shape {frames.shape}; (1, T, D) or (1, T) can be written")
        frames = frames[0] if frames.ndim == 3 else frames[0][:, None]
        dims = [stream.dim for stream in self.streams]
        if frames.shape[1] != sum(dims):
            raise DataError(f"the output for {info} has {frames.shape[1]} columns, output_dims {dims} sum to "
                            f"{sum(dims)}; correct output_dims or the model")
        item, paths = parse_info(info), self.paths(directory, prefix, info)
        for number, part in enumerate(np.split(frames, np.cumsum(dims)[:-1], axis=1)):
            if self.inverse:
                part = self.inverse[number](part)
            write_frames(paths[number], _cut(part, item, self.streams[number], paths[number]), self.rate_hz)
        return paths

    def paths(self, directory: str | Path, prefix: str, info: str) -> list[Path]:
        """Where `put` writes the item. Raises: DataError, see there."""
        item = parse_info(info)
        return [self._place(Path(directory), prefix, item, stream.written_ext or stream.ext) for stream in self.streams]

    def _place(self, directory: Path, prefix: str, item: SeqInfo, ext: str) -> Path:
        name = PurePosixPath(item.seq_name)
        part = f"_{item.seg_idx:03d}" if self.is_cut else ""  # pieces of one utterance get files of their own
        path = directory / name.parent / f"{prefix}{name.name}{part}{ext}"
        if not path.resolve().is_relative_to(directory.resolve()):
            raise DataError(f"{item.seq_name!r} would be written to {path.resolve()}, outside of {directory}; "
                            f"rename it in the list")
        owner = (item.seq_name, item.start_pos, item.info_id)
        if self._owners.setdefault(path, owner) != owner:
            raise DataError(f"{path} was already written for another utterance of the same name; rename one of them")
        return path


def _cut(part: np.ndarray, item: SeqInfo, stream: StreamSpec, path: Path) -> np.ndarray:
    if item.length == 0:  # nothing aligned tells a length
        return part
    wanted = item.length // stream.resolution
    if len(part) < wanted:
        log.warn(f"{path} has {len(part)} frames, {wanted} were expected")
    return part[:wanted]
