"""Does the WaveNet autoencoder work? The recipe 02-vqvae in two steps on recorded digits, judged by what it generates.

    python benchmarks/vqvae_wavenet.py [--data DIR] [--short] [--json]

Free Spoken Digit Dataset without nicolas, 64 units at 50 per second. Step 1 trains units on log-mel frames, step 2 a
WaveNet of 8 layers on them as they are (4,200 steps, with --short 700). Figures with bounds (the exit code is 1 if one
is missed): bits per sample of test takes 0 and 1, and what another utterance's units or another speaker's number cost;
what test take 1 generated freely in its own voice and in two others is taken for by judges that were trained on natural
speech. Without --short, a variant with LayerNorm trained by likelihood must be caught by the rules that stop runs.
"""
import argparse
import json
import math
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: products here are small, threads would only wait
import numpy as np  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import torch  # noqa: E402
from torch import Tensor  # noqa: E402

from benchmarks.digit_judge import make_judge  # noqa: E402
from benchmarks.digit_takes import Take, Takes  # noqa: E402
from benchmarks.wavenet_quality import find_data  # noqa: E402
from core_scripts import log  # noqa: E402
from core_scripts.checkpoint.fitting import load_parts  # noqa: E402
from core_scripts.config_parse.arg_parse import parse_command  # noqa: E402
from core_scripts.config_parse.config_parse import Resolved, resolve  # noqa: E402
from core_scripts.errors import RecitalError  # noqa: E402
from core_scripts.evaluation.probes import Judge, fit_probe, pool_units, score_conversion  # noqa: E402
from core_scripts.evaluation.unit_watch import broken_rules, measure_facts  # noqa: E402
from core_scripts.evaluation.units import energy_r2, perplexity  # noqa: E402
from core_scripts.evaluation.words import judged_mel, rms, whole_frames  # noqa: E402
from core_scripts.nn_manager.averaging import WeightAverage  # noqa: E402

RECIPE = Path(__file__).resolve().parents[1] / "project" / "02-vqvae"
LONGEST = 6000  # samples of a test take
SILENT_DB = -15.0
CPU = torch.device("cpu")

BOUNDS_SHORT = {"bits_test": (5.75, False), "swap_gap_bits": (0.45, True), "perplexity": (32.0, True),
                "energy_r2": (0.75, True)}
BOUNDS_FULL = {  # key: (bound, whether it is the least)
    "bits_test": (5.30, False), "swap_gap_bits": (0.60, True), "speaker_gap_bits": (0.20, True),
    "perplexity": (32.0, True), "energy_r2": (0.75, True), "convert_target": (0.55, True),
    "convert_source": (0.25, False), "digit_kept": (0.38, True), "resynthesis_speaker": (0.78, True),
    "resynthesis_digit": (0.42, True), "silent_share": (0.10, False), "log_mel_l1": (0.90, False),
    "layernorm_caught": (1.0, True),
}


@dataclass(frozen=True)
class Plan:
    """One training: the settings of the recipe that it changes, and how it goes."""

    words: tuple[str, ...]
    crop: int  # units
    batch: int
    steps: int
    lr: float
    last_lr: float  # share at the end of the cosine
    flat_share: float  # of the steps before it
    polyak: float = 0.998


UNITS = Plan(("decoder=features",), crop=16, batch=32, steps=4250, lr=2e-3, last_lr=0.05, flat_share=0.0)
WAVE = Plan(("decoder=wavenet", "way=two-step"), crop=8, batch=4, steps=4200, lr=3e-3, last_lr=0.05, flat_share=0.5)
SHORT_WAVE = Plan(WAVE.words, crop=8, batch=4, steps=700, lr=3e-3, last_lr=1.0, flat_share=1.0)
LAYERNORM = Plan(("decoder=wavenet", "way=likelihood", "bottleneck.norm=layer", "statistics_crops=20"), crop=8,
                 batch=24, steps=300, lr=3e-3, last_lr=1.0, flat_share=1.0)
WARM_UP, CLIP = 50, 1.0


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of fsdd, or the one it lies in; default $RECITAL_DATA, "
                        "else ../shared/data from the project root")
    parser.add_argument("--short", action="store_true", help="step 2 of 700 steps: bits and units only have bounds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a few steps, to see that the program works")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)  # the same sums on every machine with this CPU
    try:
        results = run(find_data(options.data), options)
    except RecitalError as error:
        log.note(f"error: {error}")
        return error.exit_code
    bounds = BOUNDS_SHORT if options.short else BOUNDS_FULL
    faults = [f"{key} is {results[key]:.3f}, the bound {bound:g}" for key, (bound, is_least) in bounds.items()
              if not (results[key] >= bound if is_least else results[key] <= bound)]
    log.say(", ".join(f"{key} {value:.3f}" for key, value in results.items()))
    log.say(f"FAILED: {'; '.join(faults)}" if faults else "passed")
    if options.json:
        log.say(json.dumps({key: round(value, 4) for key, value in results.items()}))
    return 1 if faults else 0


def run(folder: Path, options: argparse.Namespace) -> dict[str, float]:
    """Both steps and all figures."""
    begun = time.process_time()
    units, train, _ = train_plan(folder, UNITS, options)
    facts = score_units(units, train, Takes(folder, "test", units.conf, UNITS.crop))
    plan = SHORT_WAVE if options.short else WAVE
    model, train, seconds = train_plan(folder, plan, options, units)
    test = Takes(folder, "test", model.conf, plan.crop)
    facts |= score_bits(model, test) | score_free_runs(model, train, test)
    if not options.short:
        facts["layernorm_caught"] = float(bool(catch_layernorm(folder, options)))
    return facts | {"step2_cpu_s": seconds, "cpu_s": time.process_time() - begun}


def settle(folder: Path, plan: Plan, seed: int) -> Resolved:
    """The recipe's settings for these data and this plan."""
    own = (f"truncate_seq={plan.crop * 160}", f"batch_size={plan.batch}", f"data={folder}", f"seed={seed}",
           "temperature=0.8", "generation_seed=0", "wavenet.residual_channels=32", "wavenet.gate_channels=32")
    return resolve(parse_command(["--config-file", str(RECIPE / "fsdd.yaml"), *own, *plan.words]), RECIPE)


def build(resolved: Resolved, data: Takes):
    """The recipe's own model, who knows the speakers of the takes."""
    import importlib

    resolved.args.speaker_names = tuple(sorted({take.speaker for take in data.items}))
    torch.manual_seed(resolved.args.seed)
    dims = (sum(resolved.config.input_dims), sum(resolved.config.output_dims))
    return importlib.import_module("model").Model(*dims, resolved.args, resolved.config, data.mean_std())


def train_plan(folder: Path, plan: Plan, options: argparse.Namespace, units=None):
    """The averaged model in evaluation, its data, and the CPU seconds it took."""
    resolved = settle(folder, plan, options.seed)
    data = Takes(folder, "train", resolved.config, plan.crop)
    model = build(resolved, data)
    begun, steps = time.process_time(), 20 if options.quick else plan.steps
    if units is not None:
        load_parts(model, units.state_dict(), ("units", "input_mean", "input_std"), {}, "step 1")
        model.load_units = lambda path: None  # they are here already
    model.before_training(data)
    loss = optimise(model, data, plan, steps, options.seed)
    seconds = time.process_time() - begun
    log.note(f"{' '.join(plan.words)}: {steps} steps, last losses {loss}, {seconds:.0f} CPU s")
    return model.eval(), data, seconds


def optimise(model, data: Takes, plan: Plan, steps: int, seed: int) -> str:
    """Adam with a warm-up, a flat part and a cosine; at the end the model has its averaged weights."""
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.Adam([value for value in model.parameters() if value.requires_grad], plan.lr, fused=True)
    average = WeightAverage(model, plan.polyak)
    model.train()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = plan.lr * min(1.0, (step + 1) / WARM_UP) * rate_share(plan, step / steps)
        model.schedule(step)
        losses, _ = model(data.draw(rng, plan.batch))
        optimizer.zero_grad()
        torch.stack(losses).sum().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        average.update(step)
        if (step + 1) % 500 == 0:
            log.note(f"  step {step + 1}: {[round(loss.item(), 4) for loss in losses]}")
    model.load_state_dict(average.weights)
    return str([round(loss.item(), 4) for loss in losses])


def rate_share(plan: Plan, progress: float) -> float:
    """1 on the flat part, then along a cosine to `last_lr`."""
    if progress < plan.flat_share:
        return 1.0
    along = (progress - plan.flat_share) / (1 - plan.flat_share)
    return plan.last_lr + (1 - plan.last_lr) * 0.5 * (1 + math.cos(math.pi * along))


@torch.no_grad()
def score_units(model, train: Takes, test: Takes) -> dict[str, float]:
    """Perplexity, the level, and how well a straight line reads the digit."""
    read = {}
    for kind, data in (("train", train), ("test", test)):
        tokens = [model.read_tokens(data.whole([take])) for take in data.items]
        read[kind] = ([own.codes[0] for own in tokens], [own.energy[0] for own in tokens])
    count = model.codes_count
    pooled = {kind: np.stack([pool_units(codes, count, 3) for codes in read[kind][0]]) for kind in read}
    probe = fit_probe(pooled["train"], [take.digit for take in train.items])
    return {"perplexity": perplexity(read["test"][0]), "energy_r2": energy_r2(read["train"], read["test"]),
            "digit_probe": probe.accuracy(pooled["test"], [take.digit for take in test.items])}


@torch.no_grad()
def score_bits(model, test: Takes) -> dict[str, float]:
    """Bits per sample with the true units, with those of another digit of the same speaker, with another speaker."""
    takes = [take for take in test.items if take.number < 2 and len(take.wave) <= LONGEST]
    takes.sort(key=lambda take: take.units)
    names = model.speakers.names
    nats, samples = np.zeros(3), 0
    for start in range(0, len(takes), 8):
        own = takes[start : start + 8]
        batch = test.whole(own)
        latents, speakers = model.encode(batch), model.speaker_numbers(batch)
        swapped = torch.stack([tile_donor(model, test, row, take, pick_donor(takes, take))
                               for row, take in zip(latents, own, strict=True)])
        others = torch.tensor([(names.index(take.speaker) + 1 + place % (len(names) - 1)) % len(names)
                               for place, take in enumerate(own)])
        count = int(batch.lengths.sum())
        nats += count * np.array([float(model.error(batch, *pair)) for pair in (
            (latents, speakers), (swapped, speakers), (latents, others))])
        samples += count
    true, swap, speaker = nats / samples / math.log(2)
    return {"bits_test": true, "swap_gap_bits": swap - true, "speaker_gap_bits": speaker - true}


def pick_donor(takes: Sequence[Take], take: Take) -> Take:
    """Another digit of the same speaker."""
    found = [other for other in takes if other.speaker == take.speaker and other.digit != take.digit]
    return found[7 * takes.index(take) % len(found)]


def tile_donor(model, test: Takes, row: Tensor, take: Take, donor: Take) -> Tensor:
    """The latents (L, D) of a take with the donor's, repeated, in place of its own."""
    first = model.units.first
    given = model.encode(test.whole([donor]))[0, first : first + donor.units]
    changed = row.clone()
    changed[first : first + take.units] = given[torch.arange(take.units) % donor.units]
    return changed


@torch.no_grad()
def score_free_runs(model, train: Takes, test: Takes) -> dict[str, float]:
    """Test take 1 in its own voice and in two others, heard by judges; how near in log-mel, and how many are silent."""
    judge = make_judge(model.conf.mel, model.speakers.names, train.items, test.items)
    takes = [take for take in test.items if take.number == 1 and len(take.wave) <= LONGEST]
    names = model.speakers.names
    wanted = [(take, shift) for place, take in enumerate(takes)
              for shift in (0, 1 + place % (len(names) - 1), 1 + (place + 2) % (len(names) - 1))]
    targets = [(names.index(take.speaker) + shift) % len(names) for take, shift in wanted]
    waves = generate_all(model, test, [take for take, _ in wanted], targets)
    scored = [row for row in zip(wanted, targets, waves, strict=True)]
    own = [row for row in scored if not row[0][1]]
    same, converted = (hear(judge, model, [row for row in scored if bool(row[0][1]) == changed])
                       for changed in (False, True))
    levels = [20 * math.log10((rms(wave) + 1e-6) / rms(take.wave)) for (take, _), _, wave in own]
    mel = model.conf.mel
    frames = [(whole_frames(mel, wave), whole_frames(mel, take.wave)) for (take, _), _, wave in own]
    return {
        "convert_target": converted.target, "convert_source": converted.source, "digit_kept": converted.content_kept,
        "resynthesis_speaker": same.target, "resynthesis_digit": same.content_kept,
        "silent_share": float(np.mean([level < SILENT_DB for level in levels])), "level_db": float(np.mean(levels)),
        "log_mel_l1": float(np.mean([np.abs(made - natural).mean() for made, natural in frames])),
    }


def generate_all(model, test: Takes, takes: Sequence[Take], targets: Sequence[int]) -> list[Tensor]:
    """The waveforms (T,) of takes, each in the voice of its target, all in one batch."""
    batch = test.whole(takes)
    named = tuple(info.replace(take.name, f"{take.name}-{target}")
                  for info, take, target in zip(batch.info, takes, targets, strict=True))
    latents = model.find_latents(batch)
    made = model.decoder.generate(latents, torch.tensor(targets), batch.lengths, batch._replace(info=named).names)
    return [row[: len(take.wave), 0] for row, take in zip(made, takes, strict=True)]


def hear(judge: Judge, model, rows: Sequence):
    """How the judge takes generated waveforms."""
    names = model.speakers.names
    return score_conversion(
        judge, [judged_mel(model.conf.mel, wave) for _, _, wave in rows], [target for _, target, _ in rows],
        [names.index(take.speaker) for (take, _), _, _ in rows], [take.digit for (take, _), _, _ in rows])


def catch_layernorm(folder: Path, options: argparse.Namespace) -> list[str]:
    """What the rules that stop runs say of LayerNorm before the quantiser, trained by likelihood alone."""
    model, data, _ = train_plan(folder, LAYERNORM, options)
    facts = measure_facts(model, data.spread_batches(8), CPU, None)
    found = broken_rules(facts.values, LAYERNORM.steps)
    log.note("  LayerNorm: " + (" | ".join(found) or f"not caught, {facts.describe('bits')}"))
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
