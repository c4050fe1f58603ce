"""How fast the house's WaveNet trains beside a plain Conv1d one: forward, loss and backward, one thread, same crops."""
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.measuring import Seconds, describe, make_parser, ratios, tell_results, time_rounds  # noqa: E402
from benchmarks.plain_wavenet import PlainWaveNet  # noqa: E402
from sandbox.block_wavenet import WaveNet  # noqa: E402
from sandbox.config_wavenet import WAVENET_PRESETS, WaveNetConfig  # noqa: E402

SAMPLES = 8000  # predictions per crop, one crop per step
TARGETS = {"small_fp32_ratio": 1.10, "standard_fp32_ratio": 1.05, "small_bf16_ratio": 1.7, "standard_bf16_ratio": 1.7}


def make_crop(config: WaveNetConfig, samples: int) -> tuple[Tensor, Tensor]:
    """Codes (1, R + samples) and frames for so many predictions, from a seed."""
    generator = torch.Generator().manual_seed(1)
    frames = sum(config.frame_context()) + -(-samples // config.hop)
    codes = torch.randint(config.levels, (1, config.receptive_field + samples), generator=generator)
    return codes, torch.randn(1, frames, config.cond_channels, generator=generator)


def make_variants(config: WaveNetConfig, samples: int) -> dict[str, Callable[[], float]]:
    """One training step less the update, of each layout in each precision; each returns its loss."""
    torch.manual_seed(0)
    ours, plain = WaveNet(config), PlainWaveNet(config)
    plain.take_weights(ours)
    codes, frames = make_crop(config, samples)
    lengths = torch.tensor([samples])

    def step(model: torch.nn.Module, compute: Callable[[], Tensor], is_bf16: bool) -> float:
        with torch.autocast("cpu", torch.bfloat16, enabled=is_bf16):
            loss = compute()
        loss.backward()
        model.zero_grad()
        return loss.item()

    return {
        "plain fp32": lambda: step(plain, lambda: plain.loss(codes, frames), False),
        "ours fp32": lambda: step(ours, lambda: ours.loss(codes, frames, lengths), False),
        "plain bf16": lambda: step(plain, lambda: plain.loss(codes, frames), True),
        "ours bf16": lambda: step(ours, lambda: ours.loss(codes, frames, lengths), True),
    }


def describe_speed(name: str, seconds: Seconds, samples: int) -> str:
    """A line per variant: thousands of samples per second of CPU time, and how often faster than plain fp32."""
    lines = [f"{name}: 1 x {samples} samples"]
    for variant, times in seconds.items():
        speed = describe([samples / 1000 / value for value in times], 1)
        lines.append(f"  {variant:10}  {speed:24} ksamples/s  ratio {describe(ratios(seconds, 'plain fp32', variant))}")
    return "\n".join(lines)


def measure(name: str, config: WaveNetConfig, samples: int, rounds: int) -> dict[str, float]:
    """The two ratios of one preset; tells the details."""
    seconds = time_rounds(make_variants(config, samples), rounds)
    print(describe_speed(name, seconds, samples), flush=True)
    middle = {kind: sorted(ratios(seconds, "plain fp32", f"ours {kind}"))[rounds // 2] for kind in ("fp32", "bf16")}
    return {f"{name}_{kind}_ratio": value for kind, value in middle.items()}


def main(argv: list[str] | None = None) -> int:
    """Returns 1 if a target is not met, unless sizes are those of --quick, which tell nothing."""
    parser = make_parser(__doc__, rounds=7)
    parser.add_argument("--presets", nargs="+", choices=tuple(WAVENET_PRESETS), default=tuple(WAVENET_PRESETS),
                        help="sizes to measure (default: all)")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    results: dict[str, float] = {}
    for name in args.presets:
        config, samples = WAVENET_PRESETS[name], SAMPLES
        if args.quick:
            config, samples = replace(config, layers=4, dilation_cycle=2), 160
        results |= measure(name, config, samples, args.rounds)
    met = tell_results(results, {key: target for key, target in TARGETS.items() if key in results}, args.json)
    return 0 if met or args.quick else 1


if __name__ == "__main__":
    sys.exit(main())
