"""The audit at validation: numbers for the table, and a warning while the condition is not used."""
from types import SimpleNamespace

import pytest
import torch

from core_scripts.data_io.position import DataPosition
from core_scripts.evaluation.condition_watch import ConditionWatch
from core_scripts.nn_manager.model_base import adapt_model
from tests.evaluation.test_conditioning import CPU, THREE, Deaf, Distance, data_of


def watch(model, *utterances):
    run = SimpleNamespace(players=(SimpleNamespace(hooks=adapt_model(model)),), device=CPU, position=DataPosition(1))
    observer = ConditionWatch()
    observer.begin(run, None, SimpleNamespace(spread_batches=lambda count: data_of(2, *utterances).get_loader()))
    with torch.no_grad():
        return observer.after_validation(run)


def test_both_gaps_are_told_and_returned(capsys):
    gaps = watch(Distance(), *THREE)
    assert gaps["swap_gap_bits"] > gaps["constant_gap_bits"] > 0
    told = capsys.readouterr().err
    assert f"another utterance's {gaps['swap_gap_bits']:+.3f} and a constant one" in told and "warning" not in told


def test_a_model_that_does_not_listen_is_warned_of(capsys):
    assert watch(Deaf(), *THREE) == pytest.approx({"swap_gap_bits": 0.0, "constant_gap_bits": 0.0})
    assert "warning: the model does not use its condition (less than 0.05 bits" in capsys.readouterr().err


def test_with_one_utterance_there_is_no_other_to_swap_with():
    assert watch(Distance(), THREE[1]) == pytest.approx({"constant_gap_bits": 0.0})
