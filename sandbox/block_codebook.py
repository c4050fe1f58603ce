"""Pure functions of tokens (N, P) and a codebook (K, P): the nearest code, its losses, gradients through the choice."""
import torch
from torch import Tensor
from torch.nn import functional

from core_scripts.errors import DataError

_SMALLEST_NORM = 1e-6


def nearest_codes(tokens: Tensor, codebook: Tensor) -> Tensor:
    """The code with the smallest squared distance to each token, (N,) int64."""
    distances = torch.addmm(codebook.square().sum(1), tokens, codebook.T, alpha=-2)  # less |token|**2
    return distances.argmin(1)


def commitment_loss(tokens: Tensor, chosen: Tensor) -> Tensor:
    """Mean over all values of (z - sg(e))**2: draws latents to their codes (van den Oord et al. 2017, eq. 3).

    The mean over tokens and over their values makes it independent of batch and width; its gradient is 2 (z - e) / N
    with N values.
    """
    return functional.mse_loss(tokens, chosen.detach())


def codebook_loss(tokens: Tensor, chosen: Tensor) -> Tensor:
    """Mean over all values of (sg(z) - e)**2: draws codes to their latents (van den Oord et al. 2017, eq. 3)."""
    return functional.mse_loss(chosen, tokens.detach())


def pass_straight(tokens: Tensor, chosen: Tensor) -> Tensor:
    """The chosen codes, with a gradient that goes to the tokens as it is (Bengio et al. 2013)."""
    return tokens + (chosen - tokens).detach()


def pass_rotated(tokens: Tensor, chosen: Tensor) -> Tensor:
    """The chosen codes, with a gradient turned and scaled as the token is to its code (Fifty et al. 2024).

    R turns the direction z of the token to the direction e of the code, R x = x - 2 r (r.x) + 2 e (z.x) with r the unit
    vector along z + e; R and the ratio of the lengths count as constants.
    """
    with torch.no_grad():
        token_norm = tokens.norm(dim=1, keepdim=True).clamp(min=_SMALLEST_NORM)
        chosen_norm = chosen.norm(dim=1, keepdim=True).clamp(min=_SMALLEST_NORM)
        start, end = tokens / token_norm, chosen / chosen_norm
        middle = functional.normalize(start + end, dim=1, eps=_SMALLEST_NORM)
        scale = chosen_norm / token_norm
    along_middle = (middle * tokens).sum(1, keepdim=True)
    along_start = (start * tokens).sum(1, keepdim=True)
    return scale * (tokens - 2 * along_middle * middle + 2 * along_start * end)


def smooth_counts(counts: Tensor, smoothing: float) -> Tensor:
    """Laplace's smoothing that keeps the sum: (n + s) / (sum + K s) * sum."""
    total = counts.sum()
    return (counts + smoothing) / (total + len(counts) * smoothing) * total


def sums_by_code(tokens: Tensor, codes: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """How many tokens chose each code, (count,), and their sums, (count, P).

    A product with ones and zeros: unlike scattered additions it gives the same bits on every run of a GPU.
    """
    chosen = functional.one_hot(codes, count).to(tokens.dtype)
    return chosen.sum(0), chosen.T @ tokens


def draw_tokens(tokens: Tensor, count: int, generator: torch.Generator | None = None) -> Tensor:
    """`count` of the tokens by chance, (count, P); different ones where there are enough.

    Drawn on the CPU, so that it is the same on every device; from torch's default generator unless one is given.
    """
    if len(tokens) >= count:
        places = torch.randperm(len(tokens), generator=generator)[:count]
    else:
        places = torch.randint(len(tokens), (count,), generator=generator)
    return tokens[places.to(tokens.device)]


@torch.no_grad()
def find_means(tokens: Tensor, count: int, seed: int, iterations: int = 15) -> Tensor:
    """k-means (Lloyd 1982) from tokens drawn by `seed`, (count, P); a code that nobody chose is put on another token.

    Give tokens of several speakers: those of one crop resemble each other. It takes memory for N K numbers.
    Raises: DataError if there are fewer tokens than codes.
    """
    if len(tokens) < count:
        raise DataError(f"k-means over {len(tokens)} latents cannot find {count} codes; give latents of more "
                        f"utterances, or take fewer codes")
    generator = torch.Generator().manual_seed(seed)
    means = draw_tokens(tokens, count, generator)
    for _ in range(iterations):
        counts, sums = sums_by_code(tokens, nearest_codes(tokens, means), count)
        fresh = draw_tokens(tokens, count, generator)
        means = torch.where(counts[:, None] > 0, sums / counts.clamp(min=1)[:, None], fresh)
    return means


def quantisation_snr_db(latents: Tensor, quantised: Tensor) -> Tensor:
    """Energy of the latents over that of what quantisation changes, in dB, of tensors of one shape."""
    return 10 * torch.log10(latents.square().sum() / (latents - quantised).square().sum())
