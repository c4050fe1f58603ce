"""What benchmarks share: interleaved rounds on this thread's CPU clock, quartiles of ratios, how results are told.

Other processes of a machine slow all variants of a round alike, so only ratios within a round are trusted.
"""
import json
import time
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from statistics import median, quantiles

Seconds = dict[str, list[float]]


def time_rounds(variants: Mapping[str, Callable[[], object]], rounds: int) -> Seconds:
    """CPU seconds of this thread for each variant in each round, A B C A B C ...; one more round before warms up."""
    seconds: Seconds = {name: [] for name in variants}
    for number in range(rounds + 1):
        for name, run in variants.items():
            begun = time.thread_time()
            run()
            if number:
                seconds[name].append(time.thread_time() - begun)
    return seconds


def ratios(seconds: Seconds, slow: str, fast: str) -> list[float]:
    """How many times faster `fast` was, round by round."""
    return [one / other for one, other in zip(seconds[slow], seconds[fast], strict=True)]


def describe(values: list[float], digits: int = 2) -> str:
    """The median, and the quartiles in brackets where there are enough values for them."""
    if len(values) < 3:
        return f"{median(values):.{digits}f}"
    low, _, high = quantiles(values, n=4, method="inclusive")
    return f"{median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def make_parser(description: str, rounds: int) -> ArgumentParser:
    """The options that every benchmark has."""
    parser = ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=rounds, metavar="N", help=f"measured rounds (default {rounds})")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that the program works")
    parser.add_argument("--json", action="store_true", help="results as one JSON object in the last line")
    return parser


def tell_results(
    results: Mapping[str, float], targets: Mapping[str, float], as_json: bool, *, less_is_better: bool = False
) -> bool:
    """A line for each result that has a target, then the JSON object if it is wanted; returns whether all are met."""
    all_met = True
    for key, target in targets.items():
        met = results[key] <= target if less_is_better else results[key] >= target
        all_met &= met
        bound = "at most" if less_is_better else "target"
        print(f"{key} {results[key]:.2f}, {bound} {target:g}: {'met' if met else 'NOT met'}")
    if as_json:
        print(json.dumps({key: round(value, 4) for key, value in results.items()}))
    return all_met
