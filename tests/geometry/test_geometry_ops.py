"""Each operation against brute force: lists of (output, input) pairs written down from its definition."""
from fractions import Fraction
from itertools import product

import pytest

from core_scripts.errors import ConfigError
from core_scripts.geometry.drawing import draw
from core_scripts.geometry.ops import Conv, Frame, TransposedConv, causal, delay, linear, repeat
from core_scripts.geometry.span import Span

INPUTS = range(-60, 61)  # stands for all integers; outputs are looked at well inside
OUTPUTS = range(-9, 10)

CONVS = [Conv(*numbers) for numbers in product((1, 2, 3, 5), (1, 2, 3), (1, 2, 4), (-2, 0, 1, 5))]
TRANSPOSED = [TransposedConv(kernel, stride, padding)
              for kernel, stride, padding in product(range(1, 9), range(1, 6), (-1, 0, 1, 2, 3, 6)) if kernel >= stride]
FRAMES = [Frame(*numbers) for numbers in product((1, 2, 4, 7), (1, 2, 3, 5), (-3, -1, 0, 2))]
ALL = CONVS + TRANSPOSED + FRAMES


def inputs_of_each_output(op):
    """{output: set of inputs} from the definition of the operation, by visiting every tap."""
    inputs = {}
    if isinstance(op, TransposedConv):
        for i, tap in product(INPUTS, range(op.kernel)):
            inputs.setdefault(i * op.stride + tap - op.padding, set()).add(i)
        return inputs
    for j in OUTPUTS:
        if isinstance(op, Conv):
            inputs[j] = {j * op.stride - op.padding + op.dilation * tap for tap in range(op.kernel)}
        else:
            inputs[j] = {j * op.hop + op.offset + n for n in range(op.window)}
    return inputs


@pytest.mark.parametrize("ops", [CONVS, TRANSPOSED, FRAMES], ids=["conv", "transposed", "frame"])
def test_taps_and_needs_equal_brute_force(ops):
    for op in ops:
        inputs = inputs_of_each_output(op)
        for j in OUTPUTS:
            assert set(op.taps(j)) == inputs[j], (op, j)
        for start, length in product((-9, -2, 0, 3), (1, 2, 5)):
            wanted = set().union(*(inputs[j] for j in range(start, start + length)))
            assert op.needs(Span(start, start + length)) == Span(min(wanted), max(wanted) + 1), (op, start, length)


@pytest.mark.parametrize("ops", [CONVS, TRANSPOSED, FRAMES], ids=["conv", "transposed", "frame"])
def test_gives_are_just_the_outputs_whose_inputs_are_all_there(ops):
    for op in ops:
        inputs = inputs_of_each_output(op)
        for start, length in product((-5, -1, 0, 2), (0, 1, 2, 3, 7)):
            given = op.gives(Span(start, start + length))
            there = set(range(start, start + length))
            supported = {j for j in OUTPUTS if inputs[j] <= there}
            assert {j for j in OUTPUTS if j in given} == supported, (op, start, length)


def test_outputs_are_given_by_what_they_need_and_by_no_less():
    for op, start, length in product(ALL, (-4, 0, 5), (1, 2, 6)):
        out = Span(start, start + length)
        inp = op.needs(out)
        assert out.intersect(op.gives(inp)) == out
        assert out.intersect(op.gives(Span(inp.start + 1, inp.stop))) != out
        assert out.intersect(op.gives(Span(inp.start, inp.stop - 1))) != out


def test_rate_is_the_shift_of_outputs_per_shift_of_inputs():
    for op in ALL:
        shift_in, shift_out = op.rate.denominator, op.rate.numerator
        for j in OUTPUTS:
            assert [i + shift_in for i in op.taps(j)] == list(op.taps(j + shift_out))


def test_centre_is_the_middle_of_the_taps():
    for op, j in product(CONVS + FRAMES, OUTPUTS):
        taps = op.taps(j)
        assert op.centre(j) == Fraction(taps[0] + taps[-1], 2)
        assert op.centre(j) == Fraction(sum(taps), len(taps))


def test_centre_of_a_transposed_convolution_is_the_mean_middle_over_a_stride():
    for op, first in product((op for op in TRANSPOSED if op.kernel % op.stride == 0), OUTPUTS):
        block = range(first, first + op.stride)
        middles = [Fraction(op.taps(j)[0] + op.taps(j)[-1], 2) for j in block]
        assert sum(op.centre(j) for j in block) == sum(middles)


def test_centre_of_a_transposed_convolution_inverts_the_middle_of_each_input():
    for op, i in product(TRANSPOSED, INPUTS):
        outputs = [i * op.stride + tap - op.padding for tap in range(op.kernel)]
        assert op.centre(Fraction(sum(outputs), len(outputs))) == i


@pytest.mark.parametrize("kernel, stride, offset", [(25, 5, 8), (16, 4, Fraction(9, 2)), (16, 2, Fraction(13, 2))])
def test_centre_offset_of_output_zero_is_half_of_kernel_minus_two_strides_plus_one(kernel, stride, offset):
    op = TransposedConv(kernel, stride, kernel - stride)
    assert op.centre(0) * stride == offset == Fraction(kernel - 2 * stride + 1, 2)


def test_transposed_convolution_by_whole_strides_uses_whole_blocks():
    for stride, m, j in product(range(1, 6), range(1, 5), OUTPUTS):
        op = TransposedConv(m * stride, stride, (m - 1) * stride)
        assert list(op.taps(j)) == list(range(j // stride, j // stride + m))
        assert all(len(op.gives(Span(0, n))) == (n + 1 - m) * stride for n in range(m, 9))


def test_number_of_taps_of_a_phase_follows_the_formula():
    for op, j in product(TRANSPOSED, OUTPUTS):
        phase = (j + op.padding) % op.stride
        assert len(op.taps(j)) == (op.kernel - 1 - phase) // op.stride + 1


def test_causal_convolution_ends_at_its_own_position_and_delay_looks_back():
    for kernel, dilation, j in product((1, 2, 3), (1, 2, 8), OUTPUTS):
        assert causal(kernel, dilation).taps(j)[-1] == j
        assert causal(kernel, dilation).gives(Span(0, 40)) == Span(dilation * (kernel - 1), 40)
    assert list(delay(3).taps(10)) == [7] and list(delay(-2).taps(10)) == [12]


def test_aligned_frames_are_centred_on_their_hop():
    for hop, half in product(range(1, 7), range(0, 5)):
        frame = Frame.aligned(hop + 2 * half, hop)
        for i in OUTPUTS:
            own = Span(i * hop, (i + 1) * hop)
            assert frame.centre(i) == Fraction(own.start + own.stop - 1, 2)
            assert frame.needs(Span(i, i + 1)) == Span(own.start - half, own.stop + half)


def test_repeat_gives_each_input_its_own_block():
    for factor, j in product(range(1, 8), OUTPUTS):
        assert list(repeat(factor).taps(j)) == [j // factor]


@pytest.mark.parametrize("factor", range(1, 10))
def test_linear_interpolates_a_line_exactly_and_sits_where_repeat_sits(factor):
    op = linear(factor)
    for j in OUTPUTS:
        weights = [1 - abs(j + op.padding - i * factor - Fraction(op.kernel - 1, 2)) / factor for i in op.taps(j)]
        assert sum(weights) == 1 and min(weights) > 0
        assert sum(weight * i for weight, i in zip(weights, op.taps(j), strict=True)) == op.centre(j)
        assert op.centre(j) == repeat(factor).centre(j)


def test_a_drawing_marks_the_taps():
    assert draw(Conv(3, dilation=2, padding=4), Span(0, 2)).splitlines() == [
        "input -4 -3 -2 -1  0  1", "out 0  #  .  #  .  #", "out 1     #  .  #  .  #"]


@pytest.mark.parametrize("build, told", [
    (lambda: Conv(0), r"Conv\(kernel=0.*kernel=0 is below 1"),
    (lambda: Conv(3, -1, 0), r"(?s)2 found.*stride=-1 is below 1.*dilation=0 is below 1"),
    (lambda: Conv(2.5), r"kernel=2\.5 is not an integer"),
    (lambda: Conv(3, padding=None), r"padding=None is not an integer"),
    (lambda: TransposedConv(0, 0), r"(?s)2 found.*kernel=0 is below 1.*stride=0 is below 1"),
    (lambda: TransposedConv(3, 5), r"2 of every 5 outputs have no input.*take kernel >= 5"),
    (lambda: Frame(0, 0), r"(?s)2 found.*window=0 is below 1.*hop=0 is below 1"),
    (lambda: Frame.aligned(401, 80), r"window=401 and hop=80: window - hop = 321 is odd.*window=400 or window=402"),
    (lambda: Frame.aligned(400, 0), r"hop=0 is below 1"),
    (lambda: repeat(0), r"kernel=0 is below 1"),
    (lambda: linear(-2), r"factor=-2 is below 1"),
    (lambda: delay(0.5), r"steps=0\.5 is not an integer"),
    (lambda: Conv(3).needs(Span(4, 4)), r"Conv\(kernel=3.*inputs of \[4, 4\), which is empty"),
    (lambda: draw(Conv(3), Span(0, 0)), r"\[0, 0\), which is empty"),
])
def test_impossible_operations_are_refused_with_their_numbers(build, told):
    with pytest.raises(ConfigError, match=told):
        build()
