"""Which engine generates, and in one line why not a faster one."""
from torch import Tensor

from core_scripts import log
from core_scripts.errors import ConfigError
from core_scripts.generation.cuda_graph import GraphSession
from core_scripts.generation.kernel_build import KernelMissingError, load_kernel, runnable_variants
from core_scripts.generation.native import NativeWaveNet
from core_scripts.generation.native_session import NativeSession
from core_scripts.generation.options import AUTO, GenerationOptions
from core_scripts.generation.stepper import Drawing, Session, Stepper
from core_scripts.generation.stepping import EagerSession, NaiveSession
from core_scripts.generation.wavenet_weights import WaveNetWeights, read_weights

_told: set[str] = set()


class _UnfitError(Exception):
    """Why an engine cannot run this model here."""


def open_session(model: Stepper, drawing: Drawing, options: GenerationOptions, frames: Tensor) -> Session:
    """The engine that the options name, at the beginning of a batch; frames: of its first piece.

    Raises: ConfigError if it cannot run this model here; NonFiniteLossError if weights are not finite.
    """
    if options.engine == "naive":
        return NaiveSession(model, drawing)
    if options.engine == "eager":
        return EagerSession(model, drawing)
    name = options.engine if options.engine != AUTO else "graph" if frames.is_cuda else "native"
    try:
        weights = _exported(model, frames)
        if name == "graph":
            if options.precision != "fp32":
                _tell_once(f"--precision {options.precision} is the native engine's, and on a GPU the graph engine "
                           f"generates: in fp32")
            return _open_graph(model, weights, drawing)
        native = _build_native(weights, options, frames)
        return NativeSession(model, native, drawing, options.threads)
    except _UnfitError as reason:
        if options.engine != AUTO:
            raise ConfigError(f"engine={name} cannot generate with this model here: {reason}; take engine=auto, which "
                              f"falls back to eager") from None
        rounded = ", in fp32" if options.precision != "fp32" else ""
        _tell_once(f"Generating with the eager engine{rounded}, several times slower than the {name} one: {reason}")
    return EagerSession(model, drawing)


def _exported(model: Stepper, frames: Tensor) -> WaveNetWeights:
    fields = model.export_weights()
    if fields is None:
        raise _UnfitError("it exports no weights")
    if frames.dtype.itemsize != 4:
        raise _UnfitError(f"its weights are {frames.dtype}, and the engine's float32")
    return read_weights(fields)


def _open_graph(model: Stepper, weights: WaveNetWeights, drawing: Drawing) -> Session:
    if weights.head != "categorical":
        raise _UnfitError(f"the {weights.head} head draws its samples on the host")
    return GraphSession(model, weights, drawing)


def _build_native(weights: WaveNetWeights, options: GenerationOptions, frames: Tensor) -> NativeWaveNet:
    if frames.is_cuda:
        raise _UnfitError("it runs on a CPU, and the model is on a GPU")
    try:
        return NativeWaveNet(weights, options.precision, options.variant)
    except KernelMissingError as reason:
        raise _UnfitError(str(reason)) from None


def _tell_once(line: str) -> None:
    if line not in _told:
        _told.add(line)
        log.note(line)


def native_variants(model: Stepper, options: GenerationOptions, frames: Tensor) -> tuple[str, ...]:
    """The builds of the native engine that can run this model here, the fastest first; the one of the options alone."""
    try:
        weights = _exported(model, frames)
        _build_native(weights, options, frames)
    except _UnfitError as reason:
        _tell_once(f"The native engine is left out: {reason}")
        return ()
    return tuple(filter(_can_be_built, runnable_variants())) if options.variant == AUTO else (options.variant,)


def _can_be_built(variant: str) -> bool:
    try:
        load_kernel(variant)
    except KernelMissingError as reason:
        _tell_once(f"The {variant} build of the native engine is left out: {reason}")
        return False
    return True
