"""A value for --grad-clip-norm, from the gradients of the first steps."""
import math
from statistics import median, quantiles

from core_scripts import log
from core_scripts.nn_manager.nn_manager_tools import Losses
from core_scripts.nn_manager.observing import RunObserver
from core_scripts.nn_manager.training_run import TrainingRun

STEPS = 200
_FEWEST = 20  # norms that a statement can stand on, where a run was taken up within the first steps


class ClipProposal(RunObserver):
    """After the first 200 steps says how large gradients were, and which bound touches one step in ten."""

    def __init__(self) -> None:
        self._norms: list[float] = []

    def after_step(self, run: TrainingRun, losses: Losses) -> None:
        if run.step > STEPS or not math.isfinite(run.gradient_norm):
            return
        self._norms.append(run.gradient_norm)
        if run.step == STEPS and len(self._norms) >= _FEWEST:
            log.note(describe_norms(self._norms, run.players[0].optimizer.grad_clip_norm))


def describe_norms(norms: list[float], clip: float) -> str:
    """One line: median, nine tenths, largest, and the bound to give; clip: the one in force, 0 or less: none."""
    nine_tenths = quantiles(norms, n=10)[-1]
    told = (f"gradient norm over the first {STEPS} steps: median {median(norms):.2g}, nine in ten below "
            f"{nine_tenths:.2g}, largest {max(norms):.2g}")
    clipped = sum(norm > clip for norm in norms) / len(norms) if clip > 0 else 0.0
    now = f"{clip:g} scales down {clipped:.0%} of them" if clip > 0 else "none now"
    return f"{told}; --grad-clip-norm {nine_tenths:.2g} would scale down one in ten ({now})"
