"""docs/MATHS.md against the code: the page is read, and its tables and numbers are computed anew."""
import math
import re
from pathlib import Path

import numpy as np
import pytest

from core_scripts.corpus.ar2 import Ar2Process
from core_scripts.evaluation.autoregression import least_squares
from core_scripts.geometry.chain import Chain
from core_scripts.geometry.ops import TransposedConv
from core_scripts.geometry.span import Span
from sandbox.block_wavenet import WaveNet
from sandbox.config_wavenet import WaveNetConfig

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "MATHS.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    """The cells of the table whose first line begins so."""
    lines = PAGE.split(f"| {heading}", 1)[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def number_after(text: str) -> float:
    found = re.search(re.escape(text) + r"\s*(-?[\d.,]*\d)", PAGE)
    assert found, text
    return float(found[1].replace(",", ""))


@pytest.mark.parametrize("row", table("blocks x layers"), ids=lambda row: row[0])
def test_receptive_fields_of_blocks(row):
    blocks, layers = map(int, row[0].split(" x "))
    config = WaveNetConfig(layers=blocks * layers, dilation_cycle=layers)
    assert config.receptive_field == blocks * (2**layers - 1) + 1 == int(row[1])
    assert float(row[2]) == pytest.approx(1000 * config.receptive_field / 16000, abs=0.051)


@pytest.mark.parametrize("row", table("model | K"), ids=lambda row: row[0])
def test_parameters_of_plain_stacks(row):
    k, r, g, s, layers, parameters, gamma = map(int, row[1:])
    net = WaveNet(WaveNetConfig(layers=layers, residual_channels=r, gate_channels=g, skip_channels=s, post_channels=s,
                                codes=k, cond_channels=0, input_bias=True, plain_biases=True))
    formula = k * r + r + layers * (4 * r * g + g * s + s + g * r + r) + s * s + s + s * k + k
    assert sum(value.numel() for value in net.parameters()) == formula == parameters
    assert gamma == round(parameters / layers)


@pytest.mark.parametrize("row", table("strides"), ids=lambda row: row[0])
def test_spans_of_transposed_convolutions(row):
    strides, kernels = ([int(part) for part in cell.split(", ")] for cell in row[:2])
    chain = Chain(tuple(TransposedConv(kernel, stride, kernel - stride)
                        for kernel, stride in zip(kernels, strides, strict=True)))
    reached = sum(len(chain.needs(Span(at, at + 1))) for at in range(int(row[2])))
    assert math.prod(strides) == int(row[2]) and reached == int(row[3])  # Span / hop inputs per output, on average


def test_entropies_and_distances():
    assert number_after("ln 256 nats |") == pytest.approx(math.log(256), abs=5e-4)
    assert number_after("log2 10 bits |") == pytest.approx(math.log2(10), abs=5e-4)
    apart = np.abs(np.arange(256)[:, None] - np.arange(256)).mean()
    assert number_after("(K^2 - 1) / (3 K) |") == pytest.approx(apart, abs=5e-3)


def test_figures_of_the_ar2_process():
    process = Ar2Process()
    assert number_after("which is") == pytest.approx(process.variance, abs=5e-5)
    assert number_after("1/2 ln(2 pi e sigma^2):") == pytest.approx(process.entropy_rate, abs=5e-5)
    assert number_after("nats or") == pytest.approx(process.entropy_rate / math.log(2), abs=5e-5)
    roots = np.roots([1, -process.a, -process.b])
    assert [number_after("they are"), number_after("and -")] == pytest.approx([max(roots), -min(roots)], abs=5e-5)
    error = math.sqrt((1 - process.b**2) / process.samples)
    assert number_after("sigma and a are,") == pytest.approx(error, abs=5e-6)


def test_the_covariance_of_least_squares_is_the_one_on_the_page():
    process, runs = Ar2Process(samples=1000), 60
    found = []
    for number in range(runs):
        coefficients = least_squares([process.series(number)]).coefficients
        found.append([coefficients["a"] - process.a, coefficients["b"] - process.b])
    a, b = process.a, process.b
    expected = np.array([[1 - b**2, -a * (1 + b)], [-a * (1 + b), 1 - b**2]])
    np.testing.assert_allclose(np.cov(np.array(found).T) * process.samples, expected, atol=4 * np.sqrt(2 / runs) * 0.75)
