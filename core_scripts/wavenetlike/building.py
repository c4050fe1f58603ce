"""Models by their sizes: recipe 05-toy-wavenet, set up without a command line."""
import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType

from core_scripts.config_parse.arg_parse import parse_command
from core_scripts.config_parse.config_parse import Resolved, resolve
from core_scripts.errors import ConfigError, all_faults, did_you_mean
from core_scripts.flow import Stage
from core_scripts.nn_manager.model_base import ModelBase
from core_scripts.run_folder import RunFolder
from core_scripts.startup_config import choose_device, set_random_seed

RECIPE = Path(__file__).resolve().parents[2] / "project" / "05-toy-wavenet"
_MODULE = "wavenetlike_recipe"


@dataclass(frozen=True, kw_only=True)
class WavenetConstants:
    """Sizes; the defaults are those of the full WaveNet of the design notes: 1,063,648 parameters, 3,070 samples."""

    levels: int = 256  # mu-law levels that a sample is one of
    kernel_length: int = 2
    residual_channels: int = 32
    gate_channels: int = 32
    skip_channels: int = 512
    layers: int = 10  # of a block, with dilations 1, 2, 4, ...
    blocks: int = 3

    def settings(self) -> tuple[str, ...]:
        """The same as settings of the recipe."""
        values = {"codes": self.levels, "kernel_size": self.kernel_length, "residual_channels": self.residual_channels,
                  "gate_channels": self.gate_channels, "skip_channels": self.skip_channels,
                  "post_channels": self.skip_channels, "layers": self.layers * self.blocks,
                  "dilation_cycle": self.layers}
        return ("net=full", *(f"net.{key}={value}" for key, value in values.items()))


@dataclass(frozen=True, kw_only=True)
class WavenetToyConstants(WavenetConstants):
    """The toy: 10 levels, 60,610 parameters, the same 3,070 samples."""

    levels: int = 10
    residual_channels: int = 50
    gate_channels: int = 6
    skip_channels: int = 50


@dataclass
class Wavenet:
    """A model and the settings that made it; `module` is an ordinary nn.Module."""

    stage: Stage
    module: ModelBase

    @property
    def receptive_field(self) -> int:
        """Past samples that one prediction sees: Delta."""
        return self.stage.conf.net.receptive_field


def build_wavenet() -> Wavenet:
    """The full WaveNet of the design notes."""
    return build_wavenetlike(WavenetConstants)


def build_wavenet_toy() -> Wavenet:
    """The toy of the design notes."""
    return build_wavenetlike(WavenetToyConstants)


def build_wavenetlike(params: Mapping | WavenetConstants | type[WavenetConstants], seed: int = 1) -> Wavenet:
    """A model with fresh weights.

    params: sizes as `WavenetConstants`, as an object of it or as the class itself, or as a mapping of its fields.
    Raises: ConfigError, all faults together, for unknown sizes and such as do not fit.
    """
    constants = _read_params(params)
    resolved = resolve_recipe((*constants.settings(), f"seed={seed}"))
    set_random_seed(seed, resolved.args)
    stage = Stage(resolved.config, resolved.args, choose_device(resolved.args), _load_model(),
                  RunFolder(Path(resolved.args.save_model_dir)))
    return Wavenet(stage, stage.recipe.Model(1, 1, stage.args, stage.conf, None))


def resolve_recipe(words: Sequence[str]) -> Resolved:
    """The settings of the recipe with these over them. Raises: ConfigError if it is not there."""
    if not (RECIPE / "config.py").is_file():
        raise ConfigError(f"the library builds the models of {RECIPE}, which is not there; use it from a checkout of "
                          "the whole project")
    with _names_kept():
        return resolve(parse_command(["train", *words]), RECIPE)


def _read_params(params: Mapping | WavenetConstants | type[WavenetConstants]) -> WavenetConstants:
    if isinstance(params, WavenetConstants):
        return params
    if isinstance(params, type) and issubclass(params, WavenetConstants):
        return params()
    if not isinstance(params, Mapping):
        raise ConfigError(f"params is {type(params).__name__}; give a mapping such as {{'levels': 32, 'blocks': 1}}, "
                          "or WavenetConstants")
    known = [field.name for field in fields(WavenetConstants)]
    faults = [f"{key!r} is unknown{did_you_mean(str(key), known)} (there are {', '.join(known)})"
              for key in params if key not in known]
    faults += [f"{key}={value!r} must be a whole number of at least {1 if key != 'levels' else 2}"
               for key, value in params.items() if key in known and not _is_size(value, 1 if key != "levels" else 2)]
    if faults:
        raise all_faults(ConfigError, "params", faults)
    return WavenetConstants(**params)


def _load_model() -> ModuleType:
    """The recipe's model.py under a name of its own, since `model` may be the user's."""
    if _MODULE not in sys.modules:
        spec = importlib.util.spec_from_file_location(_MODULE, RECIPE / "model.py")
        sys.modules[_MODULE] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[_MODULE])
    return sys.modules[_MODULE]


@contextmanager
def _names_kept() -> Iterator[None]:
    """Reading a recipe's config.py puts it into sys.modules and its folder on the path; a library does neither."""
    path, before = list(sys.path), sys.modules.get("config")
    try:
        yield
    finally:
        sys.path[:] = path
        sys.modules.pop("config", None)
        if before is not None:
            sys.modules["config"] = before


def _is_size(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
