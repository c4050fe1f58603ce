"""How good is recipe 01 on recorded speech? One speaker of the Free Spoken Digit Dataset, minutes on one core.

    python benchmarks/wavenet_quality.py [--data DIR] [--head categorical|logistics|gaussian] [--json]

Three claims, each with its bound; the exit code is 1 if one of them fails. The first and the last are of the
categorical head alone: the others have codes of 16 bits, compare in bits relative to a 16-bit LSB, and learn slowly.

- 1,000 steps of Adam bring the bits per 8-bit mu-law sample on the official test takes (0 to 4) to 4.35 or less,
- another utterance's frames in place of the true ones cost at least 1 bit per sample,
- an utterance learnt by heart comes back out of its mel frames alone, code by code, by argmax.

The level is as recorded. Only samples inside the files count, each predicted from all before it in its file. It is the
recipe's own model on the core's own data sets; only the training loop, with its schedule per step, stands here.
"""
import argparse
import json
import math
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from core_scripts import flow, log  # noqa: E402
from core_scripts.config_parse.arg_parse import parse_command  # noqa: E402
from core_scripts.config_parse.config_parse import resolve  # noqa: E402
from core_scripts.data_io.position import DataPosition  # noqa: E402
from core_scripts.errors import DataError, RecitalError  # noqa: E402
from core_scripts.evaluation.bits import BitsTable, measure_bits  # noqa: E402
from core_scripts.run_folder import RunFolder, place_run  # noqa: E402
from sandbox.config_wavenet import HEADS  # noqa: E402

RECIPE = ROOT / "project" / "01-wavenet-vocoder"
LISTS = ("train.lst", "val.lst", "test.lst")
SEED = 1
MAX_BITS, MIN_GAP_BITS, MIN_REGENERATED = 4.35, 1.0, 1.0

RATE_HZ, HOP, BANDS = 8000, 80, 40
CROP, BATCH, STEPS, LR, LAST_LR = 1200, 2, 1000, 3e-3, 0.1  # the rate ends at a tenth, along a cosine
HEART_STEPS, HEART_LR = 150, 4e-3

NET = {"layers": 14, "dilation_cycle": 7, "residual_channels": 32, "gate_channels": 32, "skip_channels": 64,
       "post_channels": 64, "bits": 8, "cond_channels": BANDS, "hop": HOP}
SETTINGS = {
    "wav_samp_rate": RATE_HZ,
    "mel": {"rate_hz": RATE_HZ, "window": 240, "hop": HOP, "fft": 512, "bands": BANDS, "low_hz": 60.0,
            "high_hz": 3800.0},
    "input_dims": [BANDS],
    "minimum_len": None,
    "seed": SEED,
    "temperature": 0.0,
    "inference_batch_size": 10,
}


@dataclass(frozen=True)
class Result:
    """What the benchmark found; its fields are the keys of --json."""

    head: str
    bits_test: float
    swap_gap_bits: float
    constant_gap_bits: float
    bits_marginal: float
    bits_bigram: float
    bits_flac: float
    bits_16bit_lsb: float
    samples: int
    parameters: int
    steps: int
    train_cpu_s: float
    overfit_name: str
    overfit_bits: float
    regenerated: float  # share of the codes
    passed: bool


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of fsdd, or the one it lies in; default $RECITAL_DATA, "
                        "else ../shared/data from the project root")
    parser.add_argument("--speaker", default="theo", help="the bounds are those of theo")
    parser.add_argument("--steps", type=int, default=STEPS, help="the bounds are those of %(default)s")
    parser.add_argument("--head", choices=HEADS, default=HEADS[0], help="output distribution of the network")
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


def find_data(given: Path | None) -> Path:
    """The folder of fsdd. Raises: DataError if it is not there."""
    place = given or Path(os.environ.get("RECITAL_DATA") or ROOT.parent / "shared" / "data")
    for folder in (place / "fsdd", place):
        if (folder / "wav").is_dir() and all((folder / name).is_file() for name in LISTS):
            return folder
    raise DataError(f"{place} has no fsdd/wav and lists {', '.join(LISTS)}; give the folder of the Free Spoken Digit "
                    f"Dataset with --data DIR, or set RECITAL_DATA to the one it lies in")


def run_benchmark(data: Path, options: argparse.Namespace, folder: Path) -> Result:
    """Train and score, learn one utterance by heart and generate it, and say what came of it."""
    lists = write_lists(data, options.speaker, folder / "lists")
    log.say(f"{data}, speaker {options.speaker}: {len(lists.train)} files to train, {len(lists.test)} to test")
    model, table, seconds = train_and_score(data, folder, lists.folder, options)
    log.say(f"{options.head} head, {options.steps} steps of {BATCH} x {CROP}, Adam {LR:g} along a cosine to "
            f"{LR * LAST_LR:g}, {seconds:.0f} CPU s\n{table}")
    name, heart_bits, regenerated = learn_by_heart(data, folder, lists.train, options.head)
    log.say(f"by heart: {name} after {HEART_STEPS} steps {heart_bits:.4f} bits per sample; "
            f"{100 * regenerated:.2f} % of its codes come back by argmax from its frames")
    has_16_bits = options.head != HEADS[0]
    faults = [f"{what} is {value:.3f}, the bound {bound}" for what, value, bound, kept in (
        ("bits per test sample", table.model, MAX_BITS, has_16_bits or table.model <= MAX_BITS),
        ("the swap gap in bits", table.swap_gap, MIN_GAP_BITS, table.swap_gap >= MIN_GAP_BITS),
        ("the regenerated share", regenerated, MIN_REGENERATED, has_16_bits or regenerated >= MIN_REGENERATED),
    ) if not kept]
    log.say("FAILED: " + "; ".join(faults) if faults else "passed")
    return Result(
        head=options.head, bits_test=table.model, swap_gap_bits=table.swap_gap,
        constant_gap_bits=table.constant - table.model,
        bits_marginal=table.marginal, bits_bigram=table.bigram, bits_flac=table.flac,
        bits_16bit_lsb=table.model + table.density_offset, samples=table.samples,
        parameters=sum(value.numel() for value in model.parameters() if value.requires_grad), steps=options.steps,
        train_cpu_s=seconds, overfit_name=name, overfit_bits=heart_bits, regenerated=regenerated, passed=not faults)


def write_lists(data: Path, speaker: str, folder: Path) -> SimpleNamespace:
    """The speaker's part of each list, written to `folder`. Raises: DataError if a list has fewer than two."""
    folder.mkdir()
    found = SimpleNamespace(folder=folder)
    for file in LISTS:
        names = [name for name in (data / file).read_text(encoding="utf-8").split() if f"_{speaker}_" in name]
        if len(names) < 2:
            raise DataError(f"{data / file} has {len(names)} files of speaker {speaker!r}, 2 are needed at least "
                            f"(names are DIGIT_SPEAKER_TAKE); choose another --speaker")
        (folder / file).write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
        setattr(found, Path(file).stem, names)
    return found


def set_stage(data: Path, folder: Path, lists: Path, settings: dict[str, Any], head: str) -> flow.Stage:
    """The recipe with these settings over `SETTINGS`, the network `NET` with this head, its files in `folder`."""
    folder.mkdir()
    own = {"data": str(lists), **{f"{test}{side}_dirs": [[str(data / "wav")]]
                                  for side in ("input", "output") for test in ("", "test_")}}
    file = folder / "settings.yaml"
    file.write_text(json.dumps({**SETTINGS, **own, **settings, "net": {**NET, "head": head}}), encoding="utf-8")
    words = ["train", "--config-file", str(file), "--no-cuda", "--save-model-dir", str(folder / "run")]
    resolved = place_run(resolve(parse_command(words), RECIPE), RECIPE)
    return flow.set_stage(resolved, RunFolder(folder / "run"))


def train_and_score(data: Path, folder: Path, lists: Path, options: Any) -> tuple[Any, BitsTable, float]:
    """The trained model, its table on the test takes, and the CPU seconds that its steps took."""
    stage = set_stage(data, folder / "speaker", lists, {"truncate_seq": CROP, "batch_size": BATCH}, options.head)
    train_set, test_set = flow.load_data_set(stage, "trn"), flow.load_data_set(stage, "test")
    torch.manual_seed(SEED)
    model = flow.build_model(stage, train_set, train_set.get_data_mean_std())
    begun = time.process_time()
    train(model, train_set, options.steps, LR)
    seconds = time.process_time() - begun
    return model, measure_bits(model, train_set, test_set, stage.device), seconds


def learn_by_heart(data: Path, folder: Path, names: list[str], head: str) -> tuple[str, float, float]:
    """The utterance, its bits per sample after training on nothing else, and the share of its codes that come back."""
    name, lists = names[0], folder / "heart_lists"
    lists.mkdir()
    for file in LISTS:
        (lists / file).write_text(f"{name}\n", encoding="utf-8")
    stage = set_stage(data, folder / "heart", lists, {"truncate_seq": None, "batch_size": 1}, head)
    data_set = flow.load_data_set(stage, "trn")
    torch.manual_seed(SEED)
    model = flow.build_model(stage, data_set, data_set.get_data_mean_std())
    train(model, data_set, HEART_STEPS, HEART_LR)
    batch = next(iter(data_set.get_loader()))
    model.eval()
    with torch.no_grad():
        bits = float(model(batch)) / math.log(2)
        wave = model.inference(batch)
    same = model.net.head.quantise(wave[0, :, 0]) == model.target_codes(batch)[0]
    return name, bits, float(same.double().mean())


def train(model: Any, data: Any, steps: int, lr: float, clip: float = math.inf) -> None:
    """That many steps of Adam over shuffled epochs, the rate along a cosine from `lr` to a tenth of it; clip: largest
    norm of a gradient.
    """
    optimizer = torch.optim.Adam([value for value in model.parameters() if value.requires_grad], lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=lr * LAST_LR)
    model.train()
    step, position = 0, DataPosition(SEED)
    while step < steps:
        data.set_position(position)
        for batch in data.get_loader():
            optimizer.zero_grad()
            model(batch).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            schedule.step()
            step += 1
            if step == steps:
                break
        position = position.next_epoch()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
