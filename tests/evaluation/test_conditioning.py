"""The audit on a model whose loss is known: the squared distance between its frames and what its target says."""
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from core_scripts.data_io.collate import customize_collate
from core_scripts.errors import ConfigError, DataError
from core_scripts.evaluation.conditioning import audit_conditioning, own_frames
from core_scripts.nn_manager.model_base import ModelBase

HOP, LEFT, RIGHT = 10, 1, 2
CPU = torch.device("cpu")


class Distance(ModelBase):
    """Nats per sample: |frame - target| at each sample, with the frame that covers it."""

    takes_batch = True
    gain = 1.0

    def __init__(self):
        super().__init__(1, 1, None, None)

    def forward(self, batch):
        frames = batch.inputs[:, LEFT:, 0].repeat_interleave(HOP, 1)[:, : batch.targets.shape[1]]
        valid = torch.arange(frames.shape[1]) < batch.lengths[:, None]
        return ((frames - batch.targets[..., 0]).abs() * valid).sum() / valid.sum() * self.gain


class Deaf(Distance):
    gain = 0.0


def item(name: str, samples: int, value: float, number: int):
    frames = LEFT + -(-samples // HOP) + RIGHT
    return np.full((frames, 1), value), np.full((samples, 1), value), f"0,{name},0,{samples},0", number


def data_of(batch_size: int, *utterances):
    items = [item(name, samples, value, number) for number, (name, samples, value) in enumerate(utterances)]
    batches = [customize_collate(items[start : start + batch_size]) for start in range(0, len(items), batch_size)]
    return SimpleNamespace(get_loader=lambda: batches)


THREE = (("a", 40, 0.0), ("b", 40, 1.0), ("c", 40, 3.0))
BIT = torch.log(torch.tensor(2.0)).item()


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_swap_and_constant_cost_what_is_known_in_batches_of_any_size(batch_size):
    audit = audit_conditioning(Distance(), data_of(batch_size, *THREE), CPU)
    mean = 4 / 3
    assert audit.true == pytest.approx(0.0, abs=1e-6)
    assert audit.swap_gap * BIT == pytest.approx((3 + 1 + 2) / 3, abs=1e-5)  # a hears c, b hears a, c hears b
    assert audit.constant_gap * BIT == pytest.approx((mean + (mean - 1) + (3 - mean)) / 3, abs=1e-5)


def test_a_model_that_does_not_listen_has_no_gap():
    audit = audit_conditioning(Deaf(), data_of(2, *THREE), CPU)
    assert audit.true == audit.swapped == audit.constant == 0.0


def test_a_shorter_utterance_is_repeated_and_padding_is_never_heard():
    data = data_of(2, ("long", 95, 5.0), ("short", 23, 7.0))
    audit = audit_conditioning(Distance(), data, CPU)
    assert audit.swapped * BIT == pytest.approx(2.0, abs=1e-5)  # the padding's zeros would cost 5
    shares = torch.tensor([len(frames) for frames in own_frames(data.get_loader()[0])])
    mean = float((shares * torch.tensor([5.0, 7.0])).sum() / shares.sum())
    assert audit.constant * BIT == pytest.approx((95 * abs(5 - mean) + 23 * abs(7 - mean)) / 118, abs=1e-5)


@pytest.mark.parametrize("samples", [1, 9, 10, 11, 23, 94, 95])
def test_own_frames_are_never_padding_and_hardly_fewer_than_there_are(samples):
    batch = data_of(2, ("long", 95, 1.0), ("short", samples, 1.0)).get_loader()[0]
    kept, there = own_frames(batch)[1], LEFT + -(-samples // HOP) + RIGHT
    assert bool((kept == 1).all()) and there - (LEFT + RIGHT + 1) <= len(kept) <= there


def test_crops_of_one_utterance_never_swap_with_each_other():
    crops = (("a", 40, 0.0), ("a", 40, 0.0), ("b", 40, 2.0), ("b", 40, 2.0), ("a", 40, 0.0))
    for batch_size in (1, 2, 5):
        audit = audit_conditioning(Distance(), data_of(batch_size, *crops), CPU)
        assert audit.swapped * BIT == pytest.approx(2.0, abs=1e-5)


def test_a_lone_utterance_cannot_be_swapped_and_says_so():
    audit = audit_conditioning(Distance(), data_of(1, ("a", 40, 1.0), ("a", 20, 1.0)), CPU)
    assert audit.swapped is None and audit.swap_gap is None and audit.constant == pytest.approx(0.0, abs=1e-6)


def test_what_cannot_be_audited_is_told():
    plain = Distance()
    plain.takes_batch = False
    with pytest.raises(ConfigError, match="Distance does not take whole batches"):
        audit_conditioning(plain, data_of(1, *THREE), CPU)
    batch = data_of(1, *THREE).get_loader()[0]
    several = SimpleNamespace(get_loader=lambda: [batch._replace(inputs=[batch.inputs, batch.inputs])])
    with pytest.raises(DataError, match="one tensor of frames"):
        audit_conditioning(Distance(), several, CPU)
