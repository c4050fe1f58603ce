"""Which engine generates, and in one line why not a faster one."""
from torch import Tensor

from core_scripts.generation.options import GenerationOptions
from core_scripts.generation.stepper import Drawing, Session, Stepper
from core_scripts.generation.stepping import EagerSession, NaiveSession


def open_session(model: Stepper, drawing: Drawing, options: GenerationOptions, frames: Tensor) -> Session:
    """The engine that the options name, at the beginning of a batch; frames: of its first piece.

    Raises: ConfigError if it cannot run this model here.
    """
    if options.engine == "naive":
        return NaiveSession(model, drawing)
    return EagerSession(model, drawing)


def native_variants(model: Stepper, options: GenerationOptions, frames: Tensor) -> tuple[str, ...]:
    """The builds of the native engine that can run this model here, the fastest first; the one of the options alone."""
    return ()
