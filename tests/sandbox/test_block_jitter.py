import pytest
import torch

from core_scripts.errors import ConfigError
from sandbox.block_jitter import Jitter, draw_steps

CPU = torch.device("cpu")


def walk(wish, has_left, has_right):
    """The rule one latent after the other, as a check of the one that does all at once."""
    found = []
    for t, step in enumerate(wish):
        if step == -1 and t >= 2 and found[t - 2] == 1 and found[t - 1] == 0:
            step = 1 if has_right[t] else 0
        found.append(step)
    return found


def sources(steps):
    return torch.arange(steps.shape[1]) + steps


def test_a_share_of_twice_p_is_replaced():
    steps = draw_steps((200, 2000), 0.12, None, CPU)
    assert (steps != 0).double().mean() == pytest.approx(0.24, abs=0.003)
    assert (steps == 1).double().mean() == pytest.approx(0.13, abs=0.005)


@pytest.mark.parametrize("p_side", [0.12, 0.3, 0.49])
def test_no_latent_stands_three_times_in_a_row(p_side):
    taken = sources(draw_steps((100, 999), p_side, None, CPU))
    triples = (taken[:, :-2] == taken[:, 1:-1]) & (taken[:, 1:-1] == taken[:, 2:])
    assert not triples.any()
    assert (taken[:, :-1] == taken[:, 1:]).any()  # twice is allowed


@pytest.mark.parametrize("length", [1, 2, 3, 7, 50])
def test_all_at_once_equals_one_after_the_other(length):
    for seed in range(40):
        inside = torch.rand(3, length, generator=torch.Generator().manual_seed(seed)) < 0.9
        torch.manual_seed(seed)
        steps = draw_steps((3, length), 0.4, inside, CPU)
        torch.manual_seed(seed)
        draw = torch.rand(3, length)
        for item in range(3):
            ins = inside[item].tolist()
            has_left = [t > 0 and ins[t - 1] and ins[t] for t in range(length)]
            has_right = [t + 1 < length and ins[t + 1] and ins[t] for t in range(length)]
            wish = [-1 if u < 0.4 and left else 1 if u >= 0.6 and right else 0
                    for u, left, right in zip(draw[item].tolist(), has_left, has_right, strict=True)]
            assert steps[item].tolist() == walk(wish, has_left, has_right)


def test_nothing_crosses_the_ends_of_an_utterance():
    inside = torch.zeros(300, 12, dtype=torch.bool)
    inside[:, 2:9] = True
    taken = sources(draw_steps((300, 12), 0.45, inside, CPU))
    assert (taken[:, 2:9].min(), taken[:, 2:9].max()) == (2, 8)
    assert torch.equal(taken[:, [0, 1, 9, 10, 11]], torch.tensor([0, 1, 9, 10, 11]).expand(300, -1))
    whole = sources(draw_steps((300, 5), 0.45, None, CPU))
    assert (whole.min(), whole.max()) == (0, 4)


def test_whole_vectors_move_each_item_by_itself():
    jitter = Jitter(0.3)
    latents = torch.arange(2 * 40, dtype=torch.float32).reshape(2, 40, 1).expand(-1, -1, 5).contiguous()
    moved = jitter(latents)
    assert torch.equal(moved, moved[..., :1].expand_as(moved))  # no channel leaves its vector
    assert ((moved[1] >= 40) & (moved[1] < 80)).all() and (moved[0] < 40).all()  # no vector leaves its item
    assert not torch.equal(moved[0], moved[1] - 40)


def test_the_same_seed_draws_the_same():
    torch.manual_seed(7)
    first = draw_steps((4, 30), 0.2, None, CPU)
    torch.manual_seed(7)
    assert torch.equal(first, draw_steps((4, 30), 0.2, None, CPU))


def test_evaluation_and_p_zero_change_nothing():
    latents = torch.randn(2, 9, 3)
    assert Jitter(0.0)(latents) is latents and Jitter(0.3).eval()(latents) is latents


@pytest.mark.parametrize("p_side", [-0.1, 0.5])
def test_an_impossible_probability_is_refused(p_side):
    with pytest.raises(ConfigError, match=f"p={p_side} per side must be at least 0 and below 0.5"):
        Jitter(p_side)
