"""From a score to sound: glottal pulses and noise through moving resonators (after Klatt 1980, simplified).

Suffixes: f frame (a hop of 5 ms), n sample, k formant.
"""
import numpy as np

from core_scripts.constants import STREAM_CORPUS
from core_scripts.corpus.score import DRAW_ASPIRATION, DRAW_FRICATION, DRAW_ROOM, FRAMES_PER_SECOND, Score
from core_scripts.corpus.voices import UNITS
from core_scripts.streams import normals

_BANDWIDTHS_HZ = np.array([70.0, 90.0, 130.0, 200.0, 300.0])
_NASAL_WIDENING = 2.0
_FORMANT_SMOOTHING = 11  # frames: a formant takes about 50 ms from target to target
_LEVEL_SMOOTHING = 5  # of the voice
_BURST_SMOOTHING = 3  # of noises
_BLOCK = 40  # samples solved at once; divides every hop, and the widest pole decays to no less than 1e-21 in it
_ROOM_LEVEL = 4e-4  # -68 dB: no recording is silent


def synthesise(score: Score, rate_hz: int, seed: int, utterance: int) -> tuple[np.ndarray, np.ndarray]:
    """The waveform, (frames * hop,) float64 with the score's peak, and F0 per frame in Hz, 0 where unvoiced.

    Frame f of F0 is the value in the middle of samples [f*hop, (f+1)*hop).
    """
    hop = rate_hz // FRAMES_PER_SECOND
    count = score.frames * hop
    track = _tracks(score)

    def noise(purpose: int) -> np.ndarray:
        return normals(seed, STREAM_CORPUS, purpose, utterance, count=count)

    voiced_n = _per_sample(track["voicing"], hop)
    phase_n = np.cumsum(_per_sample(score.f0_hz, hop) / rate_hz)
    pulses_n, flow_n = _glottis(phase_n, score, rate_hz)
    wave = (pulses_n + score.voice.breath * noise(DRAW_ASPIRATION) * flow_n) * voiced_n
    for centre_f, width_f in zip(track["formants_hz"].T, track["bandwidths_hz"].T, strict=True):
        wave = _resonate(wave, _per_sample(centre_f, hop), _per_sample(width_f, hop), rate_hz)
    hiss = noise(DRAW_FRICATION) * _per_sample(track["noise"], hop)
    mouth = [_per_sample(track[name], hop) for name in ("noise_hz", "noise_width_hz")]
    wave = wave + _band_pass(hiss, *mouth, rate_hz)
    wave *= score.peak / np.abs(wave).max()
    return wave + _ROOM_LEVEL * noise(DRAW_ROOM), np.where(track["is_voiced"], score.f0_hz, 0.0)


def _tracks(score: Score) -> dict[str, np.ndarray]:
    """Every control of the synthesiser per frame, moving as smoothly as a mouth does."""
    units = [UNITS[segment.unit] for segment in score.segments]
    lengths = [segment.stop - segment.start for segment in score.segments]

    def hold(values) -> np.ndarray:
        return np.repeat(np.array(values, dtype=np.float64), lengths, axis=0)

    stress = [segment.stress for segment in score.segments]
    noise_f = hold([unit.noise for unit in units]) * hold(stress)
    for unit, segment in zip(units, score.segments, strict=True):
        if unit.burst_seconds:
            noise_f[segment.start : segment.stop - round(unit.burst_seconds * FRAMES_PER_SECOND)] = 0.0
    voicing_f = hold([unit.voicing for unit in units]) * hold(stress)
    is_voiced_f = voicing_f > 0
    formants_fk = hold([unit.formants_hz for unit in units]) * score.voice.tract
    widening_f = hold([_NASAL_WIDENING if unit.kind == "nasal" else 1.0 for unit in units])
    return {
        "is_voiced": is_voiced_f,
        "voicing": _smooth(voicing_f * _inside(is_voiced_f), _LEVEL_SMOOTHING),
        "noise": _smooth(noise_f, _BURST_SMOOTHING),
        "noise_hz": hold([unit.noise_hz for unit in units]),
        "noise_width_hz": hold([unit.noise_width_hz for unit in units]),
        "formants_hz": _smooth(formants_fk, _FORMANT_SMOOTHING),
        "bandwidths_hz": _smooth(widening_f[:, None] * _BANDWIDTHS_HZ, _FORMANT_SMOOTHING),
    }


def _inside(flag_f: np.ndarray) -> np.ndarray:
    """Without the ends of each run, so that smoothing never carries voice into unvoiced frames."""
    reach = _LEVEL_SMOOTHING // 2
    padded = np.pad(flag_f, reach)
    return np.all([padded[i : i + len(flag_f)] for i in range(2 * reach + 1)], axis=0)


def _smooth(track: np.ndarray, frames: int) -> np.ndarray:
    weights = np.hanning(frames + 2)[1:-1]
    weights = weights / weights.sum()
    columns = np.pad(track, [(frames // 2, frames // 2)] + [(0, 0)] * (track.ndim - 1), mode="edge")
    return sum(weight * columns[i : i + len(track)] for i, weight in enumerate(weights))


def _per_sample(track_f: np.ndarray, hop: int) -> np.ndarray:
    """Straight lines between the middles of the frames."""
    frames = len(track_f)
    return np.interp((np.arange(frames * hop) + 0.5) / hop, np.arange(frames) + 0.5, track_f)


def _glottis(phase_n: np.ndarray, score: Score, rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Differentiated glottal flow, its steepest slope about 1, and the flow itself in [0, 1].

    Flow as in Klatt and Klatt (1990): 27/4 (x^2 - x^3) while open, x in [0, 1]. Its slope jumps at closure; the
    difference of the flow from sample to sample is the slope averaged over the sample, which keeps aliases low.
    """
    x = np.minimum((phase_n % 1.0) / score.voice.open_quotient, 1.0)
    flow_n = 6.75 * (x * x - x * x * x)
    period_n = 1.0 / np.maximum(np.gradient(phase_n), 1e-6)  # in samples
    slope_n = np.diff(flow_n, prepend=flow_n[:1]) * period_n * (score.voice.open_quotient / 6.75)
    decay = np.full_like(slope_n, np.exp(-2.0 * np.pi * score.voice.tilt_hz / rate_hz))
    return (1.0 - decay) * _one_pole(slope_n, decay), flow_n


def _resonate(signal_n: np.ndarray, centre_n: np.ndarray, width_n: np.ndarray, rate_hz: int) -> np.ndarray:
    """A two-pole resonator that moves with every sample, gain 1 at 0 Hz wherever it stands still."""
    pole_n = np.exp((2j * centre_n - width_n) * (np.pi / rate_hz))
    gain_n = np.abs(1.0 - pole_n) ** 2 / pole_n.imag
    return gain_n * _one_pole(signal_n, pole_n).imag


def _band_pass(signal_n: np.ndarray, centre_n: np.ndarray, width_n: np.ndarray, rate_hz: int) -> np.ndarray:
    """A resonator without 0 Hz and half the rate; white noise keeps its variance."""
    pole_n = np.exp((2j * centre_n - width_n) * (np.pi / rate_hz))
    edgeless_n = signal_n - np.pad(signal_n, (2, 0))[:-2]
    return np.sqrt(1.0 - np.abs(pole_n) ** 2) * _one_pole(edgeless_n, pole_n).imag


def _one_pole(signal_n: np.ndarray, pole_n: np.ndarray) -> np.ndarray:
    """z[n] = pole[n] z[n-1] + signal[n], complex: unlike a direct-form section it adds no energy when poles move.

    Solved in closed form inside blocks, z = P (carry + cumsum(signal / P)) with P the running product of the poles.
    """
    blocks = (-1, _BLOCK)
    product = np.cumprod(pole_n.reshape(blocks), axis=1)
    fresh = product * np.cumsum(signal_n.reshape(blocks) / product, axis=1)
    carry, state = np.empty(len(fresh), dtype=fresh.dtype), 0.0
    for block, (decay, end) in enumerate(zip(product[:, -1].tolist(), fresh[:, -1].tolist(), strict=True)):
        carry[block] = state
        state = decay * state + end
    return (fresh + product * carry[:, None]).reshape(-1)
