"""An item: which piece of which utterance, and how that is written in one line and in the .dic cache."""
from dataclasses import asdict, dataclass

from core_scripts.errors import DataError


@dataclass(frozen=True)
class SeqInfo:
    """length and start_pos: samples at the finest resolution; info_id: number of the item in its data set."""

    length: int = 0
    seq_name: str = ""
    seg_idx: int = 0
    start_pos: int = 0
    info_id: int = 0

    def print_to_str(self) -> str:
        return f"{self.info_id},{self.seq_name},{self.seg_idx},{self.length},{self.start_pos}"

    def print_to_dic(self) -> dict[str, int | str]:
        """As it stands in the .dic cache, keys in upstream's order."""
        return asdict(self)

    def seq_tag(self) -> str:
        return self.seq_name

    def seq_length(self) -> int:
        return self.length

    def seq_start_pos(self) -> int:
        return self.start_pos

    @property
    def stop(self) -> int:
        return self.start_pos + self.length


def parse_info(info: str) -> SeqInfo:
    """The item that `info`, "info_id,name,seg_idx,length,start_pos", tells of; the name may hold commas.

    Raises: DataError if it is no such line.
    """
    try:
        info_id, rest = info.split(",", 1)
        name, segment, length, start = rest.rsplit(",", 3)
        return SeqInfo(int(length), name, int(segment), int(start), int(info_id))
    except (ValueError, AttributeError):
        raise DataError(f"{info!r} is not of the form info_id,name,seg_idx,length,start_pos") from None


def parse_idx(info: str) -> int:
    return parse_info(info).info_id


def parse_filename(info: str) -> str:
    return parse_info(info).seq_name


def parse_length(info: str) -> int:
    return parse_info(info).length
