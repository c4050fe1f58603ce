"""Does recipe 03 invert cepstral coefficients? One speaker of the Free Spoken Digit Dataset, minutes on one core.

    python benchmarks/mfcc_inversion.py [--data DIR] [--json]

Claims, each with its bound; the exit code is 1 if one of them fails. Trained are two networks of one size in 1,000
steps of Adam on 39 MFCC: one that is given them, and one that gets the mean frame everywhere instead.

- on the official test takes (0 to 4) the first has fewer bits per 8-bit mu-law sample than the second,
- another utterance's frames in place of the true ones cost it at least 0.7 bit per sample,
- the MFCC of what it generates freely at temperature 0.7 are at most 0.6 times as far from those that it was given as
  those of another utterance are (c1 to c12, floor 1e-3, mean Euclidean distance of frames),
- fewer of its frames are voiced where the recording is not, or the other way round, than in what Griffin-Lim makes of
  the same 13 static coefficients.

The level is as recorded. Only samples inside the files count, each predicted from all before it in its file. It is the
recipe's own model on the core's own data sets; only the training loop, with its schedule per step, stands here.
"""
import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: products here are small, threads would only wait
import numpy as np  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from benchmarks.wavenet_quality import find_data, train, write_lists  # noqa: E402
from core_scripts import flow, log  # noqa: E402
from core_scripts.config_parse.arg_parse import parse_command  # noqa: E402
from core_scripts.config_parse.config_parse import resolve  # noqa: E402
from core_scripts.config_parse.overrides import load_yaml  # noqa: E402
from core_scripts.errors import RecitalError  # noqa: E402
from core_scripts.evaluation.bits import BitsTable, measure_bits  # noqa: E402
from core_scripts.evaluation.conditioning import hold_frames, mean_bits  # noqa: E402
from core_scripts.evaluation.griffin_lim import invert_frames  # noqa: E402
from core_scripts.evaluation.pitch import METRICS, compare_tracks  # noqa: E402
from core_scripts.features.config_mfcc import MfccConfig  # noqa: E402
from core_scripts.features.f0 import track_f0  # noqa: E402
from core_scripts.features.file_frames import file_frames  # noqa: E402
from core_scripts.nn_manager.model_base import adapt_model  # noqa: E402
from core_scripts.run_folder import RunFolder, place_run  # noqa: E402

RECIPE = ROOT / "project" / "03-mfcc-inversion"
SEED = 1
CROP, BATCH, STEPS, LR, CLIP = 1200, 2, 1000, 3e-3, 1.0  # the rate ends at a tenth, along a cosine
TEMPERATURE = 0.7
MIN_GAP_BITS, MAX_DISTANCE_RATIO = 0.7, 0.6
JUDGED_FLOOR = 1e-3  # of mel magnitudes, where distances are measured: fainter bands are noise of the recording
SETTINGS = {"truncate_seq": CROP, "batch_size": BATCH, "minimum_len": None, "seed": SEED, "temperature": TEMPERATURE,
            "inference_batch_size": 25}


@dataclass(frozen=True)
class Result:
    """What the benchmark found; its fields are the keys of --json."""

    bits_test: float
    bits_unconditional: float
    swap_gap_bits: float
    cepstral_distance: float
    cepstral_distance_other: float
    cepstral_distance_ratio: float
    vuv_error: float
    vuv_error_griffin_lim: float
    bits_marginal: float
    bits_bigram: float
    bits_flac: float
    samples: int
    parameters: int
    steps: int
    cpu_s: float
    passed: bool


class HeldData:
    """A data set whose frames are all the same one: what an unconditional model is trained and scored on."""

    def __init__(self, data: Any, frame: torch.Tensor) -> None:
        self.data, self.frame = data, frame

    def set_position(self, position: Any) -> None:
        self.data.set_position(position)

    def get_loader(self) -> Any:
        return hold_frames(self.data.get_loader(), self.frame)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of fsdd, or the one it lies in; default $RECITAL_DATA, "
                        "else ../shared/data from the project root")
    parser.add_argument("--speaker", default="theo", help="the bounds are those of theo")
    parser.add_argument("--steps", type=int, default=STEPS, help="the bounds are those of %(default)s")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)  # the same sums on every machine with this CPU
    try:
        with tempfile.TemporaryDirectory() as folder:
            result = run_benchmark(find_data(options.data), options, Path(folder))
    except RecitalError as error:
        log.note(f"error: {error}")
        return error.exit_code
    if options.json:
        log.say(json.dumps(vars(result)))
    return 0 if result.passed else 1


def run_benchmark(data: Path, options: argparse.Namespace, folder: Path) -> Result:
    """Train and score both networks, generate with the first, and say what came of it."""
    begun = time.process_time()
    lists = write_lists(data, options.speaker, folder / "lists")
    log.say(f"{data}, speaker {options.speaker}: {len(lists.train)} files to train, {len(lists.test)} to test")
    stage = set_stage(data, folder, lists.folder)
    train_set, test_set = flow.load_data_set(stage, "trn"), flow.load_data_set(stage, "test")
    model = train_model(stage, train_set, train_set, options.steps)
    table = measure_bits(model, train_set, test_set, stage.device)
    log.say(f"{options.steps} steps of {BATCH} x {CROP}, Adam {LR:g} along a cosine to a tenth, "
            f"{time.process_time() - begun:.0f} CPU s\n{table}")
    mean = torch.as_tensor(train_set.get_data_mean_std()[0], dtype=torch.float32)
    unconditional = train_model(stage, train_set, HeldData(train_set, mean), options.steps).eval()
    bits = mean_bits(adapt_model(unconditional), HeldData(test_set, mean).get_loader(), stage.device)
    log.say(f"without frames, as many steps: {bits:.3f} bits per sample")
    sound = score_free_runs(model, test_set, stage.conf.mfcc)
    return judge(table, bits, sound, {
        "samples": table.samples, "steps": options.steps, "cpu_s": time.process_time() - begun,
        "parameters": sum(value.numel() for value in model.parameters() if value.requires_grad)})


def set_stage(data: Path, folder: Path, lists: Path) -> flow.Stage:
    """The recipe with fsdd.yaml and `SETTINGS` on the lists in `lists`, its files in `folder`."""
    own = {"data": str(lists), **{f"{test}{side}_dirs": [[str(data / "wav")]]
                                  for side in ("input", "output") for test in ("", "test_")}}
    file = folder / "settings.yaml"
    file.write_text(json.dumps({**load_yaml((RECIPE / "fsdd.yaml").read_text("utf-8")), **SETTINGS, **own}))
    words = ["train", "--config-file", str(file), "--no-cuda", "--save-model-dir", str(folder / "run")]
    return flow.set_stage(place_run(resolve(parse_command(words), RECIPE), RECIPE), RunFolder(folder / "run"))


def train_model(stage: flow.Stage, train_set: Any, data: Any, steps: int) -> Any:
    """A model trained on `data`, from the same first weights whatever that is."""
    torch.manual_seed(SEED)
    model = flow.build_model(stage, train_set, train_set.get_data_mean_std())
    train(model, data, steps, LR, CLIP)
    return model


@torch.no_grad()
def generate_all(model: Any, data: Any) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(name, recorded, generated) waveforms (T,) of every utterance, in the order of the list."""
    found = []
    for batch in data.get_loader():
        waves = model.inference(batch)[..., 0].numpy()
        recorded = batch.targets[:, model.receptive_field :, 0].numpy()
        found += [(int(place), name, truth[:length], made[:length]) for place, name, truth, made, length in zip(
            batch.index, batch.names, recorded, waves, batch.lengths.tolist(), strict=True)]
    return [row[1:] for row in sorted(found, key=lambda row: row[0])]


def score_free_runs(model: Any, data: Any, mfcc: MfccConfig) -> dict[str, float]:
    """How far from what was asked for the generated waveforms are, beside another utterance and Griffin-Lim's."""
    runs = generate_all(model, data)
    judged = replace(mfcc, floor=JUDGED_FLOOR)
    frames, made = ([file_frames(judged, run[side]) for run in runs] for side in (1, 2))
    others = [other[np.arange(len(own)) % len(other)]
              for own, other in zip(frames, frames[1:] + frames[:1], strict=True)]
    tracks, rate_hz = [track_f0(truth, mfcc.rate_hz) for _, truth, _ in runs], mfcc.rate_hz
    inverted = [invert_frames(mfcc, file_frames(mfcc, truth))[: len(truth)] for _, truth, _ in runs]
    return {"cepstral_distance": distance(frames, made), "cepstral_distance_other": distance(frames, others),
            "vuv_error": voicing_error(tracks, [track_f0(output, rate_hz) for _, _, output in runs]),
            "vuv_error_griffin_lim": voicing_error(tracks, [track_f0(wave, rate_hz) for wave in inverted])}


def distance(given: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> float:
    """Mean over all frames of the Euclidean distance of c1 to c12."""
    return float(np.concatenate([np.linalg.norm(one[:, 1:13] - other[:, 1:13], axis=1)
                                 for one, other in zip(given, found, strict=True)]).mean())


def voicing_error(true: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> float:
    """Share of all frames that are voiced in one and not in the other."""
    figures = compare_tracks(np.concatenate(true), np.concatenate(found))
    return next(figure.value for metric, figure in zip(METRICS, figures, strict=True) if metric.key == "vuv_error")


def judge(table: BitsTable, unconditional: float, sound: dict[str, float], facts: dict[str, Any]) -> Result:
    """The result, and each claim told with its bound."""
    ratio = sound["cepstral_distance"] / sound["cepstral_distance_other"]
    log.say(f"free runs at T={TEMPERATURE:g}: cepstral distance {sound['cepstral_distance']:.2f}, of another utterance "
            f"{sound['cepstral_distance_other']:.2f}; V/UV error {sound['vuv_error']:.3f}, of Griffin-Lim "
            f"{sound['vuv_error_griffin_lim']:.3f}")
    claims = (("bits per test sample", table.model, unconditional, table.model < unconditional),
              ("the swap gap in bits", table.swap_gap, MIN_GAP_BITS, table.swap_gap >= MIN_GAP_BITS),
              ("the ratio of cepstral distances", ratio, MAX_DISTANCE_RATIO, ratio <= MAX_DISTANCE_RATIO),
              ("the V/UV error", sound["vuv_error"], sound["vuv_error_griffin_lim"],
               sound["vuv_error"] < sound["vuv_error_griffin_lim"]))
    faults = [f"{what} is {value:.3f}, the bound {bound:.3f}" for what, value, bound, is_kept in claims if not is_kept]
    log.say("FAILED: " + "; ".join(faults) if faults else "passed")
    return Result(bits_test=table.model, bits_unconditional=unconditional, swap_gap_bits=table.swap_gap,
                  cepstral_distance_ratio=ratio, bits_marginal=table.marginal, bits_bigram=table.bigram,
                  bits_flac=table.flac, passed=not faults, **sound, **facts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
