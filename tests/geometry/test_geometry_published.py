"""Receptive fields, totals and centres of the autoencoder and the inverter of Chorowski et al. 2019, number by number.

Autoencoder: MFCC frames (400/160) - encoder - 3-tap convolution - upsampling by 320 - WaveNet of 2 x 10 layers.
Inverter: MFCC frames - 3-tap convolution - upsampling by 160 - the same WaveNet.
"""
from fractions import Fraction

import pytest
import torch
from torch.nn import functional

from core_scripts.geometry.chain import Chain, plan_paths
from core_scripts.geometry.ops import Conv, Frame, TransposedConv, causal
from core_scripts.geometry.span import Span

MFCC = Frame(400, 160)
DELTAS = Conv(9)
ENCODER = Chain((Conv(3), Conv(3), Conv(4, 2), Conv(3), Conv(3), Conv(1), Conv(1), Conv(1), Conv(1)))
LOCAL = Conv(3)
STACK = Chain([Conv(2, dilation=2 ** (layer % 10)) for layer in range(20)])
STACK_EXACT = Chain(STACK.ops[1:])  # the first tap of the first layer sees no conditioning


def upsampler(*strides, filters=(25, 16, 16, 16)):
    return Chain([TransposedConv(k, s, k - s) for k, s in zip(filters, strides, strict=True)])


X320, X160 = upsampler(5, 4, 4, 4), upsampler(5, 4, 4, 2)
DECODERS = {"inverter": (LOCAL, X160), "autoencoder": (LOCAL, X320)}
ENCODERS = {"inverter": (), "autoencoder": (ENCODER,)}
HOPS = {"inverter": 160, "autoencoder": 320}

TOTALS = [  # network, predictions, decoder samples, latents, MFCC frames, samples of the front end
    ("inverter", 1, 2047, 20, 20, 3440), ("inverter", 100, 2146, 21, 21, 3600), ("inverter", 5000, 7046, 51, 51, 8400),
    ("autoencoder", 1, 2047, 14, 42, 6960), ("autoencoder", 100, 2146, 14, 42, 6960),
    ("autoencoder", 2560, 4606, 22, 58, 9520), ("autoencoder", 5000, 7046, 29, 72, 11760),
    ("autoencoder", 5120, 7166, 30, 74, 12080)]


def network(name, stack=STACK, front_end=(MFCC,)):
    return Chain((*front_end, *ENCODERS[name], *DECODERS[name], stack))


def run_zeros(chain, length):
    """How many outputs torch makes of `length` inputs, valid layers only."""
    signal = torch.zeros(1, 1, length)
    for op in chain.ops:
        signal = run_layer(op, signal, torch.ones(1, 1, op.window if isinstance(op, Frame) else op.kernel))
    return signal.shape[-1]


def run_layer(op, signal, weight):
    if isinstance(op, TransposedConv):
        return functional.conv_transpose1d(signal, weight, stride=op.stride, padding=op.kernel - op.stride)
    if isinstance(op, Frame):
        return functional.conv1d(signal, weight, stride=op.hop)
    return functional.conv1d(signal, weight, stride=op.stride, dilation=op.dilation)


@pytest.mark.parametrize("name, n_out, decoder, latents, frames, samples", TOTALS)
@pytest.mark.parametrize("stack", [STACK, STACK_EXACT], ids=["cond n+2046", "cond n+2045"])
def test_totals_of_crops_at_phase_zero(name, n_out, decoder, latents, frames, samples, stack):
    late = Chain((*DECODERS[name], stack))
    paths = {"decoder": STACK, "latents": late, "frames": Chain((*ENCODERS[name], late)), "wave": network(name, stack)}
    crops = plan_paths(paths, Span(0, n_out))
    assert [len(crop) for crop in crops.values()] == [decoder, latents, frames, samples]
    assert all(crop.start == 0 for crop in crops.values())


@pytest.mark.parametrize("name, n_out, decoder, latents, frames, samples", TOTALS)
def test_totals_follow_the_closed_form_and_the_shapes_of_torch(name, n_out, decoder, latents, frames, samples):
    hop, tail = HOPS[name], {"inverter": 774, "autoencoder": 1532}[name]
    assert latents == 2 - (-(n_out + 2046 + tail) // hop)
    assert frames == (2 * (latents - 1) + 16 if name == "autoencoder" else latents)
    assert samples == 160 * (frames - 1) + 400
    conditioning = run_zeros(Chain(network(name).ops[:-20]), samples)
    assert conditioning == hop * (latents - 2) - tail
    surplus = conditioning - (n_out + 2046)
    assert 0 <= surplus < hop
    assert network(name).gives(Span(0, samples)) == Span(0, n_out + surplus)  # all of the surplus is on the right


@pytest.mark.parametrize("name", ["inverter", "autoencoder"])
@pytest.mark.parametrize("n_out", [1, 2, 100, 1000, 5000])
def test_at_phase_zero_nothing_is_cut_on_the_left(name, n_out):
    assert all(left == 0 for left, _ in network(name).plan(n_out).trims)


@pytest.mark.parametrize("name, n_out, decoder, latents, frames, samples", TOTALS)
def test_deltas_over_nine_frames_add_1280_samples(name, n_out, decoder, latents, frames, samples):
    assert network(name, front_end=(MFCC, DELTAS)).support(n_out) == samples + 1280


@pytest.mark.parametrize("name, n_out, stack, counts", [
    ("autoencoder", 1, STACK_EXACT, {6960: 263, 7280: 57}), ("autoencoder", 100, STACK_EXACT, {6960: 164, 7280: 156}),
    ("inverter", 1, STACK_EXACT, {3440: 61, 3600: 99}),
    # with one conditioning position more, one phase more runs over
    ("autoencoder", 1, STACK, {6960: 262, 7280: 58}), ("autoencoder", 100, STACK, {6960: 163, 7280: 157}),
    ("inverter", 1, STACK, {3440: 60, 3600: 100})])
def test_needs_at_unaligned_phases(name, n_out, stack, counts):
    assert network(name, stack).phase_counts(n_out) == counts


def test_encoder_sees_sixteen_frames_or_2800_samples():
    assert ENCODER.receptive_field() == 16 and ENCODER.rate == Fraction(1, 2)
    assert Chain((MFCC, ENCODER)).receptive_field() == 2800 and Chain((MFCC, ENCODER)).rate == Fraction(1, 320)
    assert Chain((DELTAS, ENCODER)).receptive_field() == 24
    assert Chain((MFCC, DELTAS, ENCODER)).receptive_field() == 4080
    assert Chain((MFCC, DELTAS)).receptive_field() == 1680


@pytest.mark.parametrize("stack, span, counts, mean, missing", [
    (X320, 1852, {5: 68, 6: 252}, "5.7875", 1532), (X160, 934, {5: 26, 6: 134}, "5.8375", 774)])
def test_stacks_of_transposed_convolutions(stack, span, counts, mean, missing):
    hop = int(stack.rate)
    seeing = [j for j in range(-4000, 4000) if 0 in stack.needs(Span(j, j + 1))]
    assert len(seeing) == span == seeing[-1] - seeing[0] + 1
    assert stack.phase_counts(1) == counts
    seen = Fraction(sum(size * phases for size, phases in counts.items()), hop)
    assert seen == Fraction(span, hop) == Fraction(mean)
    for n in (6, 7, 20, 51):
        assert stack.gives(Span(0, n)) == Span(0, hop * n - missing)
        assert run_zeros(stack, n) == hop * n - missing


def test_wings_of_the_stack_by_320():
    centred = Chain([TransposedConv(op.kernel, op.stride, (op.kernel - 1) // 2) for op in X320.ops])
    seeing = [j for j in range(-2000, 2000) if 0 in centred.needs(Span(j, j + 1))]
    assert (seeing[0], seeing[-1]) == (-915, 936)


def test_seven_latents_through_25_taps():
    assert TransposedConv(25, 5).gives(Span(0, 7)) == Span(20, 35)
    assert TransposedConv(25, 5, 20).gives(Span(0, 7)) == Span(0, 15)


def test_wavenet_layers_trim_residual_conditioning_and_skip():
    stack = Chain([causal(2, 2 ** (layer % 10)) for layer in range(20)])
    assert stack.receptive_field() == 2047
    spans = stack.spans(Span(0, 5000))
    for layer, op in enumerate(stack.ops, 1):
        assert spans[layer].start - spans[layer - 1].start == op.dilation
        assert spans[layer].start - spans[0].start == sum(o.dilation for o in stack.ops[:layer])
        assert spans[-1].start - spans[layer].start == sum(o.dilation for o in stack.ops[layer:])
    assert len(spans[0]) == 7046 and len(spans[1]) == 7045


@pytest.mark.parametrize("n", [399, 400, 559, 560, 3600, 8400, 16000, 16001, 16159])
def test_number_of_frames_of_a_file(n):
    assert MFCC.gives(Span(0, n)) == Span(0, (n - 400) // 160 + 1)


def test_centre_padded_extractors_are_shifted_by_two_frames_after_120_zeros():
    centre_padded = Frame(400, 160, -200 - 120)
    assert all(centre_padded.taps(i + 2) == MFCC.taps(i) for i in range(9))
    assert MFCC.centre(3) == 3 * 160 + Fraction(399, 2)


@pytest.mark.parametrize("name, sample", [("inverter", 667), ("autoencoder", 2326)])
def test_first_conditioning_position_sits_exactly(name, sample):
    conditioning = Chain(network(name).ops[:-20])
    assert conditioning.centre(0) == sample


def line_weights(op):
    """A symmetric kernel without zeros whose phases all sum alike and keep straight lines straight.

    Box of `stride` * box of `stride` (linear interpolation) * a box that fills up to the kernel's length.
    """
    size = op.window if isinstance(op, Frame) else op.kernel
    if not isinstance(op, TransposedConv):
        return torch.ones(1, 1, size, dtype=torch.float64)
    weight = torch.ones(1, 1, op.stride, dtype=torch.float64)
    for box in (op.stride, size - 2 * op.stride + 2):
        weight = functional.conv1d(weight, torch.ones(1, 1, box, dtype=torch.float64), padding=box - 1)
    assert weight.shape[-1] == size
    return weight


def gradient_of_output(chain, j, n_samples):
    signal = torch.zeros(1, 1, n_samples, dtype=torch.float64, requires_grad=True)
    outputs = signal
    for op in chain.ops:
        outputs = run_layer(op, outputs, line_weights(op))
    return torch.autograd.grad(outputs[0, 0, j], signal)[0][0, 0]


@pytest.mark.parametrize("name, sample", [("inverter", 667), ("autoencoder", 2326)])
@pytest.mark.parametrize("j", [0, 1, 100])
def test_centre_of_gravity_of_the_gradient_is_the_centre(name, sample, j):
    conditioning = Chain(network(name).ops[:-20])
    gradient = gradient_of_output(conditioning, j, 8400)
    positions = torch.arange(8400, dtype=torch.float64)
    assert float((gradient * positions).sum() / gradient.sum()) == pytest.approx(sample + j, abs=1e-6)


@pytest.mark.parametrize("chain, n_inputs, outputs", [
    (STACK, 3000, (0, 7, 900)), (ENCODER, 60, (0, 5, 20)), (X320, 12, (0, 67, 68, 319, 320, 800)),
    (X160, 12, (0, 25, 26, 160, 500)), (Chain((ENCODER, LOCAL, X320)), 60, (0, 1, 319, 1000)),
    (Chain((MFCC, ENCODER)), 6000, (0, 3)), (network("inverter"), 8400, (0, 60, 61, 160, 4000)),
    (network("autoencoder"), 12080, (0, 261, 262, 4000)), (network("autoencoder", STACK_EXACT), 12080, (262, 263))],
    ids=["wavenet", "encoder", "x320", "x160", "latents", "mfcc", "inverter", "autoencoder", "exact"])
def test_needs_are_the_support_of_the_gradient(chain, n_inputs, outputs):
    for j in outputs:
        support = gradient_of_output(chain, j, n_inputs).nonzero().flatten()
        assert chain.needs(Span(j, j + 1)) == Span(int(support[0]), int(support[-1]) + 1)
