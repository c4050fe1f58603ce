"""How samples are drawn, and by which engine."""
import math
from argparse import Namespace
from dataclasses import dataclass

from core_scripts.config_parse.run_options import option_value
from core_scripts.errors import ConfigError, all_faults, did_you_mean

AUTO = "auto"  # the fastest that works here
ENGINES = ("native", "graph", "eager", "naive")
PRECISIONS = ("fp32", "bf16")


@dataclass(frozen=True)
class GenerationOptions:
    """How samples are drawn. Raises: ConfigError, all faults together."""

    engine: str = AUTO
    temperature: float = 1.0  # below 1 the probable codes become more so; 0 takes the most probable one
    seed: int = 1
    rate_hz: int | None = None  # of the audio, to tell the speed in seconds of it
    precision: str = "fp32"  # of the native engine's weights and products
    variant: str = AUTO  # of the native engine: the instructions that it is built for
    threads: int = 0  # of the native engine at most; 0: as many as cores

    def __post_init__(self) -> None:
        faults = []
        for name, known in (("engine", (AUTO, *ENGINES)), ("precision", PRECISIONS)):
            value = str(vars(self)[name])
            if value not in known:
                faults.append(f"{name}={value!r} is unknown{did_you_mean(value, known)} (there are {', '.join(known)})")
        if not 0 <= self.temperature < math.inf:
            faults.append(f"temperature={self.temperature} must be 0 (the most probable code) or above; 1 draws from "
                          f"the distribution as it is")
        if self.rate_hz is not None and self.rate_hz < 1:
            faults.append(f"rate_hz={self.rate_hz} must be at least 1, or None")
        if self.threads < 0:
            faults.append(f"threads={self.threads} must be at least 1, or 0 for as many as there are cores")
        if self.precision != "fp32" and self.engine in ("graph", "eager", "naive"):
            faults.append(f"precision={self.precision!r} is the native engine's alone, and engine={self.engine!r}; "
                          f"take engine=native, or precision=fp32")
        if faults:
            raise all_faults(ConfigError, "generation", faults)

    @classmethod
    def from_args(cls, args: Namespace | None, rate_hz: int | None = None) -> "GenerationOptions":
        """As the command line wants it."""
        names = ("engine", "temperature", "generation_seed", "precision", "variant", "num_threads")
        engine, temperature, seed, precision, variant, threads = (option_value(args, name) for name in names)
        return cls(engine, temperature, seed, rate_hz, precision, variant, threads)
