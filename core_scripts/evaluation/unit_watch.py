"""What units do in training: how many are used, what they carry, whether the decoder listens. And when to give up."""
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from core_scripts import log
from core_scripts.data_io.collate import Batch
from core_scripts.errors import RecitalError
from core_scripts.evaluation.condition_watch import HELD_BATCHES, few_of_each
from core_scripts.evaluation.latent_audit import audit_latents
from core_scripts.evaluation.unit_model import Tokens, UnitModel
from core_scripts.evaluation.units import bits_per_second, energy_r2, perplexity, used_share
from core_scripts.nn_manager.nn_manager_tools import Losses, move_batch
from core_scripts.nn_manager.observing import RunObserver
from core_scripts.nn_manager.training_run import TrainingRun

_HELD_ITEMS = 256  # whose tokens are looked at
_COLLAPSE_STEP, _LISTENING_STEP = 200, 300  # when each rule is asked for the first time
_LEAST_PERPLEXITY, _LEAST_GAP_BITS, _LEAST_ENERGY_R2 = 8.0, 0.05, 0.6


@dataclass(frozen=True)
class UnitFacts:
    """Figures over the latents of a few minibatches, by column of metrics.csv."""

    values: dict[str, float]
    tokens: int  # that they stand on

    def describe(self, error_name: str) -> str:
        """One line for people."""
        v, parts = self.values, []
        if "perplexity" in v:
            parts.append(f"perplexity {v['perplexity']:.1f} (as if so many units were used alike, over {self.tokens:,} "
                         f"tokens), {v['used_share']:.0%} of the codes used, {v['unit_bits_per_second']:.0f} bit/s, "
                         f"{v['restarts']:.0f} restarts, SNR {v['quantisation_snr_db']:.1f} dB, level known to "
                         f"R2 {v['energy_r2']:.2f}")
        gaps = [f"{words} {v[key]:+.3f}" for key, words in (
            (f"swap_gap_{error_name}", "other latents"), (f"zero_gap_{error_name}", "none"),
            (f"speaker_gap_{error_name}", "another speaker")) if key in v]
        unit = "bits per sample" if error_name == "bits" else "of the squared error"
        return "; ".join([*parts, f"cost in {unit}: {', '.join(gaps)}"])


class UnitWatch(RunObserver):
    """Columns of metrics.csv, a line after each validation, and rules that tell or stop a run that leads nowhere.

    settings: of the recipe; stop_on_collapse: a broken rule ends the run instead of warning.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._stops = bool(settings.get("stop_on_collapse"))
        self._rate_hz = settings.get("wav_samp_rate")
        self._held: Sequence[Batch] = ()

    def begin(self, run: TrainingRun, train_data: Any, val_data: Any) -> None:
        data = train_data if val_data is None else val_data
        self._held = data.spread_batches(max(HELD_BATCHES, _HELD_ITEMS // data.get_batch_size()))

    def after_step(self, run: TrainingRun, losses: Losses) -> None:
        if run.step not in (_COLLAPSE_STEP, _LISTENING_STEP):
            return
        self._look(run, f"step {run.step}")

    def after_validation(self, run: TrainingRun) -> dict[str, float]:
        return self._look(run, f"valid epoch {run.position.epoch}")

    def _look(self, run: TrainingRun, moment: str) -> dict[str, float]:
        model = run.players[0].hooks.module
        was_training = model.training
        model.eval()
        facts = measure_facts(model, self._held, run.device, self._rate_hz)
        model.train(was_training)
        log.note(f"{moment}: {facts.describe(model.error_name)}")
        for fault in broken_rules(facts.values, run.step):
            if self._stops:
                raise RecitalError(f"step {run.step}: {fault} (stop_on_collapse=true ends the run here)")
            log.warn(f"step {run.step}: {fault}")
        return facts.values


def broken_rules(values: Mapping[str, float], step: int) -> list[str]:
    """In words what is wrong with a run that has these figures after so many steps; the bounds are measured ones."""
    faults = []
    if step >= _COLLAPSE_STEP and values.get("perplexity", math.inf) < _LEAST_PERPLEXITY:
        faults.append(f"the encoder collapsed: perplexity {values['perplexity']:.1f} is below {_LEAST_PERPLEXITY:g}, "
                      "nearly all speech has the same few codes; take bottleneck.norm=batch, a lower lr, or a "
                      "bottleneck_warmup")
    if step >= _LISTENING_STEP and values.get("swap_gap_bits", math.inf) < _LEAST_GAP_BITS:
        faults.append(f"the decoder ignores the codes: those of another utterance cost {values['swap_gap_bits']:+.3f} "
                      f"bits per sample, less than {_LEAST_GAP_BITS:g}; take way=two-step, or a decoder that sees less "
                      "of the past (wavenet.layers)")
    if step >= _LISTENING_STEP and values.get("energy_r2", math.inf) < _LEAST_ENERGY_R2:
        faults.append(f"the codes do not tell the level: R2 {values['energy_r2']:.2f} is below {_LEAST_ENERGY_R2:g}; "
                      "free runs will fall silent; take way=two-step or one-stage")
    return faults


@torch.no_grad()
def measure_facts(model: UnitModel, batches: Sequence[Batch], device: torch.device, rate_hz: int | None) -> UnitFacts:
    """Of a model in evaluation; the audit of the decoder, which may be slow, on two items of a few batches."""
    read = [model.read_tokens(move_batch(batch, device)) for batch in batches]
    asked = few_of_each(batches[:: -(-len(batches) // HELD_BATCHES)])
    audit, name = audit_latents(model, asked, device), model.error_name
    values = _code_facts(model, read)
    values |= {f"{key}_gap_{name}": gap for key, gap in audit.gaps().items()}
    if name == "bits" and rate_hz and audit.swapped is not None:
        values["swap_gap_bits_per_second"] = (audit.swapped - audit.true) * rate_hz
    return UnitFacts(values, sum(len(own) for tokens in read for own in tokens.energy))


def _code_facts(model: UnitModel, read: Sequence[Tokens]) -> dict[str, float]:
    latents = torch.cat([tokens.latents for tokens in read])
    values = {"latent_norm": latents.norm(dim=1).mean().item()}
    if read[0].codes is None:
        return values
    codes = [own for tokens in read for own in tokens.codes]
    energy = [own for tokens in read for own in tokens.energy]
    quantised = torch.cat([tokens.quantised for tokens in read])
    seconds = sum(map(len, codes)) / model.latents_per_second
    return {
        "perplexity": perplexity(codes), "used_share": used_share(codes, model.codes_count),
        "unit_bits_per_second": bits_per_second(codes, seconds), "restarts": float(model.restarts),
        "code_norm": quantised.norm(dim=1).mean().item(), **values,
        "quantisation_snr_db": _snr_db(latents, quantised), "energy_r2": _adjusted_r2(codes, energy),
    }


def _snr_db(latents: torch.Tensor, quantised: torch.Tensor) -> float:
    """Energy of the latents over that of what quantisation changes."""
    return float(10 * torch.log10(latents.square().sum() / (latents - quantised).square().sum()))


def _adjusted_r2(codes: Sequence[np.ndarray], energy: Sequence[np.ndarray]) -> float:
    """R**2 of a token's level from its code, less what as many means as there are codes explain by chance (Theil 1961).

    Unlike halves of which one is asked what the other taught, it needs few tokens: some hundred for 64 codes.
    """
    tokens, used = sum(map(len, codes)), len(np.unique(np.concatenate(codes)))
    plain = energy_r2((codes, energy), (codes, energy))
    return 1 - (1 - plain) * (tokens - 1) / max(tokens - used, 1)
