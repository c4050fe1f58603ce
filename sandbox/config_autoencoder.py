"""The parts of an autoencoder around its bottleneck as records: sizes and geometry only, never torch."""
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from core_scripts.errors import ConfigError, all_faults
from core_scripts.geometry.chain import Chain
from core_scripts.geometry.ops import Conv, TransposedConv, repeat
from sandbox.config_wavenet import choose_factors


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """Convolutions from feature frames to latents (Chorowski et al. 2019), rectified, none padded.

    Layers that keep the rate add their input; the first one does not, it changes the width. Latent j is centred on the
    frames [j * stride, (j + 1) * stride). The defaults are the paper's at 50 latents per second of 10 ms frames: a
    latent sees 16 frames.

    Raises: ConfigError, all faults together.
    """

    in_channels: int = 39  # values per frame
    channels: int = 768
    kernels: tuple[int, ...] = (3, 3, 4, 3, 3, 1, 1, 1, 1)  # frames, one per layer
    strides: tuple[int, ...] = (1, 1, 2, 1, 1, 1, 1, 1, 1)
    residual: bool = True  # whether layers of stride 1 add their input

    def __post_init__(self) -> None:
        _make_tuples(self, "kernels", "strides")
        faults = _count_faults(self) + _list_faults(self, "kernels", "strides")
        faults = faults or _centring_faults(self.kernels, self.strides)
        if faults:
            raise all_faults(ConfigError, "EncoderConfig", faults)

    @property
    def stride(self) -> int:
        """Frames per latent."""
        return math.prod(self.strides)

    def adds_input(self, layer: int) -> bool:
        """Whether this layer is a residual one."""
        return self.residual and layer > 0 and self.strides[layer] == 1

    @property
    def geometry(self) -> Chain:
        """From frames to latents."""
        return Chain(tuple(Conv(kernel, stride, padding=(kernel - stride) // 2)
                           for kernel, stride in zip(self.kernels, self.strides, strict=True)))


@dataclass(frozen=True, kw_only=True)
class UpsamplerConfig:
    """From latents to one conditioning vector per sample: a convolution, then transposed ones, all linear.

    Latent i sits in the middle of the samples [i * hop, (i + 1) * hop). The defaults are those of Chorowski et al. at
    50 latents per second of 16 kHz: 320 samples per latent by strides 5, 4, 4, 4 and kernels 25, 16, 16, 16.

    With `equalised`, weights are kept at the size of one and scaled by 1 / sqrt(inputs) where they are used (Karras et
    al. 2018, arXiv:1710.10196, section 4.1). An optimizer such as Adam moves every weight at the same pace; in a chain
    of linear layers with hundreds of inputs each that is far too fast for rates of 1e-3 and above. And the mix starts
    as a rotation of the latent in the middle, so that the whole starts as interpolation between the latents.

    Raises: ConfigError, all faults together.
    """

    in_channels: int = 64  # values per latent
    channels: int = 128
    hop: int = 320  # samples per latent
    mix: int = 3  # latents that the first convolution sees
    strides: tuple[int, ...] = ()  # product = hop; empty: chosen from it
    kernels: tuple[int, ...] = ()  # one per stride; empty: five strides for odd ones, four for even ones
    equalised: bool = False

    def __post_init__(self) -> None:
        _make_tuples(self, "strides", "kernels")
        faults = _count_faults(self) or self._stage_faults()
        if faults:
            raise all_faults(ConfigError, "UpsamplerConfig", faults)

    @property
    def stages(self) -> tuple[tuple[int, int], ...]:
        """(kernel, stride) of each transposed convolution as it is used."""
        strides = self.strides or choose_factors(self.hop)
        kernels = self.kernels or tuple(stride * (5 if stride % 2 else 4) for stride in strides)
        return tuple(zip(kernels, strides, strict=True))

    @property
    def mixing(self) -> Conv:
        """From latents to mixed latents."""
        return Conv(self.mix, padding=self.mix // 2)

    @property
    def rise(self) -> Chain:
        """From mixed latents to samples."""
        return Chain(tuple(TransposedConv(kernel, stride, (kernel - stride) // 2) for kernel, stride in self.stages))

    @property
    def geometry(self) -> Chain:
        """From latents to samples."""
        return Chain((self.mixing, self.rise))

    def _stage_faults(self) -> list[str]:
        faults = []
        if self.mix % 2 == 0:
            faults.append(f"mix={self.mix} is even, latents would not stay in the middle of their samples; "
                          f"take {self.mix - 1} or {self.mix + 1}")
        product = math.prod(self.strides)
        if self.strides and product != self.hop:
            faults.append(f"hop={self.hop} is not the product of strides, {' * '.join(map(str, self.strides))} = "
                          f"{product}; take hop={product} or strides={list(choose_factors(self.hop))}")
        strides = self.strides or choose_factors(self.hop)
        if self.kernels and len(self.kernels) != len(strides):
            return [*faults, f"kernels={list(self.kernels)} must have {len(strides)} entries, one per stride "
                             f"{list(strides)}"]
        short = [f"{kernel} < {stride}" for kernel, stride in zip(self.kernels, strides, strict=False)
                 if kernel < stride]
        if short:
            faults.append(f"kernels shorter than their stride leave samples without a latent: {', '.join(short)}")
        return faults + ([] if short or not self.kernels else _centring_faults(self.kernels, strides))


@dataclass(frozen=True, kw_only=True)
class FeaturesDecoderConfig:
    """From latents and a speaker to feature frames: convolutions without padding, then `frames` frames per latent.

    Raises: ConfigError, all faults together.
    """

    in_channels: int = 32  # values per latent
    speakers: int = 0  # how many are known; 0: the decoder is not told who speaks
    speaker_channels: int = 16
    channels: int = 96
    kernels: tuple[int, ...] = (3, 3)  # latents
    frames: int = 2  # feature frames per latent
    bands: int = 40  # values per feature frame

    def __post_init__(self) -> None:
        _make_tuples(self, "kernels")
        faults = _count_faults(self, may_be_zero=("speakers",)) or _list_faults(self, "kernels")
        faults = faults or _centring_faults(self.kernels, (1,) * len(self.kernels))
        if faults:
            raise all_faults(ConfigError, "FeaturesDecoderConfig", faults)

    @property
    def geometry(self) -> Chain:
        """From latents to feature frames."""
        return Chain((*(Conv(kernel, padding=kernel // 2) for kernel in self.kernels), repeat(self.frames)))


def stride_faults(latent_hop: int, frame_hop: int, encoder: EncoderConfig) -> list[str]:
    """Whether the encoder's latents are `latent_hop` samples apart, given frames every `frame_hop` samples."""
    made = encoder.stride * frame_hop
    if made == latent_hop:
        return []
    whole = latent_hop % frame_hop == 0
    mend = f"take strides with product {latent_hop // frame_hop}, or a hop of {made} samples" if whole else \
        f"{latent_hop} is no multiple of {frame_hop} either; take a hop of {made} samples"
    return [f"the encoder makes a latent every {made} samples (strides {list(encoder.strides)}, product "
            f"{encoder.stride}, of frames every {frame_hop}), the upsampler expects one every {latent_hop}; {mend}"]


def is_count(value: Any, least: int = 1) -> bool:
    """A whole number, not a bool, of at least `least`."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _make_tuples(record: Any, *names: str) -> None:
    """Lists, as YAML and JSON have them, become tuples."""
    for name in names:
        if isinstance(getattr(record, name), list):
            object.__setattr__(record, name, tuple(getattr(record, name)))


def _count_faults(record: Any, may_be_zero: Sequence[str] = ()) -> list[str]:
    """Faults of all int fields and of all tuples of ints."""
    faults = []
    for field in fields(record):
        value, least = getattr(record, field.name), 0 if field.name in may_be_zero else 1
        if field.type is int and not is_count(value, least):
            faults.append(f"{field.name}={value!r} must be a whole number of at least {least}")
        if field.type == tuple[int, ...] and not (isinstance(value, tuple) and all(map(is_count, value))):
            faults.append(f"{field.name}={value!r} must be a list of whole numbers of at least 1")
    return faults


def _list_faults(record: Any, *names: str) -> list[str]:
    """Lists that must have as many entries as each other, and one at least."""
    lengths = {name: len(getattr(record, name)) for name in names if isinstance(getattr(record, name), tuple)}
    if len(set(lengths.values())) > 1 or not all(lengths.values()):
        listed = " and ".join(f"{length} {name}" for name, length in lengths.items())
        return [f"there are {listed}; give one of each per layer, one layer at least"]
    return []


def _centring_faults(kernels: Sequence[int], strides: Sequence[int]) -> list[str]:
    odd = [(kernel, stride) for kernel, stride in zip(kernels, strides, strict=True) if (kernel - stride) % 2]
    return [f"kernel {kernel} with stride {stride} cannot be centred, their difference is odd; take kernel "
            f"{kernel + 1}" for kernel, stride in dict.fromkeys(odd)]
