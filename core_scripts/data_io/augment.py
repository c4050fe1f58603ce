"""What happens to an item after reading: silence handler, input, output and joint functions, in upstream's order."""
import functools
import inspect
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core_scripts.config_parse.data_config import CorpusSpec, DataOptions, StreamSpec
from core_scripts.constants import STREAM_AUGMENTATION
from core_scripts.data_io.audio_header import warn_once
from core_scripts.data_io.seq_info import SeqInfo
from core_scripts.data_io.stream_reader import StreamReader
from core_scripts.data_io.wav_tools import silence_handler
from core_scripts.errors import ConfigError, DataError
from core_scripts.streams import words


@dataclass(frozen=True)
class Piece:
    """input, output: arrays per stream, (frames, dim), context included; output [] without a target."""

    input: list[Any]
    output: list[Any]
    info: SeqInfo


class Augmenter:
    """The chain of functions of one corpus.

    Functions of config.py may use numpy's and Python's global randomness: it is seeded from (seed, epoch, item)
    meanwhile, so that items do not depend on workers or on a restart.
    Raises: ConfigError if the silence handler is asked for where there is no side with a single plain waveform.
    """

    def __init__(self, corpus: CorpusSpec, outputs: Sequence[StreamSpec], options: DataOptions) -> None:
        self.corpus = corpus
        self.sides = {"input": tuple(corpus.inputs), "output": tuple(outputs)}
        self.silence, self.rate_hz = options.silence_handler, options.rate_hz
        self.trimmed = [side for side, streams in self.sides.items() if self.silence and _is_plain_wave(streams)]
        if self.silence and (not self.trimmed or self.rate_hz is None or self.silence not in (1, 2, 3)):
            raise ConfigError(f"opt-wav-silence-handler={self.silence} must be 0, 1, 2 or 3, and needs wav_samp_rate "
                              f"and a side of {corpus.name} that is a single waveform without context")
        functions = (corpus.input_functions, corpus.output_functions if outputs else (), corpus.joint_function)
        self.is_idle = not self.silence and not any(functions)

    def apply(self, piece: Piece, seed: int, epoch: int) -> Piece:
        """The piece as the model gets it. Raises: DataError if a function returns what cannot be used."""
        if self.is_idle:
            return piece
        with _seeded(seed, epoch, piece.info.info_id):
            for side in self.trimmed:
                piece = self._trim(piece, side)
            piece = self._apply_side(piece, "input", self.corpus.input_functions)
            piece = self._apply_side(piece, "output", self.corpus.output_functions)
            if self.corpus.joint_function is not None:
                both = (join_streams(side, piece.info) for side in (piece.input, piece.output))
                changed_input, changed_output, length = self.corpus.joint_function(*both)
                changed_output = [changed_output] if piece.output else []
                piece = Piece([changed_input], changed_output, replace(piece.info, length=int(length)))
        return piece

    def _trim(self, piece: Piece, side: str) -> Piece:
        speech, silence, _ = silence_handler(
            getattr(piece, side)[0][:, 0], self.rate_hz, flag_norm_amp=False, flag_only_startend_sil=self.silence == 3
        )
        kept = (silence if self.silence == 2 else speech)[:, None]
        if not len(kept):
            raise DataError(f"{piece.info.seq_name}: nothing is left after the silence handler; take it off the list")
        length = len(kept) * self.sides[side][0].resolution
        return replace(piece, **{side: [kept]}, info=replace(piece.info, length=length))

    def _apply_side(self, piece: Piece, side: str, functions: Sequence[Callable]) -> Piece:
        arrays, streams = list(getattr(piece, side)), self.sides[side]
        for number, (function, stream) in enumerate(zip(functions if streams else (), streams, strict=False)):
            before = arrays[number]
            result = function(before, piece.info) if _takes_info(function) else function(before)
            length = result["length"] if isinstance(result, dict) else None
            result = result["data"] if isinstance(result, dict) else result
            if isinstance(result, list) and side == "output" and len(streams) == 1:
                return replace(piece, output=[result])  # several targets from one stream
            result = np.asarray(result)
            result = result[:, None] if result.ndim == 1 else result
            if len(result) != len(before) and len(streams) > 1:
                warn_once(f"{side} function {number} of {self.corpus.name} changes the length, which only a single "
                           f"stream may do; its result is not used")
                continue
            arrays[number] = result
            if length is None and len(result) != len(before) and stream.resolution > 0:
                length = (len(result) - sum(stream.context)) * stream.resolution
            if length is not None:
                piece = replace(piece, info=replace(piece.info, length=int(length)))
        return replace(piece, **{side: arrays})


def join_streams(arrays: list[Any], item: SeqInfo) -> Any:
    """The streams of a side next to each other, (frames, sum of dims); [] if there are none. Raises: DataError."""
    if len(arrays) < 2:
        return arrays[0] if arrays else []
    counts = [len(array) for array in arrays]
    if len(set(counts)) > 1:
        raise DataError(f"{item.seq_name}: the streams of one side have {counts} frames for the same piece; "
                        f"give them the same resolution and context")
    return np.concatenate(arrays, axis=1)


def _is_plain_wave(streams: Sequence[StreamSpec]) -> bool:
    return (len(streams) == 1 and StreamReader(streams[0], None).is_waveform and streams[0].context == (0, 0)
            and streams[0].dim == 1)


@functools.cache
def _takes_info(function: Callable) -> bool:
    """Whether a function wants (data, info): it has two parameters without a default."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(each.kind in kinds and each.default is each.empty for each in parameters) >= 2


@contextmanager
def _seeded(seed: int, epoch: int, index: int) -> Iterator[None]:
    before = np.random.get_state(), random.getstate()
    word = int(words(seed, STREAM_AUGMENTATION, epoch, index, count=1)[0])
    np.random.seed(word & 0xFFFFFFFF)
    random.seed(word)
    try:
        yield
    finally:
        np.random.set_state(before[0])
        random.setstate(before[1])
