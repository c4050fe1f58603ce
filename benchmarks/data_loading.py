"""How fast segments of one second are read from long recordings, beside decoding the whole file for each of them.

Every segment is of a random file and place; files are in the system's cache. Seconds are CPU time of one thread.
"""
import sys
import tempfile
import wave
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.measuring import describe, make_parser, median, ratios, tell_results, time_rounds  # noqa: E402
from core_scripts.config_parse.data_config import StreamSpec  # noqa: E402
from core_scripts.data_io.audio_header import read_audio_header  # noqa: E402
from core_scripts.data_io.file_io import read_frames  # noqa: E402
from core_scripts.data_io.stream_reader import StreamReader  # noqa: E402
from core_scripts.errors import DataError  # noqa: E402
from core_scripts.geometry.span import Span  # noqa: E402

RATE_HZ = 16000
TARGETS = {"ratio_to_whole_files": 8.0}


@dataclass(frozen=True)
class Piece:
    """One second of a file, `name` below the folder and without ending."""

    name: str
    span: Span


def write_wavs(folder: Path, count: int, seconds: int) -> None:
    """So many files of 16-bit noise, from a seed."""
    rng = np.random.default_rng(1)
    for number in range(count):
        with wave.open(str(folder / f"{number:04d}.wav"), "wb") as file:
            file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
            file.writeframes(rng.integers(-8000, 8000, seconds * RATE_HZ, dtype=np.int16).tobytes())


def find_lengths(folder: Path) -> dict[str, tuple[int, int]]:
    """Name to (samples, rate) of the mono recordings below the folder that last longer than a second.

    Raises: DataError if there is none.
    """
    headers = {path: read_audio_header(path) for path in sorted(folder.rglob("*.wav"))}
    found = {path.relative_to(folder).with_suffix("").as_posix(): (header.frames, header.rate_hz)
             for path, header in headers.items() if header.channels == 1 and header.frames > header.rate_hz}
    if not found:
        raise DataError(f"{folder} holds no mono .wav of more than a second; name another folder with --data")
    return found


def draw_pieces(lengths: dict[str, tuple[int, int]], count: int) -> list[Piece]:
    """Random seconds of random files, from a seed."""
    rng, names = np.random.default_rng(2), sorted(lengths)
    pieces = []
    for index in rng.integers(len(names), size=count):
        samples, rate = lengths[names[index]]
        start = int(rng.integers(samples - rate))
        pieces.append(Piece(names[index], Span(start, start + rate)))
    return pieces


def measure(folder: Path, args: Namespace) -> dict[str, float]:
    """Segments per second and how many times faster that is than decoding whole files; tells the details."""
    lengths = find_lengths(folder)
    pieces = draw_pieces(lengths, args.segments)
    reader = StreamReader(StreamSpec(directory=folder, ext=".wav", dim=1), None)

    def read_segments() -> None:
        for piece in pieces:
            reader.read_piece(piece.name, piece.span)

    def decode_whole_files() -> None:
        for piece in pieces:
            soundfile.read(folder / f"{piece.name}.wav", dtype="float32")[0][piece.span.start : piece.span.stop].copy()

    def read_whole_files() -> None:
        for piece in pieces:
            read_frames(folder / f"{piece.name}.wav", 1)[piece.span.start : piece.span.stop].copy()

    variants = {"segments": read_segments, "soundfile, whole": decode_whole_files,
                "own reader, whole": read_whole_files}
    seconds = time_rounds(variants, args.rounds)
    print(f"{len(pieces)} segments of 1 s from {len(lengths)} files")
    for name, times in seconds.items():
        speed, gain = describe([len(pieces) / value for value in times], 0), describe(ratios(seconds, name, "segments"))
        print(f"  {name:18} {speed:24} segments/s  segment reads are {gain} times as fast")
    return {"segments_per_s": len(pieces) / median(seconds["segments"]),
            "ratio_to_whole_files": median(ratios(seconds, "soundfile, whole", "segments"))}


def main(argv: list[str] | None = None) -> int:
    """Returns 1 if a target is not met, unless sizes are those of --quick, which tell nothing."""
    parser = make_parser(__doc__, rounds=7)
    parser.add_argument("--data", type=Path, metavar="DIR", help="a folder of recordings (default: 1,000 wavs of 10 s, "
                        "320 MB, made in a temporary folder)")
    parser.add_argument("--segments", type=int, default=500, metavar="N", help="segments per round (default 500)")
    args = parser.parse_args(argv)
    if args.data is not None:
        results = measure(args.data, args)
    else:
        with tempfile.TemporaryDirectory() as folder:
            write_wavs(Path(folder), 10 if args.quick else 1000, 2 if args.quick else 10)
            results = measure(Path(folder), args)
    met = tell_results(results, TARGETS, args.json)
    return 0 if met or args.quick else 1


if __name__ == "__main__":
    sys.exit(main())
