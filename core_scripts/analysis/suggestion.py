"""From correlation lengths to a receptive field and to the layers that give it, each step with its reason. No torch."""
import math
from dataclasses import dataclass, replace

from core_scripts.analysis.data_sheet import Correlations, DataSheet
from core_scripts.analysis.file_facts import ENVELOPE_LAGS, ENVELOPE_SECONDS
from core_scripts.analysis.sampling import Estimate
from core_scripts.errors import DataError

_LENGTHS = 4  # correlation lengths that a field spans: exp(-4) of the correlation is left, 2 %
_LONGEST_CYCLE = 12  # dilations 1 ... 2048 in a block
_LEAST_SAMPLES = 4096
_LEAST_LENGTHS = 100  # correlation lengths that the recordings must hold: a tenth is then the error of the length
_SLOW_BLOCKS = 1.5  # of 5 ms that an envelope must remember to be more than the samples' own memory
_SLOW_LENGTHS = 8.0
_TESTED_ORDERS = 64
_SAMPLES_PER_PARAMETER = 10  # a net of 131,000 learnt one speaker of the digits from 12 samples per parameter
UNKNOWN_WITH_FRAMES = ("how much of the slow structure the conditioning frames bring already; with them a shorter "
                       "field may do")
SPEECH_CHANNELS, STEADY_CHANNELS = 32, 8  # of a layer, where data and budget allow


@dataclass(frozen=True)
class Suggestion:
    """blocks of dilations 1, 2, ..., 2**(dilation_cycle - 1), kernel 2; channels: at most, in each layer."""

    blocks: int
    dilation_cycle: int
    channels: int
    rate_hz: int
    reasons: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def layers(self) -> int:
        return self.blocks * self.dilation_cycle

    @property
    def receptive_field(self) -> int:
        """In samples."""
        return self.blocks * (2**self.dilation_cycle - 1) + 1

    @property
    def receptive_field_ms(self) -> float:
        return 1000 * self.receptive_field / self.rate_hz

    def __str__(self) -> str:
        blocks = f"{self.blocks} blocks" if self.blocks > 1 else "one block"
        layers = f"{self.layers} layers" if self.layers > 1 else "one layer"
        return (f"{layers} in {blocks} of dilations 1 ... {2 ** (self.dilation_cycle - 1)}: receptive "
                f"field {self.receptive_field:,} samples = {self.receptive_field_ms:.1f} ms")

    def with_blocks(self, blocks: int) -> "Suggestion":
        """The same with fewer blocks, for lack of means."""
        return replace(self, blocks=blocks)


def suggest(sheet: DataSheet) -> Suggestion:
    """The smallest stack of dilated layers whose field spans what the recordings' correlations reach.

    Raises: DataError if they are constant or silent, too few, or correlated for longer than was looked at.
    """
    found, rate_hz = sheet.correlations, sheet.audio.rate_hz()
    if found is None:
        raise DataError(f"{sheet.audio.place}: all {len(sheet.measured)} recordings are constant or silent, so there "
                        f"is nothing to predict and nothing to suggest; look at how they were made")
    samples = round(sheet.hours_measured * 3600 * rate_hz)
    if samples < _LEAST_SAMPLES:
        raise DataError(f"{sheet.audio.place} holds {samples:,} samples, too few to suggest from; {_LEAST_SAMPLES:,} "
                        f"are needed for the shortest correlations")
    made = _for_slow_levels(sheet, found, rate_hz) if _is_slow(sheet, found) else _for_steady(found)
    return replace(made, reasons=(*made.reasons, *_warnings(sheet)), unknown=(*made.unknown, *_unknown(sheet)))


def most_parameters(sheet: DataSheet) -> int:
    """What the training list can teach, by a rule of thumb."""
    train = sum(sheet.audio.recordings[name].header.frames for name in sheet.audio.lists["train"])
    return max(1, train // _SAMPLES_PER_PARAMETER)


def explain_parameters(sheet: DataSheet, parameters: int, channels: int) -> str:
    """Why so many channels."""
    per = most_parameters(sheet) * _SAMPLES_PER_PARAMETER / parameters
    enough = "" if per >= _SAMPLES_PER_PARAMETER else "; it will know them by heart, so stop early or record more"
    return (f"{channels} channels: {parameters:,} parameters, {per:.0f} training samples for each (rule of thumb: "
            f"{_SAMPLES_PER_PARAMETER} or more){enough}")


def _is_slow(sheet: DataSheet, found: Correlations) -> bool:
    """Whether levels change, and remember for longer than the samples' own correlation explains."""
    if sheet.is_steady or math.isnan(found.envelope[0]):
        return False
    if found.envelope_ms is None:
        return True
    own = found.waveform_samples.value if found.waveform_samples else math.inf
    length = found.envelope_ms.value / 1000 * found.rate_hz
    block = max(1, round(ENVELOPE_SECONDS * found.rate_hz))
    return length > _SLOW_BLOCKS * block and length > _SLOW_LENGTHS * own


def _for_slow_levels(sheet: DataSheet, found: Correlations, rate_hz: int) -> Suggestion:
    seconds = sheet.hours_measured * 3600
    if found.envelope_ms is None:
        raise DataError(f"{sheet.audio.place}: the energy envelope stays correlated for longer than "
                        f"{ENVELOPE_SECONDS * ENVELOPE_LAGS:g} s or than the recordings last, so its length is not "
                        f"known; give longer recordings, or such whose level does not drift")
    length = found.envelope_ms.value / 1000 * rate_hz
    if seconds * rate_hz < _LEAST_LENGTHS * length:
        raise DataError(f"{sheet.audio.place} holds {seconds:.1f} s, too little to suggest from: its energy envelope "
                        f"stays correlated for {found.envelope_ms} ms, and {_LEAST_LENGTHS} such lengths, "
                        f"{_LEAST_LENGTHS * length / rate_hz:.0f} s, are needed to know that")
    cycle = min(max(round(math.log2(length)), 1), _LONGEST_CYCLE)
    span, wanted = 2**cycle - 1, _LENGTHS * length
    needed = max(1, math.ceil((wanted - 1) / span))
    median = sheet.lengths()["0.5"] * rate_hz
    blocks = needed
    while blocks > 1 and blocks * span + 1 > median / 2:
        blocks -= 1
    made = Suggestion(blocks, cycle, SPEECH_CHANNELS, rate_hz, (), ())
    ms = 1000 / rate_hz
    reasons = [
        f"the energy envelope forgets itself (1/e) after {found.envelope_ms} ms = {length:,.0f} samples; a block of "
        f"dilations 1 ... {2 ** (cycle - 1)} spans about as much, {span:,} samples",
        f"{_LENGTHS} such lengths, {wanted * ms:.0f} ms, leave exp(-{_LENGTHS}) = 2 % of the correlation: {needed} "
        f"blocks, {needed * span + 1:,} samples = {(needed * span + 1) * ms:.0f} ms",
    ]
    if blocks < needed:
        reasons.append(f"but half of the recordings are shorter than {median / rate_hz:.2f} s, and a field of more "
                       f"than half of that sees mostly the silence before a file: {blocks} blocks, "
                       f"{made.receptive_field:,} samples = {made.receptive_field_ms:.0f} ms")
    reasons.append("for comparison, WaveNets for speech at 16 kHz have 3 to 5 blocks of 10: 192 to 320 ms")
    return replace(made, reasons=(*reasons, _fast_part(found, ms), *_pitch(sheet, made)))


def _fast_part(found: Correlations, ms: float) -> str:
    own = found.waveform_samples
    forgets = f"forget themselves after {own} ({own.value * ms:.2f} ms)" if own else "stay correlated beyond 50 ms"
    return (f"samples {forgets}, and a linear predictor uses {found.linear_order} of the last {_TESTED_ORDERS}: the "
            f"first block sees all of that")


def _pitch(sheet: DataSheet, made: Suggestion) -> list[str]:
    pitch = sheet.pitch()
    if pitch is None:
        return []
    low = pitch["hz"]["0.05"]
    return [f"95 % of voiced frames are above {low:.0f} Hz: the field holds {made.receptive_field_ms * low / 1000:.0f} "
            f"periods of such a voice or more"]


def _for_steady(found: Correlations) -> Suggestion:
    """Of a level that does not change: what a linear predictor uses is what there is."""
    order = max(1, found.linear_order)
    cycle = max(1, math.ceil(math.log2(2 * order)))
    made = Suggestion(1, cycle, STEADY_CHANNELS, found.rate_hz, (), ())
    envelope = f"({found.envelope_ms} ms)" if isinstance(found.envelope_ms, Estimate) else "(it is constant)"
    own = found.waveform_samples
    lasts = f"{own} samples" if own else "more than 50 ms"
    reasons = [
        f"the level hardly changes, or its envelope remembers no longer than the samples do {envelope}: there are no "
        f"syllables or bars for a long field to see, and the 200 to 300 ms of speech models would be wasted here",
        f"a linear predictor uses {found.linear_order} past samples, more of them take less than 1 % from its error"
        if found.linear_order else "a linear predictor finds nothing to use: this looks like white noise",
        f"that correlations last for {lasts} follows from these few and asks for no longer field",
        f"a field of twice as many or a little more: {made.receptive_field} samples",
    ]
    if found.linear_order >= _TESTED_ORDERS - 4:
        reasons.append(f"no more than {_TESTED_ORDERS} past samples were tried, and all are of use: take a longer one "
                       f"if held-out bits fall with it")
    return replace(made, reasons=tuple(reasons))


def _warnings(sheet: DataSheet) -> list[str]:
    """What of the data a user should mend before any figure counts."""
    bits, levels = sheet.formats()["effective_bits"], sheet.levels()
    told = [f"{count:,} of {len(sheet.measured):,} recordings use {own} bits only, keep them out of figures of "
            f"likelihood" for own, count in bits.items() if own.isdigit() and int(own) < 12]
    if levels["clipped_files"]:
        told.append(f"{levels['clipped_files']} recordings are clipped; the network would learn that too")
    if levels["constant_files"]:
        told.append(f"{levels['constant_files']} recordings are constant; take them off the list")
    twins = sheet.duplicates()
    if twins:
        told.append(f"{sum(map(len, twins)) - len(twins)} recordings are copies of others; one in training and in test "
                    f"would flatter every figure")
    return told


def _unknown(sheet: DataSheet) -> list[str]:
    """What cannot be told from correlations."""
    told = ["whether anything further back matters that is not seen in second-order correlations (a word's sense, a "
            "tune): compare held-out bits of one block more and one less",
            "channels, learning rate and number of steps are those that have served elsewhere, not measured here"]
    if sheet.is_sampled:
        told.append(f"{sheet.of_files - len(sheet.facts):,} recordings were not looked at; "
                    f"--analysis-seconds 0 takes all")
    if sheet.lengths()["0.5"] < 1.0:
        told.append(f"recordings of {sheet.lengths()['0.5']:.2f} s (median) show no correlations longer than a part of "
                    f"that")
    return told
