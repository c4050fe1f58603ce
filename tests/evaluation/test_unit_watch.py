"""The rules that tell or stop a run whose units are of no use, the audit of latents, and how sure predictions are."""
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from core_scripts.data_io.collate import Batch
from core_scripts.data_io.seq_info import SeqInfo
from core_scripts.data_io.speakers import SpeakerTable
from core_scripts.errors import DataError, RecitalError
from core_scripts.evaluation.latent_audit import audit_latents
from core_scripts.evaluation.prediction import describe_predictions
from core_scripts.evaluation.unit_model import Tokens, UnitModel
from core_scripts.evaluation.unit_table import mapped_accuracy, read_segments
from core_scripts.evaluation.unit_watch import UnitWatch, _adjusted_r2, broken_rules, measure_facts
from core_scripts.evaluation.units import energy_r2

CPU = torch.device("cpu")
GOOD = {"perplexity": 40.0, "swap_gap_bits": 0.5, "energy_r2": 0.9}


class Mirror(UnitModel):
    """Latents are the inputs; the error is their distance from the targets, and a tenth for a wrong speaker."""

    codes_count, latents_per_second, error_name = 4, 50.0, "mse"
    restarts = 3

    def __init__(self, listens: bool = True) -> None:
        super().__init__(1, 1, None, None)
        self.speakers = SpeakerTable(("ann", "bob"), {"a": "ann", "b": "bob", "c": "ann", "d": "bob"})
        self.listens = listens

    @staticmethod
    def samples_per_unit(prj_conf):
        return 1

    def read_tokens(self, batch):
        codes = [row[: int(length), 0].long().numpy() for row, length in zip(batch.inputs, batch.lengths, strict=True)]
        latents = torch.cat([row[: int(length)] for row, length in zip(batch.inputs, batch.lengths, strict=True)])
        return Tokens(codes, [own.astype(float) for own in codes], latents, latents + 0.1)

    def token_frames(self, batch):
        return []

    def encode(self, batch):
        return batch.inputs

    def error(self, batch, latents, speakers):
        wrong = (speakers != self.speaker_numbers(batch)).float().mean()
        far = (latents - batch.targets).abs().mean() if self.listens else torch.zeros(())
        return 0.1 * wrong + far


def batch_of(*names: str, length: int = 8) -> Batch:
    values = torch.stack([torch.arange(length).float()[:, None] % 4 * (1 + ord(name) - ord("a")) % 4 for name in names])
    info = tuple(SeqInfo(length, name, 0, 0, place).print_to_str() for place, name in enumerate(names))
    return Batch(values, values, info, torch.arange(len(names)), torch.full((len(names),), length))


@pytest.mark.parametrize(("changed", "step", "words"), [
    ({"perplexity": 3.0}, 200, "the encoder collapsed: perplexity 3.0 is below 8"),
    ({"swap_gap_bits": 0.02}, 300, r"the decoder ignores the codes: .* \+0.020 bits"),
    ({"energy_r2": 0.44}, 300, "R2 0.44 is below 0.6; free runs will fall silent"),
])
def test_each_rule_says_what_is_wrong_from_its_step_on(changed, step, words):
    (fault,) = broken_rules(GOOD | changed, step)
    assert re.search(words, fault)
    assert broken_rules(GOOD | changed, step - 1) == []


def test_runs_without_these_figures_break_no_rule():
    assert broken_rules(GOOD, 10000) == broken_rules({}, 10000) == []


def test_the_audit_tells_what_each_change_costs():
    audit = audit_latents(Mirror(), [batch_of("a", "b"), batch_of("c", "d")], CPU)
    assert audit.true == 0 and audit.speaker == pytest.approx(0.1)
    assert audit.gaps()["swap"] > 0.5 and audit.gaps()["zero"] > 0.5


def test_of_one_utterance_there_is_no_other_to_swap_with():
    audit = audit_latents(Mirror(), [batch_of("a")], CPU)
    assert audit.swapped is None and set(audit.gaps()) == {"zero", "speaker"}


def test_facts_are_those_of_all_tokens():
    facts = measure_facts(Mirror(), [batch_of("a", "b"), batch_of("c", "d")], CPU, None)
    assert facts.tokens == 32 and facts.values["restarts"] == 3 and facts.values["used_share"] == 1.0
    assert 1 < facts.values["perplexity"] <= 4 and facts.values["energy_r2"] == pytest.approx(1.0)
    assert "over 32 tokens" in facts.describe("mse") and "another speaker +0.100" in facts.describe("mse")


def judged(settings: dict, model: Mirror) -> None:
    run = SimpleNamespace(players=(SimpleNamespace(hooks=SimpleNamespace(module=model)),), device=CPU, step=200)
    observer = UnitWatch(settings)
    batches = [batch_of("a", "b"), batch_of("c", "d")]
    observer.begin(run, None, SimpleNamespace(spread_batches=lambda count: batches, get_batch_size=lambda: 2))
    model.train()
    observer.after_step(run, None)
    assert model.training


def test_a_broken_rule_warns_or_ends_the_run_as_the_recipe_wants(capsys):
    judged({}, Mirror())
    assert "warning: step 200: the encoder collapsed" in capsys.readouterr().err
    with pytest.raises(RecitalError, match="the encoder collapsed.*stop_on_collapse=true ends the run here"):
        judged({"stop_on_collapse": True}, Mirror())


def test_few_tokens_of_many_codes_do_not_pretend_to_tell_the_level():
    rng = np.random.default_rng(1)
    codes, noise = [rng.integers(60, size=250)], [rng.normal(size=250)]
    assert energy_r2((codes, noise), (codes, noise)) > 0.15 and abs(_adjusted_r2(codes, noise)) < 0.12
    level = [codes[0] + 0.1 * noise[0]]
    assert _adjusted_r2(codes, level) > 0.99


def test_predictions_are_described_inside_the_items_only():
    logits = torch.full((1, 3, 4), -100.0)
    logits[0, 0, 2] = logits[0, 1, 0] = logits[0, 2, 1] = 100.0
    codes, inside = torch.tensor([[2, 3, 1]]), torch.tensor([[True, True, False]])
    assert describe_predictions(logits, codes, inside).tolist() == pytest.approx([2.0, 1.0, 3.0])
    flat = describe_predictions(torch.zeros(1, 3, 4), codes, inside)
    assert flat[:2].tolist() == pytest.approx([0.5, 0.5])


def test_units_stand_for_the_label_that_they_met_most():
    units = [np.array([0, 0, 1, 1, 1])], [np.array([0, 1, 1, 2])]
    labels = [np.array([5, 5, 6, 6, 5])], [np.array([5, 6, 5, 0])]
    assert mapped_accuracy(units, labels, 3) == pytest.approx(3 / 4)  # a unit that is new stands for label 0


def test_segments_are_read_and_other_files_refused(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("_\t0\t10\naa\t10\t30\n")
    labels, stops = read_segments(path)
    assert labels == ["_", "aa"] and stops.tolist() == [10, 30]
    path.write_text("_ 0 10\n")
    with pytest.raises(DataError, match="is no file of lines label<TAB>start<TAB>stop"):
        read_segments(path)
