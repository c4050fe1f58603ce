"""WaveNets by the native kernel: packed weights, and utterances in the middle of being generated.

Utterances go through the kernel in groups of at most eight, in lock step, each group by itself: a few of them share a
weight while it is in a register, and their memory stays in the core's own cache. Groups are spread over threads.
"""
import ctypes
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from core_scripts import log
from core_scripts.errors import ConfigError, DataError, NonFiniteLossError, all_faults
from core_scripts.generation.kernel_build import AUTO, load_kernel
from core_scripts.generation.wavenet_weights import HEADS, WaveNetWeights
from core_scripts.geometry.span import Span

PRECISIONS = ("fp32", "bf16")
MOST_ROWS = 8  # utterances of a group
_STEPS = 1024  # of one call, so that an interrupt waits for some tenths of a second at most
_NEAR_ZERO, _NEAR_ONE = 2.0**-60, 1 - 2.0**-53  # the least and the largest share that has a quantile


@dataclass(frozen=True)
class Condition:
    """What the next samples are told. Raises: DataError, all faults together."""

    vectors: Tensor  # (B, V, C)
    places: Tensor  # (N,) integers in [0, V) that never fall: the vector that each sample reads
    shares: Tensor | None = None  # (N,) in [0, 1), of the vector behind that one; None: nothing of it

    def __post_init__(self) -> None:
        faults = []
        if not self.vectors.isfinite().all():
            faults.append("the conditioning has numbers that are NaN or infinite; make the features again")
        if not len(self.places) or not self.vectors.shape[1]:
            faults.append(f"{self.vectors.shape[1]} conditioning vectors for {len(self.places)} samples; there must be "
                          f"one or more of both")
        elif int(self.places[0]) < 0 or int(self.places[-1]) >= self.vectors.shape[1]:
            faults.append(f"samples read the conditioning vectors {int(self.places[0])} to {int(self.places[-1])}, but "
                          f"{self.vectors.shape[1]} were given")
        if faults:
            raise all_faults(DataError, "generation", faults)

    @classmethod
    def of_frames(cls, weights: WaveNetWeights, frames: Tensor, first: int, samples: Span) -> "Condition":
        """By repetition or interpolation of frames (B, F, C), of which frame `first` is the first, at these samples."""
        positions = torch.arange(samples.start, samples.stop)
        hop = len(weights.points)
        offsets = torch.tensor([offset for offset, _ in weights.points])
        shares = torch.tensor([share for _, share in weights.points], dtype=torch.float32)
        places = positions.div(hop, rounding_mode="floor") + offsets[positions % hop] - first
        return cls(frames, places, shares[positions % hop] if shares.any() else None)


class NativeWaveNet:
    """Weights packed for the kernel, which any number of batches may use at once."""

    def __init__(self, weights: WaveNetWeights, precision: str = "fp32", variant: str = AUTO) -> None:
        """Raises: ConfigError if the variant does not run here, KernelMissingError if there is no kernel."""
        if precision not in PRECISIONS:
            raise ConfigError(f"precision={precision!r} is unknown (there are {', '.join(PRECISIONS)})")
        self.library, self.variant = load_kernel(variant)
        _declare(self.library)
        self.weights, self.precision = weights, precision
        self._handle = _pack(self.library, weights, precision == "bf16")
        if not self._handle:
            raise MemoryError(f"no memory for {weights.macs_per_sample():,} weights")

    def __del__(self) -> None:
        if vars(self).get("_handle"):
            self.library.wavenet_unpack(self._handle)

    def begin(self, past: Sequence[Tensor], code: int, threads: int = 0) -> "NativeStreams":
        """Utterances behind the same code; past: of each layer the inputs (reach, B, R) before, the oldest first.

        threads: at most; 0: as many as there are cores for this process.
        """
        return NativeStreams(self, past, code, count_threads(threads))

    def begin_group(self, past: Sequence[Tensor], code: int) -> int:
        """The kernel's state for some utterances, as an address."""
        state = self.library.wavenet_begin(self._handle, past[0].shape[1], code)
        if not state:
            raise MemoryError(f"no memory for {past[0].shape[1]} utterances")
        for layer, inputs in enumerate(past):
            held = inputs.to("cpu", torch.float32).contiguous()
            self.library.wavenet_remember(state, layer, _address(held))
        return state


class NativeStreams:
    """Some utterances, the longest first, between two of their samples."""

    def __init__(self, model: NativeWaveNet, past: Sequence[Tensor], code: int, threads: int) -> None:
        self._model, self._silence, self.position = model, code, 0
        batch = past[0].shape[1]
        self._bounds = group_bounds(batch, threads)
        self._threads = min(threads, len(self._bounds))
        self._states = [model.begin_group([inputs[:, start:stop] for inputs in past], code)
                        for start, stop in self._bounds]

    def __del__(self) -> None:
        for state in vars(self).get("_states", ()):
            self._model.library.wavenet_end(state)

    def advance(
        self, condition: Condition, uniforms: Tensor, counts: Sequence[int], temperature: float = 1.0,
        show: Callable[[int], None] = lambda position: None,
    ) -> Tensor:  # fmt: skip
        """Codes (N, B) int64 of the next samples, the code of silence behind the end of shorter utterances.

        uniforms: (N, B); counts: samples that each goes on for, descending, the first N; B is no more than before.
        show: is told the number of samples that are made, now and then.
        Raises: NonFiniteLossError if the model has no distribution to draw from.
        """
        codes = torch.full(uniforms.shape, self._silence, dtype=torch.int32)
        noise = self._noise(uniforms.to("cpu", torch.float64))
        for start in range(0, len(codes), _STEPS):
            part = Span(start, min(start + _STEPS, len(codes)))
            self._run_groups(_Part(condition, part, tuple(counts), temperature, noise=noise, drawn=codes))
            show(self.position + part.stop)
        self.position += len(codes)
        return codes.long()

    def follow(self, condition: Condition, codes: Tensor) -> Tensor:
        """The outputs (N, B, Q) from which `advance` would have drawn, had it drawn the codes (N, B)."""
        samples, batch = codes.shape
        outputs = torch.empty(samples, batch, self._model.weights.output.shape[1])
        given = codes.to("cpu", torch.int32)
        self._run_groups(_Part(condition, Span(0, samples), (samples,) * batch, given=given, outputs=outputs))
        self.position += samples
        return outputs

    def _noise(self, uniforms: Tensor) -> Tensor:
        """The Gaussian head, which has one component, draws by a quantile of the uniform number alone."""
        if self._model.weights.head != "gaussian":
            return uniforms
        return torch.special.ndtri(((uniforms - 1) + 1).clamp(_NEAR_ZERO, _NEAR_ONE))

    def _run_groups(self, part: "_Part") -> None:
        vectors = part.condition.vectors.to("cpu", torch.float32)
        jobs = [(state, part, vectors[start:stop].contiguous(), Span(start, min(stop, len(part.counts))))
                for state, (start, stop) in zip(self._states, self._bounds, strict=True) if start < len(part.counts)]
        if min(self._threads, len(jobs)) > 1:
            with ThreadPoolExecutor(self._threads) as pool:
                list(pool.map(lambda job: self._run_group(*job), jobs))
        else:
            for job in jobs:
                self._run_group(*job)

    def _run_group(self, state: int, part: "_Part", vectors: Tensor, rows: Span) -> None:
        for span, count in part.stretches(rows):
            columns = slice(rows.start, rows.start + count)
            buffers = {name: None if tensor is None else tensor[span.start : span.stop, columns].contiguous()
                       for name, tensor in part.buffers().items()}
            places = part.condition.places[span.start : span.stop].to("cpu", torch.int32).contiguous()
            shares = part.condition.shares
            shares = None if shares is None else shares[span.start : span.stop].to("cpu", torch.float32).contiguous()
            run = _Run(len(span), count, vectors.shape[1], _address(vectors), _address(places), _address(shares),
                       _address(buffers["noise"]), part.temperature, _address(buffers["given"]),
                       _address(buffers["drawn"]), _address(buffers["outputs"]))
            made = self._model.library.wavenet_run(state, ctypes.byref(run))
            if made < len(span):
                raise NonFiniteLossError(f"the model's output at sample {self.position + span.start + made} is NaN or "
                                         f"infinite; its weights or its input frames are damaged, use an earlier "
                                         f"checkpoint")
            for name in ("drawn", "outputs"):
                if buffers[name] is not None:
                    part.buffers()[name][span.start : span.stop, columns] = buffers[name]


@dataclass(frozen=True)
class _Part:
    """Samples `part` of what is asked for; tensors are (N, B, ...), None where they are of no use."""

    condition: Condition
    part: Span
    counts: tuple[int, ...]
    temperature: float = 1.0
    noise: Tensor | None = None
    given: Tensor | None = None
    drawn: Tensor | None = None
    outputs: Tensor | None = None

    def buffers(self) -> dict[str, Tensor | None]:
        return {"noise": self.noise, "given": self.given, "drawn": self.drawn, "outputs": self.outputs}

    def stretches(self, rows: Span) -> Iterator[tuple[Span, int]]:
        """Runs of samples and how many of the utterances `rows` go on in each."""
        start = self.part.start
        ends = [min(count, self.part.stop) for count in self.counts[rows.start : rows.stop]]
        for stop in sorted(set(ends)):
            if stop > start:
                yield Span(start, stop), sum(end >= stop for end in ends)
                start = stop


def group_bounds(batch: int, threads: int) -> list[tuple[int, int]]:
    """Half-open groups of at most `MOST_ROWS`, nearly equal, as many as keep the threads busy to the end."""
    groups = math.ceil(batch / MOST_ROWS)
    groups = min(batch, math.ceil(groups / threads) * threads)
    edges = [batch * group // groups for group in range(groups + 1)]
    return list(zip(edges, edges[1:], strict=False))


def count_threads(asked: int) -> int:
    """As many as asked for, but no more than the cores that this process may use; 0: those."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    if asked > cores:
        _warn_once(f"{asked} threads on {cores} core{'s' if cores > 1 else ''} would wait for each other: generating "
                   f"with {cores}")
    return min(asked, cores) or cores


@cache
def _warn_once(line: str) -> None:
    log.warn(line)


class _Weights(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int32) for name in (
            "layers", "kernel_size", "residual_channels", "gate_channels", "skip_channels", "post_channels", "outputs",
            "condition_channels", "codes", "head", "components", "is_bf16")),
        *((name, ctypes.c_void_p) for name in (
            "dilations", "embedding", "amplitudes", "taps", "residual", "skip", "skip_bias", "post", "post_bias",
            "output", "output_bias", "condition", "condition_bias", "borders")),
        *((name, ctypes.c_double) for name in ("first_log_scale", "least_log_scale", "largest_log_scale")),
    ]  # fmt: skip


class _Run(ctypes.Structure):
    _fields_ = [
        ("steps", ctypes.c_int32), ("rows", ctypes.c_int32), ("vectors", ctypes.c_int32),
        ("condition", ctypes.c_void_p), ("places", ctypes.c_void_p), ("shares", ctypes.c_void_p),
        ("noise", ctypes.c_void_p), ("temperature", ctypes.c_double), ("given", ctypes.c_void_p),
        ("drawn", ctypes.c_void_p), ("outputs", ctypes.c_void_p),
    ]  # fmt: skip


def _declare(library: ctypes.CDLL) -> None:
    pointer, number = ctypes.c_void_p, ctypes.c_int32
    for function, result, arguments in (
        (library.wavenet_pack, pointer, [pointer]), (library.wavenet_unpack, None, [pointer]),
        (library.wavenet_begin, pointer, [pointer, number, number]), (library.wavenet_end, None, [pointer]),
        (library.wavenet_remember, None, [pointer, number, pointer]),
        (library.wavenet_run, number, [pointer, pointer]),
    ):  # fmt: skip
        function.restype, function.argtypes = result, arguments


def _pack(library: ctypes.CDLL, weights: WaveNetWeights, is_bf16: bool) -> int | None:
    """The kernel's copy of the weights, as an address; None: no memory."""
    layers, kernel_size, width, gates = weights.taps.shape
    dilations = torch.tensor(weights.dilations, dtype=torch.int32)
    tensors = {name: tensor.contiguous() for name, tensor in weights.tensors().items()}
    fields = _Weights(
        layers, kernel_size, width, gates // 2, len(weights.skip_bias), len(weights.post_bias),
        len(weights.output_bias), len(weights.condition), weights.codes, HEADS.index(weights.head), weights.components,
        is_bf16, _address(dilations), **{name: _address(tensor) for name, tensor in tensors.items()},
        first_log_scale=weights.first_log_scale, least_log_scale=weights.log_scales[0],
        largest_log_scale=weights.log_scales[1],
    )  # fmt: skip
    return library.wavenet_pack(ctypes.byref(fields))


def _address(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()
