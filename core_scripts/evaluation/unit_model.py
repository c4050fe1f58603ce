"""The base of recipes whose latents are units: what monitors, tables and files of codes ask of such a model."""
from abc import abstractmethod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from core_scripts.data_io.collate import Batch
from core_scripts.nn_manager.model_base import ModelBase


class Tokens(NamedTuple):
    """The latents that belong to the items of a batch, context not counted.

    codes: per item (L,) int64, None of continuous kinds; energy: per item (L,), the log energy of each latent's frames
    up to a factor; latents, quantised: (N, P) of all items one after the other, normalised; quantised None as codes.
    """

    codes: list[np.ndarray] | None
    energy: list[np.ndarray]
    latents: Tensor
    quantised: Tensor | None


class UnitModel(ModelBase):
    """An autoencoder of speech: frames to latents, latents and a speaker to a target.

    In evaluation its forward pass gives the mean error, `error_name` "bits" being in nats per sample.
    """

    takes_batch = True
    codes_count: int = 0  # of the codebook; 0: the latents are no codes
    latents_per_second: float = 0.0
    samples_per_latent: int = 1
    labels_folder: Path | None = None  # of NAME.txt, lines label<TAB>start<TAB>stop in samples, where they are known
    error_name: str = "mse"  # or bits

    @staticmethod
    @abstractmethod
    def samples_per_unit(prj_conf: Any) -> int:
        """Samples of the waveform that one latent stands for."""

    @abstractmethod
    def read_tokens(self, batch: Batch) -> Tokens:
        """The latents of each item, and what monitors need beside them."""

    @abstractmethod
    def token_frames(self, batch: Batch) -> list[np.ndarray]:
        """The mean input frame of each of an item's latents, (L, C), for units that need no network."""

    @abstractmethod
    def encode(self, batch: Batch) -> Tensor:
        """What the decoder gets, (B, L, D), with the latents around the crop that it needs."""

    @abstractmethod
    def error(self, batch: Batch, latents: Tensor, speakers: Tensor | None) -> Tensor:
        """Mean error of the targets given latents as of `encode` and (B,) speakers."""

    @property
    @abstractmethod
    def restarts(self) -> int:
        """Codes that were put to another place since the beginning, because hardly any latent chose them."""
