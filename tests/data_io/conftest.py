"""Small corpora made on the spot: waveforms, features and lists in a temporary folder."""
import struct
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from core_scripts.config_parse.data_config import CorpusSpec, DataOptions, LoaderOptions, StreamSpec
from core_scripts.data_io.customize_dataset import NII_MergeDataSetLoader

HOP = 8
RATE_HZ = 16000


def write_wav(path: Path, samples: np.ndarray, rate_hz: int = RATE_HZ) -> Path:
    """16-bit PCM by Python's own writer."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.rint(samples * 2**15).astype("<i2").tobytes())
    return path


def make_wav_bytes(data: bytes, **fields: int) -> bytes:
    """A WAVE file whose header fields may lie."""
    given = {"tag": 1, "channels": 1, "rate": RATE_HZ, "bits": 16, "data_size": len(data), "riff_size": 36 + len(data)}
    given.update(fields)
    block = given.get("block", max(1, given["channels"]) * given["bits"] // 8)
    layout = struct.pack("<HHIIHH", given["tag"], given["channels"], given["rate"],
                         given.get("per_second", given["rate"] * block % 2**32), block, given["bits"])
    return (b"RIFF" + struct.pack("<I", given["riff_size"]) + b"WAVEfmt " + struct.pack("<I", 16) + layout
            + b"data" + struct.pack("<I", given["data_size"]) + data)


@dataclass
class Corpus:
    """A folder with wav/NAME.wav, mel/NAME.mel (3 values per HOP samples) and train.lst."""

    root: Path
    samples: dict[str, int]

    def noise(self, name: str) -> np.ndarray:
        seed = sum(name.encode())
        return np.rint(np.random.default_rng(seed).uniform(-0.5, 0.5, self.samples[name]) * 2**15) / 2**15

    def mel(self, name: str) -> np.ndarray:
        frames = self.samples[name] // HOP
        return (np.arange(3 * frames, dtype=np.float32).reshape(-1, 3) + sum(name.encode())).astype("<f4")

    def make(self) -> "Corpus":
        for name in self.samples:
            write_wav(self.root / "wav" / f"{name}.wav", self.noise(name))
            path = self.root / "mel" / f"{name}.mel"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.mel(name).tobytes())
        (self.root / "train.lst").write_text("".join(f"{name}\n" for name in self.samples), encoding="utf-8")
        return self

    def wav_stream(self, **changes) -> StreamSpec:
        return StreamSpec(**{"directory": self.root / "wav", "ext": ".wav", "dim": 1, "normalise": False, **changes})

    def mel_stream(self, **changes) -> StreamSpec:
        given = {"directory": self.root / "mel", "ext": ".mel", "dim": 3, "resolution": HOP}
        return StreamSpec(**{**given, **changes})

    def spec(self, **changes) -> CorpusSpec:
        given = {"name": "trn", "list_source": tuple(self.samples), "inputs": (self.mel_stream(),),
                 "outputs": (self.wav_stream(),)}
        return CorpusSpec(**{**given, **changes})

    def options(self, **changes) -> DataOptions:
        return DataOptions(**{"rate_hz": RATE_HZ, "cache_dir": self.root, **changes})

    def load(self, corpus: dict | None = None, loader: dict | None = None, **options) -> NII_MergeDataSetLoader:
        """The data set with changed fields of the corpus, the loader and the options."""
        return NII_MergeDataSetLoader.from_specs(
            [self.spec(**(corpus or {}))], self.options(**options), LoaderOptions(**(loader or {}))
        )


@pytest.fixture
def corpus(tmp_path) -> Corpus:
    """Three utterances of 160, 88 and 200 samples."""
    return Corpus(tmp_path, {"b": 160, "a": 88, "c": 200}).make()


@pytest.fixture
def make_corpus(tmp_path):
    def make(samples: dict[str, int], folder: str = "more") -> Corpus:
        return Corpus(tmp_path / folder, samples).make()

    return make


@pytest.fixture
def wav_bytes():
    return make_wav_bytes


@pytest.fixture
def save_wav():
    return write_wav
