"""Random chains of all kinds against torch in float64: supports and values of the gradient, crops against the whole."""
import random
from fractions import Fraction
from math import ceil

import pytest
import torch
from torch.nn import functional

from core_scripts.geometry.chain import Chain
from core_scripts.geometry.ops import Conv, Frame, TransposedConv
from core_scripts.geometry.span import Span

CHAINS_PER_SEED = 30
SEEDS = (11, 12, 13, 14, 15)
LENGTH = 48  # samples of the crop
MARGIN = 150  # samples on each side that stand for infinity; the widest chain below reaches less far


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def random_op(dice):
    kind = dice.choice(("conv", "conv", "transposed", "frame"))
    if kind == "conv":
        return Conv(dice.randint(1, 4), dice.randint(1, 3), dice.randint(1, 3), dice.randint(0, 5))
    stride = dice.randint(1, 4)
    if kind == "frame":
        return Frame(dice.randint(1, 6), stride, dice.randint(-4, 3))
    kernel = stride + dice.randint(0, 6)
    return TransposedConv(kernel, stride, dice.randint(0, min(kernel, 5)))


def random_chains(seed):
    """Chains of 2 to 4 operations that torch can run on LENGTH samples, and whose lengths stay small."""
    dice = random.Random(seed)
    chains = []
    while len(chains) < CHAINS_PER_SEED:
        chain = Chain([random_op(dice) for _ in range(dice.randint(2, 4))])
        lengths = computed_lengths(chain)
        if Fraction(1, 12) <= chain.rate and min(lengths) >= 1 and max(lengths) <= 12 * LENGTH:
            chains.append(chain)
    return chains


def random_weights(chain, seed):
    """Positive, so that nothing cancels; irregular, so that a missing tap changes the value."""
    generator = torch.Generator().manual_seed(seed)
    sizes = [op.window if isinstance(op, Frame) else op.kernel for op in chain.ops]
    return [torch.rand(1, 1, size, generator=generator, dtype=torch.float64) + 0.5 for size in sizes]


def run_layer(op, signal, weight, zeros):
    """The layer as torch has it. With `zeros` it pads as told and output 0 is position 0; else valid outputs only."""
    if isinstance(op, Conv):
        padding = op.padding if zeros else 0
        return functional.conv1d(signal, weight, stride=op.stride, dilation=op.dilation, padding=padding)
    if isinstance(op, TransposedConv):
        padding = op.padding if zeros else op.kernel - op.stride
        return functional.conv_transpose1d(signal, weight, stride=op.stride, padding=padding)
    signal = functional.pad(signal, (-op.offset, 0)) if zeros else signal  # a positive offset cuts
    return (signal.unfold(-1, op.window, op.hop) * weight[..., None, :]).sum(-1)


def run_padded(chain, signal, weights):
    for op, weight in zip(chain.ops, weights, strict=True):
        signal = run_layer(op, signal, weight, zeros=True)
    return signal


def jacobian_rows(chain, weights, length, first, count):
    """d output[first + r] / d input for r < count: (count, length), by autograd."""
    signal = torch.zeros(1, 1, length, dtype=torch.float64, requires_grad=True)
    outputs = run_padded(chain, signal, weights)[0, 0, first:first + count]
    rows = torch.autograd.grad(outputs, signal, torch.eye(count, dtype=torch.float64), is_grads_batched=True)[0]
    return rows[:, 0, 0]


def computed_length(op, length):
    """How many outputs torch computes with the padding of the operation."""
    if isinstance(op, Conv):
        return max(0, (length + 2 * op.padding - op.dilation * (op.kernel - 1) - 1) // op.stride + 1)
    if isinstance(op, TransposedConv):
        return (length - 1) * op.stride - 2 * op.padding + op.kernel
    return (length - op.offset - op.window) // op.hop + 1


def computed_lengths(chain):
    lengths = [LENGTH]
    for op in chain.ops:
        lengths.append(computed_length(op, lengths[-1]) if lengths[-1] > 0 else 0)
    return lengths


def infinite_rows(chain, weights, count):
    """Rows of outputs 0 ... count - 1 in a signal that goes on to both sides: (count, margin + LENGTH + margin)."""
    inputs_per_period = int(chain.period / chain.rate)
    periods = ceil(MARGIN / inputs_per_period)
    margin = periods * inputs_per_period
    return jacobian_rows(chain, weights, LENGTH + 2 * margin, periods * chain.period, count), margin


def hull(row):
    positions = row.nonzero().flatten().tolist()
    return Span(positions[0], positions[-1] + 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_needs_are_the_support_and_gives_the_unharmed_outputs_of_random_chains(seed):
    whole, harmed = 0, 0
    for number, chain in enumerate(random_chains(seed)):
        weights = random_weights(chain, number)
        computed, valid = computed_lengths(chain), Span(0, LENGTH)
        for op, length in zip(chain.ops, computed[1:], strict=True):
            valid = op.gives(valid).intersect(Span(0, length))  # torch's own padding may cut valid ones away
        rows, margin = infinite_rows(chain, weights, computed[-1])
        crop = jacobian_rows(chain, weights, LENGTH, 0, computed[-1])
        for j, (infinite, finite) in enumerate(zip(rows, crop, strict=True)):
            assert hull(infinite).shift(-margin) == chain.needs(Span(j, j + 1)), (chain, j)
            same = torch.allclose(functional.pad(finite, (margin, margin)), infinite, rtol=1e-12, atol=0)
            assert same == (j in valid), (chain, j, valid)
        whole += len(valid)
        harmed += computed[-1] - len(valid)
    assert whole > 300 and harmed > 100  # the comparison has seen both


@pytest.mark.parametrize("seed", SEEDS)
def test_a_planned_crop_gives_the_outputs_of_the_whole_signal(seed):
    for number, chain in enumerate(random_chains(seed + 100)):
        weights = random_weights(chain, number)
        inputs_per_period = int(chain.period / chain.rate)
        periods = ceil(MARGIN / inputs_per_period)
        plan = chain.plan(6, phase=periods * chain.period + number % chain.period)
        length = plan.input.stop + MARGIN
        signal = torch.rand(1, 1, length, generator=torch.Generator().manual_seed(number), dtype=torch.float64)
        expected = run_padded(chain, signal, weights)[..., plan.output.start:plan.output.stop]
        crop = signal[..., plan.input.within(Span(0, length))]
        for op, weight, made, (left, right) in zip(chain.ops, weights, plan.computed, plan.trims, strict=True):
            crop = run_layer(op, crop, weight, zeros=False)
            assert crop.shape[-1] == len(made), (chain, op)
            crop = crop[..., left:crop.shape[-1] - right]
        assert torch.allclose(crop, expected, rtol=1e-12, atol=0), chain


@pytest.mark.parametrize("kernel, stride", [(25, 5), (16, 4), (16, 2), (7, 5), (5, 5), (4, 2), (3, 1), (9, 4)])
def test_valid_outputs_of_a_transposed_convolution_are_those_of_the_formula(kernel, stride):
    for padding in range(kernel - stride + 1):
        for n in (8, 9):
            op = TransposedConv(kernel, stride, padding)
            length = (n - 1) * stride - 2 * padding + kernel
            rows = jacobian_rows(Chain((op,)), [torch.ones(1, 1, kernel, dtype=torch.float64)], n, 0, length)
            full = [(kernel - 1 - (j + padding) % stride) // stride + 1 for j in range(length)]
            valid = [j for j in range(length) if int((rows[j] != 0).sum()) == full[j]]
            start, stop = max(0, kernel - stride - padding), min(length, n * stride - padding)
            assert valid == list(range(start, stop)), (op, n)
            assert op.gives(Span(0, n)) == Span(start, stop)
            assert stop - start == (n + 1) * stride - kernel
