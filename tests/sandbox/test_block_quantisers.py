"""The mathematics of each kind: gradients, fixed points, divergences, levels."""
import math
from dataclasses import replace

import pytest
import torch

from sandbox.block_codebook import (
    codebook_loss,
    commitment_loss,
    find_means,
    pass_rotated,
    quantisation_snr_db,
    smooth_counts,
)
from sandbox.block_quantisers import build_core, normal_kl_nats, spare_free_bits
from sandbox.config_bottleneck import BottleneckConfig

CONFIG = BottleneckConfig(in_channels=4, dim=4, codes=6, levels=(5, 4, 3, 2))
NONE = torch.zeros(0, 4)


def make(kind, **values):
    return build_core(replace(CONFIG, kind=kind, **values))


def latents_like(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).requires_grad_()


@pytest.mark.parametrize("kind", ["vq", "vq-ema"])
def test_the_gradient_passes_straight_and_the_commitment_adds_its_own(kind):
    quantiser, z = make(kind, restart_below=0.0), latents_like(3, 7, 4)
    codebook = quantiser.codebook.detach().clone()
    pull = torch.randn(3, 7, 4)
    values, out = quantiser(z, NONE, 1.0)
    (values * pull).sum().backward(retain_graph=True)
    assert torch.equal(z.grad, pull)  # dL/dz_e == dL/dz_q
    z.grad = None
    out.loss.backward()
    error = z.detach() - codebook[out.codes]
    torch.testing.assert_close(z.grad, 2 * 0.25 * error / z.numel())
    torch.testing.assert_close(values, codebook[out.codes])


def test_the_codebook_of_vq_learns_from_its_own_term_alone():
    quantiser, z = make("vq"), latents_like(3, 7, 4)
    codebook = quantiser.codebook.detach().clone()
    values, out = quantiser(z, NONE, 1.0)
    (values.square().sum() + out.loss).backward()
    want = torch.zeros(6, 4)
    want.index_add_(0, out.codes.flatten(), 2 * (codebook[out.codes] - z.detach()).flatten(0, 1) / z.numel())
    torch.testing.assert_close(quantiser.codebook.grad, want)


def test_losses_do_not_depend_on_the_number_of_tokens():
    tokens, chosen = torch.randn(50, 4), torch.randn(50, 4)
    for loss in (commitment_loss, codebook_loss):
        once, twice = loss(tokens, chosen), loss(tokens.repeat(2, 1), chosen.repeat(2, 1))
        torch.testing.assert_close(once, twice)
        assert once == pytest.approx((tokens - chosen).square().mean().item())


def test_rotation_gives_the_code_and_keeps_the_angle_of_the_gradient():
    tokens, chosen = latents_like(200, 4), torch.randn(200, 4)
    values = pass_rotated(tokens, chosen)
    torch.testing.assert_close(values, chosen, atol=1e-5, rtol=1e-4)
    pull = torch.randn(200, 4)
    (gradient,) = torch.autograd.grad((values * pull).sum(), tokens)

    def cosine(a, b):
        return torch.nn.functional.cosine_similarity(a, b)

    torch.testing.assert_close(cosine(gradient, tokens.detach()), cosine(pull, chosen), atol=1e-4, rtol=1e-3)
    scale = chosen.norm(dim=1) / tokens.detach().norm(dim=1)
    torch.testing.assert_close(gradient.norm(dim=1), scale * pull.norm(dim=1), atol=1e-4, rtol=1e-3)


def test_running_means_come_to_rest_on_the_means_of_their_tokens():
    quantiser = make("vq-ema", decay=0.9, restart_below=0.0, codes=3)
    centres = torch.tensor([[4.0, 0, 0, 0], [0, 4.0, 0, 0], [0, 0, 4.0, 0]])
    quantiser.codebook.copy_(centres)
    quantiser.sums.copy_(centres)
    tokens = centres.repeat_interleave(torch.tensor([10, 20, 30]), 0) + 0.3 * torch.randn(60, 4)
    for _ in range(300):
        _, out = quantiser(tokens.view(2, 30, 4).requires_grad_(), NONE, 1.0)
    means = torch.stack([tokens[out.codes.flatten() == code].mean(0) for code in range(3)])
    torch.testing.assert_close(quantiser.codebook, means, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(quantiser.usage, torch.tensor([0.5, 1.0, 1.5]))  # relative to uniform use
    assert quantiser.usage.sum() == pytest.approx(3.0)


def test_laplace_smoothing_keeps_the_sum_and_lifts_zeros():
    smooth = smooth_counts(torch.tensor([0.0, 1.0, 3.0]), 0.1)
    assert smooth.sum() == pytest.approx(4.0) and smooth.tolist() == pytest.approx(
        [0.1 / 4.3 * 4, 1.1 / 4.3 * 4, 3.1 / 4.3 * 4])


@pytest.mark.parametrize("kind", ["vq", "vq-ema"])
def test_a_code_out_of_use_is_put_on_a_latent_of_the_batch_and_counted(kind):
    quantiser = make(kind, restart_below=0.5, decay=0.5)
    with torch.no_grad():
        quantiser.codebook[2:] += 1000.0  # nothing lies there
        if kind == "vq-ema":
            quantiser.sums.copy_(quantiser.codebook)
    z = latents_like(4, 10, 4)
    for step in range(1, 3):
        quantiser(z, NONE, 1.0)
        assert int(quantiser.restarts) == (0 if step == 1 else 4)
    moved = quantiser.codebook.detach()[2:]
    assert all((z.detach() - code).abs().sum(-1).min() < 1e-6 for code in moved)
    assert len(moved.unique(dim=0)) == 4  # on different ones
    assert (quantiser.usage[2:] == 0.5).all()


def test_restarts_are_drawn_from_torchs_generator_whatever_the_number_of_dead_codes():
    z = latents_like(4, 10, 4)
    for far in (2, 5):
        quantiser = make("vq-ema", restart_below=0.9, decay=0.1)
        quantiser.codebook[far:] += 1000.0
        quantiser.sums.copy_(quantiser.codebook)
        torch.manual_seed(3)
        quantiser(z, NONE, 1.0)
        assert torch.rand(1).item() == pytest.approx(expected_after_draw(len(z.flatten(0, 1))))


def expected_after_draw(tokens):
    torch.manual_seed(3)
    torch.randperm(tokens)
    return torch.rand(1).item()


def test_k_means_finds_separate_clusters_of_several_speakers_and_is_a_function_of_its_seed():
    centres = 10 * torch.eye(4)
    tokens = torch.cat([centres + 0.1 * torch.randn(4, 4) for _ in range(50)])
    means = find_means(tokens, 4, seed=2)
    assert torch.cdist(centres, means).min(1).values.max() < 0.2
    assert torch.equal(means, find_means(tokens, 4, seed=2))
    torch.manual_seed(9)
    untouched = torch.rand(1)
    torch.manual_seed(9)
    find_means(tokens, 4, seed=5)
    assert torch.equal(torch.rand(1), untouched)  # it has a generator of its own


def test_the_divergence_equals_monte_carlo():
    mean, log_variance = torch.tensor([0.5, -1.0, 0.0]), torch.tensor([0.3, -1.5, 0.0])
    draws = mean + (0.5 * log_variance).exp() * torch.randn(400_000, 3)
    inside = torch.distributions.Normal(mean, (0.5 * log_variance).exp()).log_prob(draws)
    outside = torch.distributions.Normal(0.0, 1.0).log_prob(draws)
    torch.testing.assert_close(normal_kl_nats(mean, log_variance), (inside - outside).mean(0), atol=1e-2, rtol=1e-2)


def test_free_bits_are_counted_whether_used_or_not():
    free = 8 * math.log(2)
    assert spare_free_bits(torch.zeros(3, 5, 4), 8.0) == pytest.approx(free)
    much = torch.full((3, 5, 4), 10.0)
    assert spare_free_bits(much, 8.0) == pytest.approx(40.0)
    mixed = torch.tensor([0.0, 10.0]).expand(3, 5, 2)
    assert spare_free_bits(mixed, 8.0) == pytest.approx(free / 2 + 10.0)


def test_training_on_the_divergence_alone_stops_at_the_free_bits():
    torch.manual_seed(0)
    sample = make("vae", free_bits=6.0)
    statistics = torch.nn.Parameter(2 * torch.randn(4, 20, 8))
    optimizer = torch.optim.SGD([statistics], lr=1.0)
    for _ in range(600):
        _, out = sample(statistics, NONE, 1.0)
        optimizer.zero_grad()
        out.loss.backward()
        optimizer.step()
    free = 6.0 * math.log(2)
    assert out.loss.item() == pytest.approx(free) and 0.9 * free < out.kl_nats.item() <= free * 1.001


def test_samples_of_an_item_stand_one_after_the_other_and_more_of_them_scatter_less():
    statistics = torch.cat([torch.arange(24.0).view(2, 3, 4), torch.zeros(2, 3, 4)], -1)
    many, _ = make("vae", samples=4000)(statistics, NONE, 1.0)
    assert many.shape == (8000, 3, 4)
    torch.testing.assert_close(many.view(2, 4000, 3, 4).mean(1), statistics[..., :4], atol=0.1, rtol=0)
    for count in (1, 2, 4, 8):
        means = many[:4000].view(4000 // count, count, 12).mean(1)
        assert count * means.var(0).mean().item() == pytest.approx(1.0, rel=0.1)


def test_a_vae_of_weight_zero_is_an_autoencoder():
    sample, statistics = make("vae").eval(), latents_like(2, 5, 8)
    values, out = sample(statistics, NONE, 0.0)
    plain, none = make("ae")(statistics[..., :4], NONE, 1.0)
    assert torch.equal(values, plain) and out.loss.item() == none.loss.item() == 0.0
    certain = torch.cat([statistics[..., :4], torch.full((2, 5, 4), -40.0)], -1)
    values, out = sample.train()(certain, NONE, 0.0)
    torch.testing.assert_close(values, plain, atol=5e-3, rtol=0)
    (gradient,) = torch.autograd.grad((values * statistics.detach()[..., :4]).sum() + out.loss, statistics)
    torch.testing.assert_close(gradient[..., :4], statistics.detach()[..., :4])


def test_scalar_levels_are_all_reached_evenly_spaced_and_zero_stays_zero():
    quantiser = make("fsq")
    ramp = torch.linspace(-6, 6, 2001)[:, None].expand(-1, 4)[None]
    values, out = quantiser(ramp, NONE, 1.0)
    for column, levels in enumerate(CONFIG.levels):
        reached = values[0, :, column].unique()
        assert len(reached) == levels
        torch.testing.assert_close(reached.diff(), torch.full((levels - 1,), 1 / (levels // 2)))
    every = torch.arange(math.prod(CONFIG.levels))
    assert len(quantiser.vectors(every).unique(dim=0)) == 120
    assert torch.equal(quantiser(torch.zeros(1, 1, 4), NONE, 1.0)[0], torch.zeros(1, 1, 4))


def test_codes_and_values_of_fsq_equal_those_of_the_public_package():
    package = pytest.importorskip("vector_quantize_pytorch")
    theirs, ours, z = package.FSQ(levels=[8, 5, 5, 5]), make("fsq", levels=(8, 5, 5, 5)), latents_like(2, 50, 4)
    values, codes = theirs(z)
    mine, out = ours(z, NONE, 1.0)
    torch.testing.assert_close(mine, values, atol=1e-6, rtol=1e-5)
    assert torch.equal(out.codes, codes.long())


@pytest.mark.parametrize("rotation", [False, True])
def test_codes_losses_and_gradients_of_vq_ema_equal_those_of_the_public_package(rotation):
    package = pytest.importorskip("vector_quantize_pytorch")
    theirs = package.VectorQuantize(dim=4, codebook_size=6, decay=0.9, commitment_weight=0.25, rotation_trick=rotation,
                                    threshold_ema_dead_code=0)
    ours = make("vq-ema", decay=0.9, restart_below=0.0, gradient="rotation" if rotation else "straight")
    start = torch.randn(6, 4)
    ours.codebook.copy_(start)
    ours.sums.copy_(start)
    with torch.no_grad():  # counts of theirs are tokens, those of ours are relative to uniform use
        book = theirs._codebook
        book.embed.copy_(start[None])
        book.embed_avg.copy_(start[None] * 20)
        book.cluster_size.fill_(20.0)
        book.initted.fill_(True)
    for step in range(5):
        z = latents_like(3, 40, 4, seed=step)
        other = z.detach().clone().requires_grad_()
        pull = torch.randn(3, 40, 4)
        values, out = ours(z, NONE, 1.0)
        their_values, their_codes, their_loss = theirs(other)
        assert torch.equal(out.codes, their_codes)
        torch.testing.assert_close(values, their_values, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(out.loss, their_loss.squeeze())
        torch.testing.assert_close(ours.codebook, book.embed[0], atol=1e-4, rtol=1e-4)
        ((values * pull).sum() + out.loss).backward()
        ((their_values * pull).sum() + their_loss.sum()).backward()
        torch.testing.assert_close(z.grad, other.grad, atol=1e-4, rtol=1e-3)


def test_the_quantisation_noise_is_told_in_db():
    latents = torch.randn(3, 4, 5)
    assert quantisation_snr_db(latents, 0.9 * latents).item() == pytest.approx(20.0, abs=1e-3)
