"""What the data side is told, as records: corpora, their streams, how they are cut and how they are drawn. No torch."""
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class StreamSpec:
    """One kind of file per utterance, `directory/NAME + ext`, as (frames, dim) float32.

    A stream either stores its frames, or `front_end` (a record with `.build()`, such as MelConfig) computes them from
    the waveform that the file holds. `context` counts the stream's own frames that a segment takes along from the
    left and from the right of what it covers; where that reaches outside the file, waveforms continue with zeros
    (before any feature) and stored streams with `fill`.
    """

    directory: Path | None  # None: never read, only written (inference without targets)
    ext: str
    dim: int
    resolution: int = 1  # samples of the finest stream per frame; negative: not aligned (text)
    normalise: bool = True
    front_end: Any = None
    context: tuple[int, int] = (0, 0)
    fill: float | tuple[float, ...] = 0.0  # of every value, or one of each
    written_ext: str = ""  # of outputs, where frames are made of waveforms and written as such; empty: ext


@dataclass(frozen=True, kw_only=True)
class CorpusSpec:
    """A list of utterances and the streams that each of them has."""

    name: str  # stem of the cache files
    list_source: Path | tuple[str, ...] | None  # a text file, the names themselves, or None: whatever the folder holds
    inputs: tuple[StreamSpec, ...]
    outputs: tuple[StreamSpec, ...]  # empty, or all without a directory: no target
    input_functions: tuple[Callable, ...] = ()  # one per input stream, or none
    output_functions: tuple[Callable, ...] = ()
    joint_function: Callable | None = None  # (input, output) -> (input, output, length)


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """How utterances become items."""

    rate_hz: int | None = None  # of every waveform; None: not checked, and no wav can be written
    truncate: int | None = None  # samples per segment at the finest resolution; None: whole utterances
    minimum: int | None = None  # shorter segments are dropped
    random_offset: bool = False  # each epoch cuts an utterance at another place
    cache_dir: Path = Path(".")
    save_mean_std: bool = True  # compute and keep statistics (training sets)
    output_inverse_functions: tuple[Callable, ...] = ()  # applied to outputs before they are written
    ignore_invalid_length: bool = False  # drop, rather than refuse, utterances whose streams disagree in length
    ignore_cache: bool = False
    skip_scan: bool = False  # trust the list, do not look whether the files are there
    reverse: bool = False  # item i is item N-1-i
    silence_handler: int = 0  # 0 none, 1 keep speech, 2 keep silence, 3 trim ends
    adapt_lengths: bool = False  # feed lengths after augmentation back to the sampler


@dataclass(frozen=True, kw_only=True)
class LoaderOptions:
    """How items become batches."""

    batch_size: int = 1
    shuffle: bool = False
    num_workers: int = 0
    sampler: str = "None"  # or block_shuffle_by_length
    pin_memory: bool = False
    seed: int = 1
    merge: str = "concatenate"  # any other word: one batch of each corpus, side by side
    longest_first: bool = field(default=False)  # order by length, for batched generation
