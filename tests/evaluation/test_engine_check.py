"""What verify says of engines that agree, of one that does not, and of draws on a rounding error."""
import pytest
import torch

from core_scripts.evaluation import engine_check
from core_scripts.evaluation.engine_check import Excerpt, check_engines
from core_scripts.generation.options import GenerationOptions
from sandbox.block_wavenet import WaveNet
from sandbox.config_wavenet import WaveNetConfig

CONFIG = WaveNetConfig(layers=4, dilation_cycle=2, residual_channels=4, gate_channels=4, skip_channels=8,
                       post_channels=8, bits=5, cond_channels=3, hop=6)


class Louder(WaveNet):
    """Its steps say something else than its parallel pass."""

    def step(self, code, state):
        return super().step(code, state) * 1.01


def make_excerpt(kind=WaveNet, samples=50, **changes) -> Excerpt:
    model = kind(WaveNetConfig(**(vars(CONFIG) | changes)))
    left, right = CONFIG.frame_context()
    frames = torch.randn(2, left + 9 + right, 3, generator=torch.Generator().manual_seed(1))
    return Excerpt(model, frames, ("a", "b"), samples, GenerationOptions())


@pytest.mark.parametrize("head", ["categorical", "logistics", "gaussian"])
@pytest.mark.parametrize("samples", [1, 50])
def test_engines_that_agree_pass_with_rounding_errors(head, samples):
    checks = check_engines(make_excerpt(samples=samples, head=head), ())
    assert [check.name.split(",")[0] for check in checks] == [
        "naive against eager", "naive against eager", "eager", "eager"]
    assert all(check.passed for check in checks), "\n".join(map(str, checks))
    assert all(check.relative < 1e-5 for check in checks if check.relative is not None)
    assert checks[0].draws == 2 * samples and checks[1].draws == 2 * samples


def test_an_engine_that_computes_something_else_fails_with_how_far_it_is_off():
    checks = {check.name: check for check in check_engines(make_excerpt(Louder), ())}
    failed = checks["naive against eager"]
    assert not failed.passed and failed.relative == pytest.approx(0.01, rel=0.05)
    assert str(failed).startswith("FAIL naive against eager") and "of 100 codes differ" in str(failed)
    assert checks["eager, in pieces against whole"].passed


def test_codes_may_part_by_one_level_and_not_by_more():
    excerpt = make_excerpt()
    for step, passed in ((0, True), (1, True), (2, False)):
        other = excerpt.codes.clone()
        other[40:, 1] += step
        check = excerpt.compare_codes("x", other)
        assert check.passed == passed and check.differing == (step > 0)


def test_rounded_weights_are_judged_by_their_divergence():
    excerpt = make_excerpt()
    true = torch.randn(50, 2, 32)
    near = excerpt.compare("bf16", true + 0.01 * torch.randn(50, 2, 32), true, is_rounded=True)
    far = excerpt.compare("bf16", true + torch.randn(50, 2, 32), true, is_rounded=True)
    assert near.passed and 0 < near.kl < engine_check.KL_BOUND < far.kl and not far.passed
    assert "nats" in str(near)
