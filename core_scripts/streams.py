"""Random numbers as a function of (seed, stream, epoch, index): nothing to store, nothing to rewind.

Only raw Philox-4x64 words (Salmon et al. 2011) and integer arithmetic are used: numpy promises those bits for ever,
which it does not for `Generator.permutation` or `Generator.normal` (NEP 19).
"""
import hashlib

import numpy as np

_MASK64 = (1 << 64) - 1
_BLOCK_WORDS = 4  # that Philox-4x64 makes at once


def words(seed: int, stream: int, epoch: int = 0, index: int = 0, *, count: int, first: int = 0) -> np.ndarray:
    """`count` words, uint64, of the stream named by the four integers (each in [0, 2**64)), from word `first` on."""
    counter = np.array([first // _BLOCK_WORDS, 0, index & _MASK64, epoch & _MASK64], dtype=np.uint64)
    key = np.array([seed & _MASK64, stream & _MASK64], dtype=np.uint64)
    skipped = first % _BLOCK_WORDS
    return np.random.Philox(counter=counter, key=key).random_raw(skipped + count)[skipped:]


def uniforms(
    seed: int, stream: int, epoch: int = 0, index: int = 0, *, count: int, first: int = 0
) -> np.ndarray:  # fmt: skip
    """`count` numbers, float64, uniform in [0, 1) on a grid of 2**-53, from number `first` on."""
    return (words(seed, stream, epoch, index, count=count, first=first) >> np.uint64(11)) * 2.0**-53


def normals(seed: int, stream: int, epoch: int = 0, index: int = 0, *, count: int) -> np.ndarray:
    """`count` numbers, float64, standard normal, by the Box-Muller transform."""
    pairs = (count + 1) // 2
    u = uniforms(seed, stream, epoch, index, count=2 * pairs)
    radius = np.sqrt(-2.0 * np.log1p(-u[:pairs]))
    angle = 2.0 * np.pi * u[pairs:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:count]


def index_of(name: str) -> int:
    """A stable 64-bit number for a name, so that an utterance draws the same numbers in any batch and any list."""
    return int.from_bytes(hashlib.sha256(name.encode("utf-8")).digest()[:8], "little")
