"""K steps on tensors of fixed place, as a GPU replays them; here they run one after the other."""
import pytest
import torch
from generation_tools import LENGTHS, NAMES, make_frames, make_model

from core_scripts.errors import ConfigError
from core_scripts.generation import cuda_graph
from core_scripts.generation.engine import Utterances, frames_of, generate, stream_codes
from core_scripts.generation.options import GenerationOptions

GRAPH, EAGER = GenerationOptions("graph"), GenerationOptions("eager")


@pytest.mark.parametrize("steps", [1, 7, 40])
def test_any_number_of_steps_at_once_gives_the_codes_of_single_steps(monkeypatch, steps):
    monkeypatch.setattr(cuda_graph, "STEPS", steps)
    model = make_model(torch.float32, kernel_size=3)
    frames = make_frames(model.config, LENGTHS, torch.float32)
    codes = generate(model, frames, LENGTHS, NAMES, GRAPH)
    assert torch.equal(codes, generate(model, frames, LENGTHS, NAMES, EAGER))


def test_utterances_that_end_leave_their_rows_running_unheard():
    model = make_model(torch.float32)
    lengths = sorted(LENGTHS, reverse=True)
    frames = make_frames(model.config, lengths, torch.float32)
    utterances, read = Utterances(tuple(NAMES), tuple(lengths)), frames_of(frames, model.hop)
    for own, other in zip(stream_codes(model, read, utterances, GRAPH, 12),
                          stream_codes(model, read, utterances, EAGER, 12), strict=True):
        assert torch.equal(own, other)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device: the graph itself has not been captured")
def test_a_captured_graph_gives_the_codes_of_the_cpu():
    model = make_model(torch.float32).cuda()
    frames = make_frames(model.config, [500], torch.float32).cuda()
    codes = generate(model, frames, [500], ["a"], GenerationOptions("graph", 0))
    assert torch.equal(codes, generate(model, frames, [500], ["a"], GenerationOptions("eager", 0)))


def test_what_a_graph_cannot_do_is_told_with_the_way_out():
    with pytest.raises(ConfigError, match="engine=graph .*gaussian head draws .* on the host; take engine=auto"):
        generate(make_model(torch.float32, head="gaussian"), torch.zeros(1, 30, 3), [5], ["a"], GRAPH)
    with pytest.raises(ConfigError, match="its weights are torch.float64"):
        generate(make_model(), torch.zeros(1, 30, 3, dtype=torch.float64), [5], ["a"], GRAPH)
