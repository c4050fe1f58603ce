"""Two losses: the first counts but stands still, the second falls but does not count."""
import torch.nn.functional as torch_nn_func
from model import Model  # noqa: F401


class Loss:
    """Upstream's form for several losses: [[values], [which of them choose the best epoch]]."""

    def __init__(self, args):
        self.calls = 0

    def compute(self, output, target):
        """(still, falling)."""
        self.calls += 1
        error = torch_nn_func.mse_loss(output, target.squeeze(-1))
        return [[error - error.detach() + 1.25, error - error.detach() + 100.0 / self.calls], [True, False]]
