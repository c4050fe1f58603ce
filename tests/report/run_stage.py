"""A run's folder made by hand: tones for speech, and the records that a training leaves, for pages to be made of."""
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import yaml

RATE_HZ = 8000
SETTINGS = {"seed": 1, "data": "../DATA/tones", "wav_samp_rate": RATE_HZ, "output_exts": [".wav"],
            "test_output_dirs": [["{data}/wav"]], "labels": "{data}/units", "output_filename_prefix": ""}
METRICS = ("epoch,train_loss,val_loss,seconds,best,swap_gap_bits\n"
           "0,3.0,3.1,1.0,yes,0.1\n1,2.5,2.7,1.0,yes,0.4\n2,2.2,2.8,1.0,no,0.6\n")
RESULT = {"model": 5.4, "swapped": 8.1, "constant": 6.3, "flac": 5.8, "marginal": 7.5, "bigram": 5.5,
          "density_offset": 5.6, "samples": 1234, "levels": 256, "quantiser": "mu-law"}


def tone(seconds: float, hz: float = 300.0, rate_hz: int = RATE_HZ) -> np.ndarray:
    """(n,) float64, half of full scale."""
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate_hz)) / rate_hz)


def write_tone(path: Path, seconds: float = 0.4, hz: float = 300.0, rate_hz: int = RATE_HZ) -> Path:
    """A 16-bit file of its kind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(seconds, hz, rate_hz), rate_hz, subtype="PCM_16")
    return path


def write_run(project: Path, name: str = "base", utterances: Sequence[str] = ("aa", "bb"), hz: float = 330.0) -> Path:
    """project/exp/NAME with output of 0.4 s, whose originals lie in DATA/tones beside the project; returns it."""
    run = project / "exp" / name
    for number, utterance in enumerate(utterances):
        write_tone(run / "output" / f"{utterance}.wav", hz=hz + 20 * number)
        write_tone(project.parent / "DATA/tones/wav" / f"{utterance}.wav", hz=300.0 + 20 * number)
    run.mkdir(parents=True, exist_ok=True)
    record = {"command": f"main.py train --exp {name}", "started": "2026-01-02T03:04:05+00:00", "code": "abc123",
              "data": "d1", "versions": {"torch": "2.0"}, "settings": SETTINGS, "machine": {"threads": 1},
              "differences": {"lr": {"recipe": 0.001, "here": 0.003}}}
    (run / "run.yaml").write_text(yaml.safe_dump(record))
    if utterances:
        (run / "output/run.yaml").write_text(yaml.safe_dump(record | {"made_by": "feed"}))
    (run / "metrics.csv").write_text(METRICS)
    (run / "result.json").write_text(json.dumps(RESULT))
    (run / "status.json").write_text(json.dumps({"state": "finished", "step": 1500, "seconds": 75.0}))
    return run


def write_units(run: Path, utterance: str) -> None:
    """Units and true ones, 0.1 s each."""
    codes = run / "output/codes" / f"{utterance}.runs.txt"
    codes.parent.mkdir(parents=True, exist_ok=True)
    codes.write_text("0.0000\t0.1000\t7\n0.1000\t0.3000\t12\n0.3000\t0.4000\t7\n")
    labels = run.parents[2] / "DATA/tones/units" / f"{utterance}.txt"
    labels.parent.mkdir(parents=True, exist_ok=True)
    labels.write_text(f"a\t0\t{RATE_HZ // 5}\nk\t{RATE_HZ // 5}\t{2 * RATE_HZ // 5}\n")
