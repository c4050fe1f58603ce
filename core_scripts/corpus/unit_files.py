"""Files of units: NAME.npy, one code after the other, and the same for people with times and with runs joined."""
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from core_scripts.config_parse.data_config import CorpusSpec, StreamSpec
from core_scripts.config_parse.run_options import option_value
from core_scripts.data_io.file_io import write_atomically, write_frames
from core_scripts.errors import ConfigError, DataError

CODES_EXT, TIMES_EXT, RUNS_EXT = ".npy", ".txt", ".runs.txt"
FOLDER = "codes"


@dataclass(frozen=True, kw_only=True)
class UnitFiles:
    """What --write-codes and --from-codes ask for.

    NAME.npy: (L, 1) float32; NAME.txt: lines start<TAB>stop<TAB>unit, one per token, in seconds; NAME.runs.txt: the
    same with neighbours of one unit joined.
    """

    folder: Path | None = None  # None: nothing is written
    is_source: bool = False  # the input is units, not speech
    units_per_second: float = 1.0

    @classmethod
    def from_args(cls, args: Namespace | None, units_per_second: float) -> "UnitFiles":
        """As the command line wants it."""
        folder = Path(option_value(args, "output_dir"), FOLDER) if option_value(args, "write_codes") else None
        return cls(folder=folder, is_source=bool(option_value(args, "from_codes")), units_per_second=units_per_second)

    def require_codes(self, kind: str) -> None:
        """Raises: ConfigError where files of codes are wanted of a bottleneck that has none."""
        if self.folder is not None or self.is_source:
            raise ConfigError(f"--write-codes and --from-codes need units, and a bottleneck of kind {kind} has none; "
                              "train one of kind vq-ema, vq or fsq")

    def write(self, codes: Tensor, counts: Sequence[int], names: Sequence[str]) -> None:
        """codes: (B, L) int64, of which the first `count` of each item are written."""
        if self.folder is None:
            return
        for row, count, name in zip(codes.cpu().numpy(), counts, names, strict=True):
            place = self.folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            own = row[:count]
            write_frames(place.with_name(place.name + CODES_EXT), own.astype(np.float32)[:, None], None)
            starts = np.arange(count)
            self._tell(place.with_name(place.name + TIMES_EXT), own, starts)
            begins = np.flatnonzero(np.r_[True, own[1:] != own[:-1]])
            self._tell(place.with_name(place.name + RUNS_EXT), own, begins)

    def _tell(self, path: Path, codes: np.ndarray, starts: np.ndarray) -> None:
        edges = np.r_[starts, len(codes)] / self.units_per_second
        lines = [f"{start:.4f}\t{stop:.4f}\t{codes[place]}\n"
                 for start, stop, place in zip(edges[:-1], edges[1:], starts, strict=True)]
        write_atomically(path, "".join(lines).encode("ascii"))


def corpora_of_codes(corpora: Sequence[CorpusSpec], folder: Path, samples_per_unit: int) -> tuple[CorpusSpec, ...]:
    """The one corpus of --from-codes: all NAME.npy of the folder, to be written like the outputs of the first corpus.

    Raises: DataError if the folder holds none.
    """
    if not any(folder.glob(f"*{CODES_EXT}")):
        raise DataError(f"--from-codes {folder}: no NAME{CODES_EXT} in it; give the folder that --write-codes wrote, "
                        f"such as exp/NAME/output/{FOLDER}")
    stream = StreamSpec(directory=folder, ext=CODES_EXT, dim=1, resolution=samples_per_unit, normalise=False)
    outputs = tuple(replace(output, directory=None, front_end=None, context=(0, 0)) for output in corpora[0].outputs)
    return (replace(corpora[0], name=FOLDER, list_source=None, inputs=(stream,), outputs=outputs),)
