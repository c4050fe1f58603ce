"""What a chain from samples to outputs asks for, as plain numbers to be told."""
from collections.abc import Sequence
from typing import Any

from core_scripts.geometry.chain import Chain
from core_scripts.geometry.span import Span


def describe_chain(chain: Chain, hop: int, counts: Sequence[int]) -> dict[str, Any]:
    """samples_needed for each count of outputs, at the best of all phases; look_ahead_samples, how many samples behind
    its own an output sees at the worst phase. One output every `hop` samples.
    """
    ends = [chain.needs(Span(phase, phase + 1)).stop - (phase + 1) * hop for phase in range(chain.period)]
    return {"samples_needed": {str(count): chain.minimal_input(count) for count in counts},
            "look_ahead_samples": max(ends)}
