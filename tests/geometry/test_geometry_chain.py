"""Chains: composition, plans, context of hop-aligned blocks, several paths; against brute force and closed forms."""
import random
from fractions import Fraction
from itertools import product
from math import ceil, prod

import pytest

from core_scripts.errors import ConfigError
from core_scripts.geometry.chain import Chain, context, plan_paths
from core_scripts.geometry.ops import Conv, Frame, TransposedConv, causal, delay, linear, repeat
from core_scripts.geometry.span import Span


def random_chain(dice, kinds=("conv", "transposed", "frame"), longest=4):
    ops = []
    for kind in dice.choices(kinds, k=dice.randint(1, longest)):
        stride = dice.randint(1, 4)
        if kind == "conv":
            ops.append(Conv(dice.randint(1, 4), dice.randint(1, 3), dice.randint(1, 3), dice.randint(-2, 4)))
        elif kind == "frame":
            ops.append(Frame(dice.randint(1, 6), stride, dice.randint(-3, 3)))
        else:
            ops.append(TransposedConv(stride + dice.randint(0, 5), stride, dice.randint(-1, 4)))
    return Chain(ops)


def random_chains(count, seed, **limits):
    dice = random.Random(seed)
    return [random_chain(dice, **limits) for _ in range(count)]


def traced_inputs(chain, j):
    """The inputs of one output, each tap followed back by itself."""
    positions = {j}
    for op in reversed(chain.ops):
        positions = {tap for position in positions for tap in op.taps(position)}
    return positions


def wavenet(blocks, layers):
    return Chain([causal(2, 2 ** layer) for _ in range(blocks) for layer in range(layers)])


def test_needs_and_gives_equal_tap_by_tap_tracing():
    for chain in random_chains(150, seed=1):
        inputs = {j: traced_inputs(chain, j) for j in range(-8, 9)}
        for j, traced in inputs.items():
            assert chain.needs(Span(j, j + 1)) == Span(min(traced), max(traced) + 1), (chain, j)
        for start, length in ((0, 30), (-7, 41), (-1, 9)):
            inp = Span(start, start + length)
            given = chain.gives(inp)
            assert {j for j in inputs if j in given} == {j for j in inputs if all(i in inp for i in inputs[j])}, chain


def test_period_is_the_smallest_shift_that_moves_every_level_by_whole_positions():
    for chain in random_chains(80, seed=2):
        def repeats(shift, chain=chain):
            levels = [Fraction(shift)]
            for op in reversed(chain.ops):
                levels.append(levels[-1] / op.rate)
            return all(level.denominator == 1 for level in levels)
        assert repeats(chain.period) and not any(repeats(shift) for shift in range(1, chain.period))
        inp = chain.needs(Span(3, 5))
        moved = chain.needs(Span(3, 5).shift(chain.period))
        assert moved == inp.shift(int(chain.period / chain.rate))


def test_receptive_field_is_one_plus_the_sum_over_layers():
    for chain in random_chains(80, seed=3, kinds=("conv",)):
        strides = [prod(op.stride for op in chain.ops[:level]) for level in range(len(chain.ops))]
        field = 1 + sum(op.dilation * (op.kernel - 1) * s for op, s in zip(chain.ops, strides, strict=True))
        spacing = prod(op.stride for op in chain.ops)
        assert chain.receptive_field() == field and chain.rate == Fraction(1, spacing)
        for n_out in (1, 2, 9):
            assert chain.minimal_input(n_out) == chain.support(n_out, 5) == (n_out - 1) * spacing + field


def test_minimal_input_is_the_shortest_one_that_gives_enough_outputs():
    for chain in random_chains(60, seed=4):
        n_out = 3
        fewest = chain.minimal_input(n_out)
        inputs_per_period = int(chain.period / chain.rate)
        starts = range(inputs_per_period)
        assert max(len(chain.gives(Span(a, a + fewest))) for a in starts) >= n_out
        assert max(len(chain.gives(Span(a, a + fewest - 1))) for a in starts) < n_out


def test_phase_counts_cover_the_period():
    chain = Chain((Conv(3), TransposedConv(7, 5, 2), TransposedConv(4, 2)))
    counts = chain.phase_counts(4)
    assert sum(counts.values()) == chain.period == 10
    assert min(counts) == chain.minimal_input(4)


def test_plan_keeps_what_is_needed_and_cuts_the_rest():
    for chain in random_chains(80, seed=5):
        plan = chain.plan(5, phase=-3)
        assert plan.output == Span(-3, 2) and plan.input == chain.needs(plan.output) == plan.spans[0]
        assert plan.spans == chain.spans(plan.output)
        for op, fed, made, kept, (left, right) in zip(chain.ops, plan.spans, plan.computed, plan.spans[1:],
                                                     plan.trims, strict=False):
            assert made == op.gives(fed) and kept == Span(made.start + left, made.stop - right)
            if isinstance(op, (Conv, Frame)):
                assert (left, right) == (0, 0)


def test_centres_of_a_chain_compose_exactly():
    chain = Chain((Frame(400, 160), Conv(4, 2), TransposedConv(25, 5, 20)))
    assert chain.centre(0) == 160 * (2 * Fraction(8, 5) + Fraction(3, 2)) + Fraction(399, 2)


@pytest.mark.parametrize("upsampler", [
    (repeat(80),), (linear(80),), (repeat(5), linear(4), linear(4)), (linear(5), repeat(16)),
    (TransposedConv(25, 5, 10), TransposedConv(16, 4, 6), TransposedConv(16, 4, 6)),
])
def test_aligned_frames_upsampled_by_their_hop_sit_on_their_samples(upsampler):
    chain = Chain((Frame.aligned(400, 80), *upsampler))
    assert chain.rate == 1
    assert all(chain.centre(u) == u for u in range(-200, 200, 7))


def test_chains_within_chains_are_laid_flat_and_none_is_the_identity():
    stack = Chain((Conv(3), Conv(3)))
    assert Chain((stack, Conv(5))) == Chain([Conv(3), Conv(3), Conv(5)])
    assert Chain(()).needs(Span(2, 7)) == Chain(()).gives(Span(2, 7)) == Span(2, 7)
    assert Chain(()).period == Chain(()).rate == Chain(()).receptive_field() == 1


@pytest.mark.parametrize("blocks, layers, field", [(2, 7, 255), (1, 10, 1024), (3, 10, 3070), (2, 10, 2047)])
def test_wavenet_receptive_fields(blocks, layers, field):
    stack = wavenet(blocks, layers)
    assert stack.receptive_field() == field
    assert Chain((delay(1), stack)).needs(Span(100, 101)) == Span(100 - field, 100)


def test_context_of_a_stack_on_repeated_frames_rounds_the_field_up_to_frames():
    for hop, (blocks, layers) in product((1, 7, 80, 160), ((1, 3), (2, 10))):
        stack = wavenet(blocks, layers)
        chain = Chain((repeat(hop), stack))
        assert context(chain, hop) == (ceil((stack.receptive_field() - 1) / hop), 0)


def test_context_equals_the_largest_need_over_all_blocks():
    for chain in random_chains(60, seed=6, kinds=("transposed", "conv"), longest=3):
        for step in (1, 3, chain.period):
            found = [(0, 0)]
            for q, m in product(range(-chain.period, 2 * chain.period), (1, 2, 5)):
                block = Span(q * step, (q + m) * step)
                own = (block.start / chain.rate).__floor__(), (block.stop / chain.rate).__ceil__()
                inp = chain.needs(block)
                found.append((own[0] - inp.start, inp.stop - own[1]))
            assert context(chain, step) == tuple(max(side) for side in zip(*found, strict=True)), (chain, step)


def test_context_is_the_same_for_every_block_of_whole_periods():
    chain = Chain((linear(5), TransposedConv(16, 4, 6), linear(4), wavenet(2, 10)))
    left, right = context(chain, 80)
    for q, m in product((-2, 0, 9), (1, 2, 30)):
        assert chain.needs(Span(q * 80, (q + m) * 80)) == Span(q - left, q + m + right)


def test_several_paths_are_planned_on_one_output_grid():
    stack = wavenet(2, 10)
    paths = {"wave": Chain((delay(1), stack)), "mel": Chain((repeat(80), stack))}
    crops = plan_paths(paths, Span(800, 1600))
    assert crops == {"wave": Span(800 - 2047, 1599), "mel": Span(10 - 26, 20)}


def test_the_table_shows_every_level_with_its_grid_and_cut():
    assert Chain((Frame(400, 160), TransposedConv(25, 5, 20))).table(3).splitlines() == [
        "level  operation                                        grid  needed     count  cut",
        "0      input                                            1     [0, 1040)  1040",
        "1      Frame(window=400, hop=160, offset=0)             160   [0, 5)     5      0, 0",
        "2      TransposedConv(kernel=25, stride=5, padding=20)  32    [0, 3)     3      0, 2"]


@pytest.mark.parametrize("ask, told", [
    (lambda: Chain((Conv(3), "conv")), r"'conv' is no operation of a chain"),
    (lambda: Chain((Conv(3),)).needs(Span(2, 2)), r"inputs of \[2, 2\), which is empty"),
    (lambda: Chain((Conv(3),)).support(0), r"n_out=0 is below 1"),
    (lambda: Chain((Conv(3),)).plan(-4), r"n_out=-4 is below 1"),
    (lambda: Chain((Conv(3),)).plan(4, phase=0.5), r"phase=0\.5 is not an integer"),
    (lambda: Chain((Conv(3), repeat(4))).receptive_field(), r"upsamples by 4 in TransposedConv\(kernel=4.*support"),
    (lambda: context(Chain((repeat(4),)), 0), r"step=0 is below 1"),
    (lambda: plan_paths({}, Span(0, 5)), r"no path was given that leads to the outputs \[0, 5\)"),
    (lambda: plan_paths({"wave": Chain(())}, Span(5, 5)), r"\[5, 5\), which is empty"),
])
def test_impossible_questions_are_refused_with_their_numbers(ask, told):
    with pytest.raises(ConfigError, match=told):
        ask()
