"""The bottleneck of an autoencoder as a record: which kind, how large, how its codebook lives. No torch."""
import math
from dataclasses import dataclass, fields

from core_scripts.errors import ConfigError, all_faults, did_you_mean
from sandbox.config_autoencoder import is_count

KINDS = ("ae", "vae", "vq", "vq-ema", "fsq")
NORMS = ("batch", "layer", "none")
GRADIENTS = ("straight", "rotation")
_USED_BY = {  # settings that not every kind has
    "norm": ("ae", "vq", "vq-ema", "fsq"), "norm_momentum": ("ae", "vq", "vq-ema", "fsq"), "codes": ("vq", "vq-ema"),
    "code_dim": ("vq", "vq-ema"), "commitment": ("vq", "vq-ema"), "gradient": ("vq", "vq-ema"),
    "decay": ("vq", "vq-ema"), "smoothing": ("vq-ema",), "restart_below": ("vq", "vq-ema"), "levels": ("fsq",),
    "free_bits": ("vae",), "samples": ("vae",),
}
_LEAST_TOKENS_PER_CODE = 10  # within the memory of the counts; fewer, and chance alone restarts codes in use


@dataclass(frozen=True, kw_only=True)
class BottleneckConfig:
    """What lies between encoder and decoder (van den Oord et al. 2017, Chorowski et al. 2019, Mentzer et al. 2023).

        ae      the latent itself
        vae     a sample of a normal distribution, whose divergence from N(0, 1) costs
        vq      the nearest of `codes` vectors, which are learnt by gradient
        vq-ema  the nearest of `codes` vectors, which are running means of the latents that chose them
        fsq     each value rounded to one of a few levels; no codebook, nothing to collapse

    All but the vae normalise the latents first, by default over the batch: the encoder then cannot shrink to a point
    while the decoder does not use the codes yet, which is how codebooks collapse.

    Raises: ConfigError, all faults together.
    """

    kind: str = "vq-ema"
    in_channels: int = 768  # what the encoder gives
    dim: int = 64  # values per latent, what the decoder gets
    norm: str = "batch"  # layer and none exist for comparison
    norm_momentum: float = 0.02  # share of the newest batch in the running statistics

    codes: int = 256  # vectors of the codebook
    code_dim: int | None = None  # values per vector, projected up to `dim`; None: dim
    commitment: float = 0.25  # pull of the latents towards their codes, on the mean over all values
    gradient: str = "straight"  # through the choice of the code; rotation: Fifty et al. 2024
    decay: float = 0.99  # of counts and sums per step
    smoothing: float = 1e-5  # Laplace's, on counts relative to uniform use
    restart_below: float = 0.03  # of uniform use: codes used less are put on a latent of the batch; 0: never

    levels: tuple[int, ...] = (8, 8)  # of fsq, one per value; their product is the number of codes

    free_bits: float = 0.0  # of the vae per latent: what its divergence may be at no cost
    samples: int = 1  # of the vae per item in training, folded into the batch

    def __post_init__(self) -> None:
        if isinstance(self.levels, list):  # as YAML and JSON have it
            object.__setattr__(self, "levels", tuple(self.levels))
        faults = self._size_faults() or self._fit_faults()
        if faults:
            raise all_faults(ConfigError, "BottleneckConfig", faults)

    @property
    def is_discrete(self) -> bool:
        """Whether latents become codes."""
        return self.kind in ("vq", "vq-ema", "fsq")

    @property
    def has_codebook(self) -> bool:
        """Whether codes are vectors that are learnt."""
        return self.kind in ("vq", "vq-ema")

    @property
    def codes_count(self) -> int:
        """How many codes there are; 0 for continuous kinds."""
        if self.kind == "fsq":
            return math.prod(self.levels)
        return self.codes if self.has_codebook else 0

    @property
    def inner_dim(self) -> int:
        """Values per latent inside, where the kind acts."""
        if self.kind == "fsq":
            return len(self.levels)
        return self.code_dim or self.dim if self.has_codebook else self.dim

    def warnings(self, tokens_per_step: int | None = None) -> list[str]:
        """What works but not as one may think; tokens_per_step: latents of a training step, extra ones included."""
        defaults = {field.name: field.default for field in fields(self)}
        found = [f"{name}={getattr(self, name)} has no effect with kind={self.kind}, only with {' and '.join(kinds)}"
                 for name, kinds in _USED_BY.items()
                 if self.kind not in kinds and getattr(self, name) != defaults[name]]
        if self.kind == "vq-ema" and self.norm != "batch" and self.commitment:
            found.append(f"norm={self.norm} with vq-ema and commitment={self.commitment:g} from the first step: the "
                         f"encoder shrinks to a point before the decoder uses the codes (measured: perplexity 3 of "
                         f"64, where norm=batch has 55); take norm=batch")
        memory = round(1 / (1 - self.decay)) if self.decay < 1 else 0
        if self.has_codebook and tokens_per_step and tokens_per_step * memory < _LEAST_TOKENS_PER_CODE * self.codes:
            most = tokens_per_step * memory // _LEAST_TOKENS_PER_CODE
            found.append(f"codes={self.codes} is much for {tokens_per_step} latents per step: in the {memory} steps "
                         f"that decay={self.decay:g} remembers a code gets {tokens_per_step * memory / self.codes:.1f} "
                         f"of them, so that chance restarts codes in use; take codes={most} or fewer, or more crops "
                         f"per step")
        return found

    def _size_faults(self) -> list[str]:
        sizes = [field.name for field in fields(self) if field.type is int]
        faults = [f"{name}={getattr(self, name)!r} must be a whole number of at least 1"
                  for name in sizes if not is_count(getattr(self, name))]
        if self.code_dim is not None and not is_count(self.code_dim):
            faults.append(f"code_dim={self.code_dim!r} must be a whole number of at least 1, or none")
        if not self.levels or not all(is_count(level, 2) for level in self.levels):
            faults.append(f"levels={list(self.levels)!r} must be a list of whole numbers of at least 2")
        for name, known in (("kind", KINDS), ("norm", NORMS), ("gradient", GRADIENTS)):
            word = getattr(self, name)
            if word not in known:
                near = did_you_mean(str(word), known)
                faults.append(f"{name}={word!r} is unknown{near} (there are {', '.join(known)})")
        return faults

    def _fit_faults(self) -> list[str]:
        faults = []
        if self.code_dim is not None and self.code_dim > self.dim:
            faults.append(f"code_dim={self.code_dim} is more than dim={self.dim}, a codebook cannot hold more than the "
                          f"latent it stands for; take code_dim={self.dim} or less")
        if self.has_codebook and self.codes < 2:
            faults.append(f"codes={self.codes} says nothing; take 2 or more")
        for name, value, least, most in (
            ("decay", self.decay, 0.0, 1.0), ("restart_below", self.restart_below, 0.0, 1.0),
            ("norm_momentum", self.norm_momentum, 0.0, 1.0), ("smoothing", self.smoothing, 0.0, math.inf),
            ("commitment", self.commitment, 0.0, math.inf), ("free_bits", self.free_bits, 0.0, math.inf),
        ):
            if not (least <= value < most):
                below = f" and below {most:g}" if most < math.inf else ""
                faults.append(f"{name}={value} must be at least {least:g}{below}")
        return faults
