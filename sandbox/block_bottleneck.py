"""The bottleneck of an autoencoder: projection, normalisation, one of five kinds, projection."""
import torch
from torch import Tensor, nn

from core_scripts.errors import ConfigError, DataError
from sandbox.block_quantisers import BottleneckOut, VectorQuantiser, build_core
from sandbox.config_bottleneck import BottleneckConfig


class Bottleneck(nn.Module):
    """What the encoder gives, (B, L, C), to what the decoder gets, (B, L, D), and what there is to tell of it.

    All state that is not learnt by gradient is in buffers: running statistics, codebook, counts, and whether it was
    started. So checkpoints, averages and resumed runs hold it.
    """

    def __init__(self, config: BottleneckConfig) -> None:
        super().__init__()
        self.config = config
        inner, outputs = config.inner_dim, config.inner_dim * (2 if config.kind == "vae" else 1)
        self.project = nn.Linear(config.in_channels, outputs)
        self.norm = build_norm(config)
        self.core = build_core(config)
        self.expand = nn.Identity() if inner == config.dim else nn.Linear(inner, config.dim)
        self.register_buffer("started", torch.zeros((), dtype=torch.bool))

    def forward(self, z: Tensor, extra: Tensor | None = None, weight: float = 1.0) -> tuple[Tensor, BottleneckOut]:
        """z: (B, L, C); returns (B, L, D), of a vae in training (B * samples, L, D), and the rest.

        extra: (B', L', C) from crops that no decoder sees: they cost little, and give the statistics of the
        normalisation, the codebook and the commitment more latents of more speakers.
        weight: of the vae's divergence or of the commitment, for schedules.
        """
        with torch.autocast(z.device.type, enabled=False):  # distances and running means need all digits
            tokens = z.float().flatten(0, 1)
            if extra is not None:
                tokens = torch.cat([tokens, extra.float().flatten(0, 1)])
            tokens = self.norm(self.project(tokens))
            own = z.shape[0] * z.shape[1]
            values, out = self.core(tokens[:own].unflatten(0, z.shape[:2]), tokens[own:], weight)
            return self.expand(values), out

    @torch.no_grad()
    def start(self, z: Tensor, seed: int) -> None:
        """Before the first step: statistics and codebook from latents (..., C) of several utterances and speakers.

        Does nothing if it was done before, so it may be called whenever training begins, resumed or not.
        Raises: DataError if there are fewer latents than codes.
        """
        if self.started:
            return
        tokens = self.project(z.float().flatten(0, -2))
        if isinstance(self.norm, nn.BatchNorm1d):
            self.norm.running_mean.copy_(tokens.mean(0))
            self.norm.running_var.copy_(tokens.var(0))
            tokens = nn.functional.batch_norm(tokens, self.norm.running_mean, self.norm.running_var, eps=self.norm.eps)
        else:
            tokens = self.norm(tokens)
        if isinstance(self.core, VectorQuantiser):
            self.core.start(tokens, seed)
        self.started.fill_(True)

    def decode(self, codes: Tensor) -> Tensor:
        """(B, L) codes to what the decoder gets, (B, L, D).

        Raises: ConfigError if the kind has no codes, DataError if one lies outside of the codebook.
        """
        count = self.config.codes_count
        if not count:
            raise ConfigError(f"a bottleneck of kind {self.config.kind} has no codes to decode; "
                              f"train one of kind vq-ema, vq or fsq")
        low, high = int(codes.min()), int(codes.max())
        if low < 0 or high >= count:
            raise DataError(f"codes reach from {low} to {high}, the codebook has {count}, so they lie in [0, {count}); "
                            f"they come from another model, or are damaged")
        return self.expand(self.core.vectors(codes))


def build_norm(config: BottleneckConfig) -> nn.Module:
    """What normalises the (N, P) latents; nothing for the vae, whose divergence sets their scale."""
    if config.kind == "vae" or config.norm == "none":
        return nn.Identity()
    if config.norm == "layer":
        return nn.LayerNorm(config.inner_dim, elementwise_affine=False)
    return nn.BatchNorm1d(config.inner_dim, affine=False, momentum=config.norm_momentum)
