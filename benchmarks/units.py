"""Do codes mean something? Autoencoders of features on the Free Spoken Digit Dataset, minutes on one core per seed.

    python benchmarks/units.py [--data DIR] [--seeds 3] [--json]

MFCC to 64 codes at 50 per second to log-mel frames, all six speakers, peak-normalised, official takes. Claims, each
with its bound on the median of the seeds; the exit code is 1 if one of them fails:

- perplexity of the codes, how well a straight line reads the digit from them,
- speaker information in the codes with a decoder that is told the speaker, as a share of that without,
- conversion by another speaker's number in the decoder: taken for the target, by vq-ema and (not) by ae; digit kept,
- reconstruction error of ae below vae below vq.
"""
import argparse
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: products here are small, threads would only wait
import numpy as np  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from benchmarks.digits import FRAMES_PER_TOKEN, Digits, Utterance  # noqa: E402
from benchmarks.wavenet_quality import find_data  # noqa: E402
from core_scripts import log  # noqa: E402
from core_scripts.errors import RecitalError  # noqa: E402
from core_scripts.evaluation.probes import ConversionScore, Judge, fit_judge, score_conversion  # noqa: E402
from core_scripts.evaluation.token_scores import Spoken, TokenScore, score_tokens  # noqa: E402
from core_scripts.evaluation.units import cluster_frames, frames_to_units, random_units  # noqa: E402
from core_scripts.geometry.span import Span  # noqa: E402
from sandbox.block_bottleneck import Bottleneck  # noqa: E402
from sandbox.block_encoder import Encoder  # noqa: E402
from sandbox.block_features_decoder import FeaturesDecoder  # noqa: E402
from sandbox.block_jitter import Jitter  # noqa: E402
from sandbox.config_autoencoder import EncoderConfig, FeaturesDecoderConfig  # noqa: E402
from sandbox.config_bottleneck import KINDS, BottleneckConfig  # noqa: E402

CODES, DIM, CROP, BATCH, LR, LAST_LR, CLIP = 64, 32, 16, 32, 2e-3, 0.02, 1.0
JITTER_PER_SIDE, START_UTTERANCES = 0.06, 250
VAE_WEIGHT = 0.002  # 2 sigma**2 / 80: the error of 80 values per token has a variance of about 0.08
STEPS = {"vq-ema": 2850}
OTHER_STEPS = 1300
ENCODER = EncoderConfig(kernels=(5, 4, 3), strides=(1, 2, 1), channels=96, residual=False)
DECODER = FeaturesDecoderConfig(in_channels=DIM, channels=96, frames=FRAMES_PER_TOKEN, bands=40)

BOUNDS = {  # key: (bound, whether it is the least)
    "perplexity": (32.0, True), "digit_probe": (0.80, True), "speaker_pnmi_ratio": (0.7, False),
    "convert_vq_target": (0.60, True), "convert_ae_target": (0.35, False), "digit_kept": (0.60, True),
    "mse_in_order": (1.0, True),  # 1: the errors of ae, vae and vq-ema are in this order
}


class Autoencoder(nn.Module):
    """MFCC frames to log-mel frames by way of tokens, the decoder told the speaker or not."""

    def __init__(self, kind: str, speakers: int) -> None:
        super().__init__()
        self.encoder = Encoder(ENCODER)
        self.bottleneck = Bottleneck(BottleneckConfig(kind=kind, in_channels=ENCODER.channels, dim=DIM, codes=CODES))
        self.jitter = Jitter(JITTER_PER_SIDE)
        self.decoder = FeaturesDecoder(FeaturesDecoderConfig(**vars(DECODER) | {"speakers": speakers}))
        self.weight = VAE_WEIGHT if kind == "vae" else 1.0
        self.steps = STEPS.get(kind, OTHER_STEPS)

    def forward(self, frames: Tensor, speakers: Tensor) -> tuple[Tensor, Tensor]:
        """The mel frames and the bottleneck's loss."""
        tokens, out = self.bottleneck(self.encoder(frames), weight=self.weight)
        return self.decode(self.jitter(tokens), speakers), out.loss

    def decode(self, tokens: Tensor, speakers: Tensor) -> Tensor:
        """Who speaks is not passed on to a decoder that was built without."""
        return self.decoder(tokens, speakers if self.decoder.speaker is not None else None)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    score: TokenScore
    mse: float | None = None  # of the test takes, in variances of a log-mel value
    steps: int | None = None

    def __str__(self) -> str:
        error, steps = "-" if self.mse is None else f"{self.mse:.3f}", "-" if self.steps is None else self.steps
        return f"  {self.name:<22} {steps:>5} {error:>6} {self.score}"


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of fsdd, or the one it lies in; default $RECITAL_DATA, "
                        "else ../shared/data from the project root")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="medians of so many, default %(default)s")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), help="bottlenecks beside vq-ema, ae")
    parser.add_argument("--quick", action="store_true", help="a few steps, to see that the program works")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)  # the same sums on every machine with this CPU
    try:
        digits = Digits(find_data(options.data), (ENCODER.geometry, DECODER.geometry), CROP)
        found = [run_seed(digits, seed, options) for seed in range(1, options.seeds + 1)]
    except RecitalError as error:
        log.note(f"error: {error}")
        return error.exit_code
    results = {key: median(own[key] for own in found) for key in found[0]}
    faults = [f"{key} is {results[key]:.3f}, the bound {bound:g}" for key, (bound, is_least) in BOUNDS.items()
              if (results[key] < bound if is_least else results[key] > bound)]
    log.say(", ".join(f"{key} {value:.3f}" for key, value in results.items()))
    log.say(f"FAILED: {'; '.join(faults)}" if faults else "passed")
    if options.json:
        log.say(json.dumps({key: round(value, 4) for key, value in results.items()}))
    return 1 if faults else 0


def run_seed(digits: Digits, seed: int, options: argparse.Namespace) -> dict[str, float]:
    """Train every kind, score it, and tell the table; returns the figures that have bounds."""
    begun = time.process_time()
    speakers = len(digits.speakers)
    kinds = [kind for kind in KINDS if kind in {*options.kinds, "vq-ema", "ae"}]
    models = {kind: train(digits, kind, speakers, seed, options.quick) for kind in kinds}
    deaf = train(digits, "vq-ema", 0, seed, options.quick)
    trained = time.process_time() - begun
    scored = {kind: score_model(digits, kind, model, seed) for kind, model in models.items()}
    without = score_model(digits, "vq-ema, no speaker", deaf, seed)
    log.say(f"seed {seed}: {trained:.0f} CPU s of training\n"
            f"  {'':<22} {'steps':>5} {'MSE':>6} {TokenScore.HEADINGS}")
    for row in (*scored.values(), without, *score_baselines(digits, seed)):
        log.say(str(row))
    judge = make_judge(digits)
    told = {kind: convert(digits, judge, models[kind]) for kind in ("vq-ema", "ae")}
    for kind, score in told.items():
        log.say(f"  conversion by {kind}: target {score.target:.3f}, source {score.source:.3f}, digit kept "
                f"{score.content_kept:.3f}")
    log.say(f"  {time.process_time() - begun:.0f} CPU s in all")
    errors = [scored[kind].mse for kind in ("ae", "vae", "vq-ema") if kind in scored]
    return {
        "perplexity": scored["vq-ema"].score.perplexity,
        "digit_probe": scored["vq-ema"].score.content_probe,
        "speaker_pnmi_ratio": scored["vq-ema"].score.speaker_pnmi / without.score.speaker_pnmi,
        "convert_vq_target": told["vq-ema"].target,
        "convert_ae_target": told["ae"].target,
        "digit_kept": told["vq-ema"].content_kept,
        "mse_in_order": float(errors == sorted(errors)),
        "train_cpu_s": trained,
    }


def train(digits: Digits, kind: str, speakers: int, seed: int, is_quick: bool) -> Autoencoder:
    """The start of the codebook from whole utterances, then Adam along a cosine."""
    torch.manual_seed(seed)
    rng, begun = np.random.default_rng(seed), time.process_time()
    model = Autoencoder(kind, speakers)
    steps = model.steps = 20 if is_quick else model.steps
    chosen = [digits.train[which].frames[None] for which in rng.permutation(len(digits.train))[:START_UTTERANCES]]
    with torch.no_grad():
        model.bottleneck.start(torch.cat([model.encoder(frames)[0] for frames in chosen]), seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=LR, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=LR * LAST_LR)
    for _ in range(steps):
        frames, mel, inside, who = digits.draw(rng, BATCH)
        made, extra_loss = model(frames, who)
        loss = (made - mel)[inside].square().mean() + extra_loss
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        schedule.step()
    log.note(f"seed {seed}, {kind}{'' if speakers else ', no speaker'}: {steps} steps, last error {loss.item():.3f}, "
             f"{time.process_time() - begun:.0f} CPU s")
    return model.eval()


@torch.no_grad()
def read_tokens(digits: Digits, model: Autoencoder, own: Utterance) -> tuple[Tensor, np.ndarray, np.ndarray | None]:
    """All tokens for the decoder (1, L, D), and of those that cover the file the inner values and the codes."""
    tokens, out = model.bottleneck(model.encoder(own.frames[None]))
    core = slice(digits.margin, digits.margin + own.tokens)
    return tokens, out.latents[0, core].numpy(), None if out.codes is None else out.codes[0, core].numpy()


@torch.no_grad()
def make_mel(model: Autoencoder, tokens: Tensor, speaker: int, own: Utterance) -> Tensor:
    """The log-mel frames that cover the file, (2 * tokens, 40), normalised."""
    return model.decode(tokens, torch.tensor([speaker]))[0, : FRAMES_PER_TOKEN * own.tokens]


def score_model(digits: Digits, name: str, model: Autoencoder, seed: int) -> Row:
    """What its tokens carry, and how well it reconstructs the test takes."""
    read = [[read_tokens(digits, model, own) for own in side] for side in (digits.train, digits.test)]
    squares, count = 0.0, 0
    for own, (tokens, _, _) in zip(digits.test, read[1], strict=True):
        error = make_mel(model, tokens, own.speaker, own) - own.mel[: FRAMES_PER_TOKEN * own.tokens]
        squares, count = squares + error.square().sum().item(), count + error.numel()
    which = 2 if model.bottleneck.config.is_discrete else 1
    values = tuple([own[which] for own in side] for side in read)
    score = score_tokens(values, describe(digits), model.bottleneck.config.codes_count, seed)
    return Row(name, score, squares / count, model.steps)


def describe(digits: Digits) -> tuple[Spoken, Spoken]:
    """What is known of the training and of the test takes."""
    return tuple(
        Spoken([own.digit for own in side], [own.speaker for own in side],
               [own.mel[: 2 * own.tokens].view(own.tokens, -1).mean(1).numpy() for own in side],
               sum(own.seconds for own in side)) for side in (digits.train, digits.test))


def score_baselines(digits: Digits, seed: int) -> list[Row]:
    """MFCC themselves, k-means of them, and codes that carry nothing, at the rate of the tokens."""
    first, spoken = FRAMES_PER_TOKEN * digits.margin - digits.encoder.needs(Span(0, 1)).start, describe(digits)
    frames = [[own.frames[first : first + 2 * own.tokens].view(own.tokens, -1, 39).mean(1).numpy() for own in side]
              for side in (digits.train, digits.test)]
    rows = [Row("MFCC39", score_tokens(tuple(frames), spoken, 0, seed))]
    for dim in (13, 39):
        narrow = [[own[:, :dim] for own in side] for side in frames]
        centroids = cluster_frames(narrow[0], CODES, seed)
        units = tuple(frames_to_units(side, centroids) for side in narrow)
        rows.append(Row(f"k-means on MFCC{dim}", score_tokens(units, spoken, CODES, seed)))
    units = tuple(random_units([own.tokens for own in side], CODES, seed + number)
                  for number, side in enumerate((digits.train, digits.test)))
    return [*rows, Row("random codes", score_tokens(units, spoken, CODES, seed))]


def natural_mel(digits: Digits, mel: Tensor) -> np.ndarray:
    """Without the normalisation."""
    return (mel * digits.statistics.mel[1] + digits.statistics.mel[0]).numpy()


def make_judge(digits: Digits) -> Judge:
    """Trained on the natural training takes, and told how well it hears the test takes."""
    mels, speakers, words = ({kind: [get(own) for own in getattr(digits, kind)] for kind in ("train", "test")}
                             for get in (lambda own: natural_mel(digits, own.mel[: 2 * own.tokens]),
                                         lambda own: own.speaker, lambda own: own.digit))
    judge = fit_judge(mels["train"], speakers["train"], words["train"])
    natural = score_conversion(judge, mels["test"], speakers["test"], speakers["test"], words["test"])
    log.say(f"  the judge on natural test takes: speaker {natural.target:.3f}, digit {natural.content_kept:.3f}")
    return judge


def convert(digits: Digits, judge: Judge, model: Autoencoder) -> ConversionScore:
    """Every test take with another speaker's number in the decoder."""
    others = len(digits.speakers) - 1
    targets = [(own.speaker + 1 + which % others) % (others + 1) for which, own in enumerate(digits.test)]
    mels = [natural_mel(digits, make_mel(model, read_tokens(digits, model, own)[0], target, own))
            for own, target in zip(digits.test, targets, strict=True)]
    return score_conversion(judge, mels, targets, [own.speaker for own in digits.test],
                            [own.digit for own in digits.test])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
