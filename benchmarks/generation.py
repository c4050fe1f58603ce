"""How fast samples are generated: the native engine beside the eager and the naive one, and beside what a core can do.

One thread on one core, its CPU time; engines and yardsticks take turns. The floor of a step is the larger of reading
the weights once and of its multiply-adds, both as fast as this core does them in the same round.
"""
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.measuring import describe, make_parser, tell_results, time_rounds  # noqa: E402
from benchmarks.yardsticks import Yardsticks  # noqa: E402
from core_scripts.generation.choosing import open_session  # noqa: E402
from core_scripts.generation.options import AUTO, GenerationOptions  # noqa: E402
from core_scripts.generation.sampling import utterance_uniforms  # noqa: E402
from core_scripts.generation.stepper import Drawing, Piece, Session  # noqa: E402
from core_scripts.progress import Progress  # noqa: E402
from sandbox.block_wavenet import WaveNet  # noqa: E402
from sandbox.config_wavenet import WAVENET_PRESETS, WaveNetConfig  # noqa: E402

RATE_HZ = 16000
SIZES = WAVENET_PRESETS | {"ae": WaveNetConfig(residual_channels=368, gate_channels=256, skip_channels=256)}
BATCHES = (1, 8, 32)
PRECISIONS = {"fp32": 4, "bf16": 2}  # bytes per weight
ROWS = 8  # that the engine takes through the network together
WORK = 2e9  # multiply-adds per measurement: tens of milliseconds
EAGER_STEPS, NAIVE_STEPS = 24, 2
# Share of the floor, since absolute speeds are the machine's; ratios to torch on the machine they were measured on.
TARGETS = {"standard_fp32_b1_share_of_floor": 0.65, "standard_bf16_b1_share_of_floor": 0.65,
           "small_fp32_b1_share_of_floor": 0.65, "small_bf16_b1_share_of_floor": 0.65,
           "standard_fp32_b1_ratio_eager": 9.0, "standard_bf16_b1_ratio_eager": 16.0,
           "standard_fp32_b1_ratio_naive": 1000.0}


@dataclass(frozen=True)
class Load:
    """A model with weights and frames from a seed, and a batch."""

    config: WaveNetConfig
    model: WaveNet
    batch: int
    variant: str

    @classmethod
    def of(cls, config: WaveNetConfig, batch: int, variant: str = AUTO) -> "Load":
        torch.manual_seed(0)
        model = WaveNet(config).eval()
        with torch.no_grad():
            model.logits.weight.mul_(4)  # a distribution that is not flat
        return cls(config, model, batch, variant)

    @property
    def products(self) -> int:
        """Multiply-adds per sample, conditioning left out, as it is computed once per frame."""
        net = self.config
        layer = net.kernel_size * net.residual_channels * 2 * net.gate_channels + net.gate_channels * net.skip_channels
        between = (net.layers - 1) * net.gate_channels * net.residual_channels
        return net.layers * layer + between + net.post_channels * (net.skip_channels + net.levels)

    @property
    def steps(self) -> int:
        """Samples per measurement."""
        return max(16, int(WORK / self.products / self.batch))

    def engine(self, name: str, precision: str, steps: int) -> Callable[[], object]:
        """A function that generates the next `steps` samples of each utterance, the beginning being done."""
        options = GenerationOptions(name, precision=precision, variant=self.variant, threads=1)
        frames = torch.randn(self.batch, sum(self.config.frame_context()) + -(-steps // self.config.hop),
                             self.config.cond_channels, generator=torch.Generator().manual_seed(1))
        uniforms = utterance_uniforms(1, [str(row) for row in range(self.batch)], [steps] * self.batch)
        drawing = Drawing.of(self.model, 1.0, Progress("benchmark", steps, "sample", quiet=True))
        session: Session = open_session(self.model, drawing, options, frames)

        @torch.inference_mode()
        def run() -> None:
            session.advance(Piece(0, frames, uniforms, (steps,) * self.batch))

        return run

    def floor_seconds(self, width: int, read: float, multiply: float) -> float:
        """CPU time of one step of all utterances, at `read` bytes and `multiply` products a second; width: bytes."""
        groups = [min(ROWS, self.batch - first) for first in range(0, self.batch, ROWS)]
        return sum(max(self.products * width / read, rows * self.products / multiply) for rows in groups)


def measure(name: str, load: Load, rounds: int, yardsticks: Yardsticks) -> dict[str, float]:
    """Speeds, ratios and shares of one size and batch; tells the details."""
    steps, eager_steps = load.steps, min(load.steps, EAGER_STEPS)
    runs = {precision: load.engine("native", precision, steps) for precision in PRECISIONS}
    runs["eager"] = load.engine("eager", "fp32", eager_steps)
    sizes = {f"read {precision}": load.products * width for precision, width in PRECISIONS.items()}
    with_naive = name == "standard" and load.batch == 1
    if with_naive:
        runs["naive"] = load.engine("naive", "fp32", NAIVE_STEPS)
    seconds = time_rounds(runs | yardsticks.variants(sizes), rounds)
    kept = yardsticks.steady_rounds(seconds)
    results: dict[str, float] = {}
    for precision, width in PRECISIONS.items():
        each = [seconds[precision][number] / steps for number in kept]  # of one step of all utterances
        speeds = [load.batch / value / RATE_HZ for value in each]
        floors = [load.floor_seconds(width, yardsticks.read_rate(seconds[f"read {precision}"][number],
                                                                 sizes[f"read {precision}"]),
                                     yardsticks.multiply_rate(seconds, number, precision)) for number in kept]
        shares = [floor / value for floor, value in zip(floors, each, strict=True)]
        ratios = [seconds["eager"][number] / eager_steps / value for number, value in zip(kept, each, strict=True)]
        key = f"{name}_{precision}_b{load.batch}"
        results |= {f"{key}_xrt": median(speeds), f"{key}_ratio_eager": median(ratios),
                    f"{key}_share_of_floor": median(shares)}
        print(f"{key:18} {describe(speeds)} x real time, {describe(shares)} of the floor, "
              f"{describe(ratios, 1)} x eager", flush=True)
        if with_naive and precision == "fp32":
            naive = [seconds["naive"][number] / NAIVE_STEPS / value for number, value in zip(kept, each, strict=True)]
            results[f"{key}_ratio_naive"] = median(naive)
            print(f"{key:18} {describe(naive, 0)} x naive", flush=True)
    return results


def measure_two_cores(load: Load, rounds: int) -> float:
    """x real time of two threads with a batch each, by the CPU time that each of them took."""
    runs = [load.engine("native", "bf16", load.steps) for _ in range(2)]
    speeds = []
    cores = sorted(os.sched_getaffinity(0)) * 2
    for number in range(rounds + 1):
        taken = [0.0, 0.0]

        def work(place: int, taken: list[float] = taken) -> None:
            os.sched_setaffinity(0, {cores[place]})  # of this thread
            begun = time.thread_time()
            runs[place]()
            taken[place] = time.thread_time() - begun

        threads = [threading.Thread(target=work, args=(place,)) for place in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if number:
            speeds.append(sum(load.steps * load.batch / value / RATE_HZ for value in taken))
    print(f"standard_bf16_2cores_16  {describe(speeds)} x real time", flush=True)
    return median(speeds)


def main(argv: list[str] | None = None) -> int:
    """Returns 1 if a target is not met, unless sizes are those of --quick, which tell nothing."""
    parser = make_parser(__doc__, rounds=7)
    parser.add_argument("--sizes", nargs="+", choices=tuple(SIZES), default=tuple(SIZES), help="(default: all)")
    parser.add_argument("--core", type=int, default=-1, metavar="N", help="to measure on (default: the last one)")
    parser.add_argument("--variant", default=AUTO, metavar="NAME", help="of the native engine (default: the fastest)")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    cores, results = sorted(os.sched_getaffinity(0)), {}
    yardsticks = Yardsticks()
    sizes = {name: SIZES[name] for name in args.sizes}
    if args.quick:
        sizes = {name: replace(config, layers=4, dilation_cycle=2, residual_channels=16, gate_channels=16)
                 for name, config in sizes.items()}
    if "standard" in sizes:
        load = Load.of(sizes["standard"], 8, args.variant)
        results["standard_bf16_2cores_16_xrt"] = measure_two_cores(load, args.rounds)
    os.sched_setaffinity(0, {cores[args.core]})
    for name, config in sizes.items():
        for batch in BATCHES:
            results |= measure(name, Load.of(config, batch, args.variant), args.rounds, yardsticks)
    os.sched_setaffinity(0, set(cores))
    met = tell_results(results, {key: target for key, target in TARGETS.items() if key in results}, args.json)
    return 0 if met or args.quick else 1


if __name__ == "__main__":
    sys.exit(main())
