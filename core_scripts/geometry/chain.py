"""Operations one after the other: the input of a network for given outputs, and what to cut on the way."""
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, lcm

from core_scripts.errors import ConfigError
from core_scripts.geometry.ops import Op
from core_scripts.geometry.span import Span, as_count, as_integer


@dataclass(frozen=True)
class Plan:
    """How to compute given outputs from a crop: for each level what is needed, and what the operation computes.

    `spans` run from the network's input to its output, one more than there are operations; `computed[l]` is what
    operation l makes of spans[l], and spans[l + 1] is what is kept of it.
    """

    spans: tuple[Span, ...]
    computed: tuple[Span, ...]

    @property
    def input(self) -> Span:
        """The crop to feed."""
        return self.spans[0]

    @property
    def output(self) -> Span:
        """The outputs that were asked for."""
        return self.spans[-1]

    @property
    def trims(self) -> tuple[tuple[int, int], ...]:
        """For each operation how many of its outputs to cut on the left and on the right before the next one."""
        return tuple(made.beyond(kept) for made, kept in zip(self.computed, self.spans[1:], strict=True))


@dataclass(frozen=True)
class Chain:
    """Operations in the order in which a signal runs through them; none at all is the identity.

    Chains among `ops` are put in flat, so that blocks can be joined: Chain((front_end, upsampler, stack)).
    Raises: ConfigError if something else is among them.
    """

    ops: tuple[Op, ...]

    def __post_init__(self) -> None:
        flat: list[Op] = []
        for op in self.ops:
            if not isinstance(op, (Op, Chain)):
                raise ConfigError(f"{op!r} is no operation of a chain; give Conv, TransposedConv, Frame or Chain")
            flat.extend(op.ops if isinstance(op, Chain) else (op,))
        object.__setattr__(self, "ops", tuple(flat))

    def spans(self, out: Span) -> tuple[Span, ...]:
        """What is needed at each level, from the network's input to `out` itself: one span more than operations.

        Raises: ConfigError if `out` is empty.
        """
        if out.is_empty:
            raise ConfigError(f"a chain is asked for the inputs of {out}, which is empty; ask for one output or more")
        levels = [out]
        for op in reversed(self.ops):
            levels.append(op.needs(levels[-1]))
        return tuple(reversed(levels))

    def needs(self, out: Span) -> Span:
        """The inputs for these outputs. Raises: ConfigError if `out` is empty."""
        return self.spans(out)[0]

    def gives(self, inp: Span) -> Span:
        """The outputs that these inputs support wholly; empty if there are too few."""
        for op in self.ops:
            inp = op.gives(inp)
        return inp

    @property
    def rate(self) -> Fraction:
        """Outputs per input."""
        return self._rate_after(0)

    def centre(self, j: int | Fraction) -> Fraction:
        """Where output j sits, in input positions, exactly."""
        position = Fraction(j)
        for op in reversed(self.ops):
            position = op.centre(position)
        return position

    @property
    def period(self) -> int:
        """Outputs after which everything repeats: shifted by them, every level shifts by whole positions."""
        return lcm(*(self._rate_after(level).numerator for level in range(len(self.ops))))

    def receptive_field(self) -> int:
        """Inputs from the first to the last that one output needs: 1 + sum of d (k - 1) times all strides before.

        Raises: ConfigError for chains with upsampling, where it differs from output to output.
        """
        for op in self.ops:
            if op.rate > 1:
                raise ConfigError(f"the chain upsamples by {op.rate} in {op}, so its receptive field is not one "
                                  f"number; ask support(n_out, phase) or phase_counts(n_out)")
        return self.support(1)

    def support(self, n_out: int, phase: int = 0) -> int:
        """Inputs that the outputs [phase, phase + n_out) need. Raises: ConfigError if n_out < 1."""
        return len(self.needs(_outputs(n_out, phase)))

    def phase_counts(self, n_out: int) -> dict[int, int]:
        """For each number of inputs that n_out outputs may need: on how many of the `period` phases they do."""
        return dict(sorted(Counter(self.support(n_out, phase) for phase in range(self.period)).items()))

    def minimal_input(self, n_out: int) -> int:
        """The fewest inputs that n_out outputs can be computed from, at the best phase.

        Without upsampling every phase is the best one: (n_out - 1) * all strides + receptive_field().
        """
        return min(self.phase_counts(n_out))

    def plan(self, n_out: int, phase: int = 0) -> Plan:
        """What to feed, and what to cut at each level, for the outputs [phase, phase + n_out).

        Raises: ConfigError if n_out < 1.
        """
        spans = self.spans(_outputs(n_out, phase))
        computed = tuple(op.gives(inp) for op, inp in zip(self.ops, spans, strict=False))
        return Plan(spans, computed)

    def table(self, n_out: int = 1, phase: int = 0) -> str:
        """The plan for people, one line per level.

        `grid` is how many network inputs lie between two neighbours of the level, `cut` what is computed too much
        on the left and on the right.
        """
        plan = self.plan(n_out, phase)
        rows = [("level", "operation", "grid", "needed", "count", "cut"),
                ("0", "input", "1", str(plan.input), str(len(plan.input)), "")]
        grid = Fraction(1)
        for level, (op, span, cut) in enumerate(zip(self.ops, plan.spans[1:], plan.trims, strict=True), 1):
            grid /= op.rate
            rows.append((str(level), str(op), str(grid), str(span), str(len(span)), f"{cut[0]}, {cut[1]}"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
        return "\n".join(line.rstrip() for line in lines)

    def _rate_after(self, level: int) -> Fraction:
        """Outputs of the chain per position of a level; level 0 is the input."""
        rate = Fraction(1)
        for op in self.ops[level:]:
            rate *= op.rate
        return rate


def _outputs(n_out: int, phase: int) -> Span:
    return Span(0, as_count("n_out", n_out)).shift(as_integer("phase", phase))


def context(chain: Chain, step: int) -> tuple[int, int]:
    """Extra inputs (left, right) that any block of outputs [q * step, (q + m) * step) needs beyond its own inputs.

    The own inputs of [a, b) are [floor(a / rate), ceil(b / rate)). The numbers are the exact maxima over all q and
    all m >= 1, never negative; if step is a multiple of `chain.period`, every block needs just these.
    Raises: ConfigError if step < 1.
    """
    step = as_count("step", step)
    left = right = 0
    for edge in range(0, lcm(step, chain.period), step):
        first = chain.needs(Span(edge, edge + 1)).start
        behind = chain.needs(Span(edge - 1, edge)).stop
        left = max(left, floor(edge / chain.rate) - first)
        right = max(right, behind - ceil(edge / chain.rate))
    return left, right


def plan_paths(paths: Mapping[str, Chain], out: Span) -> dict[str, Span]:
    """The crop of each input (waveform, frames, ...) of a network whose paths all end on the grid of `out`.

    Raises: ConfigError if there is no path or `out` is empty.
    """
    if not paths:
        raise ConfigError(f"no path was given that leads to the outputs {out}; name at least one chain")
    return {name: chain.needs(out) for name, chain in paths.items()}
