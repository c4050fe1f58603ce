"""Time jitter: in training some latents are replaced by a neighbour (Chorowski et al. 2019).

The decoder then cannot rely on the timing of single latents, and the codes turn to what lasts.
"""
import torch
from torch import Tensor, nn

from core_scripts.errors import ConfigError

LEFT, STAY, RIGHT = -1, 0, 1


class Jitter(nn.Module):
    """Replaces a latent by its left neighbour with probability p and by its right one with p; nothing in evaluation.

    No latent stands three times in a row: where latent t - 2 came from its right and t - 1 stayed, t does not come from
    its left but from its right instead (a Markov chain of second order), so that 2 p are replaced all the same.
    Raises: ConfigError if p is not in [0, 0.5).
    """

    def __init__(self, p_side: float) -> None:
        super().__init__()
        if not 0 <= p_side < 0.5:
            raise ConfigError(f"a jitter of p={p_side} per side must be at least 0 and below 0.5; 0.12 is usual")
        self.p_side = p_side

    def forward(self, latents: Tensor, inside: Tensor | None = None) -> Tensor:
        """latents: (B, L, D); inside: (B, L) bool, the latents of the utterance itself. Returns (B, L, D).

        Those outside stay, and no other is replaced by one of them. Draws from torch's default generator.
        """
        if not self.training or not self.p_side:
            return latents
        steps = draw_steps(latents.shape[:2], self.p_side, inside, latents.device)
        source = torch.arange(latents.shape[1], device=latents.device) + steps
        return latents.gather(1, source[..., None].expand_as(latents))


def draw_steps(shape: tuple[int, int], p_side: float, inside: Tensor | None, device: torch.device) -> Tensor:
    """For each of (B, L) latents the step to its source, -1, 0 or 1, int64."""
    if inside is None:
        inside = torch.ones(shape, dtype=torch.bool, device=device)
    draw = torch.rand(shape, device=device)
    has_left, has_right = _shift(inside, 1) & inside, _shift(inside, -1) & inside
    wish = torch.zeros(shape, dtype=torch.int64, device=device)
    wish[(draw < p_side) & has_left] = LEFT
    wish[(draw >= 1 - p_side) & has_right] = RIGHT
    # A left is forbidden behind (right, stay). It becomes a right, which may forbid another left two steps on: what
    # comes from the right is what wished it, or is passed on along lefts behind a stay.
    passes_on = (wish == LEFT) & (_shift(wish == STAY, 1))
    from_right = _follow_runs(wish == RIGHT, passes_on & has_right)
    forbidden = passes_on & _shift(from_right, 2)
    return torch.where(forbidden, torch.where(has_right, RIGHT, STAY), wish)


def _follow_runs(starts: Tensor, passes_on: Tensor) -> Tensor:
    """f[t] = starts[t] or (passes_on[t] and f[t - 2]), along the second dimension, for all t at once.

    f[t] holds if, among t, t - 2, ..., the last that starts is no earlier than the last that neither starts nor passes.
    """
    length = starts.shape[1]
    place = torch.arange(1, length + 1, device=starts.device).expand_as(starts)
    marks = torch.stack([place * starts, place * ~(starts | passes_on)])
    marks = nn.functional.pad(marks, (0, length % 2)).unflatten(2, (-1, 2))  # even and odd places side by side
    last_start, last_break = marks.cummax(2).values.flatten(2)[..., :length]
    return last_start > last_break


def _shift(flags: Tensor, steps: int) -> Tensor:
    """Flags of the latent `steps` before each; false where there is none."""
    moved = torch.zeros_like(flags)
    if steps > 0:
        moved[:, steps:] = flags[:, :-steps]
    else:
        moved[:, :steps] = flags[:, -steps:]
    return moved
