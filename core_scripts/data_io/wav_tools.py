"""Waveforms: speech apart from silence, and the names under which upstream reads and writes them."""
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from core_scripts.data_io.audio_header import read_audio_header
from core_scripts.data_io.file_io import read_frames, write_frames

_POWER_FLOOR = 1e-16  # -160 dB, below one bit of 24


def silence_handler(
    wav, sr, fl=320, fs=80, max_thres_below=30, min_thres=-55, shortest_len_in_ms=50, flag_output=0,
    flag_norm_amp=True, flag_only_startend_sil=False,
):
    """(speech, silence, tags) of a waveform (T,): samples of both kinds, and 1 (speech) or 0 per sample.

    A frame (fl samples, every fs) is speech if its level is above both max_thres_below dB under the loudest one and
    min_thres dB of full scale; runs of either kind shorter than shortest_len_in_ms join their surroundings.
    flag_norm_amp: levels are measured after scaling the peak to 1. flag_only_startend_sil: only silence at both ends
    counts. flag_output: 0 all three, 1 speech alone, 2 silence alone.
    """
    wav = np.asarray(wav).reshape(-1)
    tags = _speech_tags(wav, fl, fs, (max_thres_below, min_thres), flag_norm_amp)
    shortest = int(shortest_len_in_ms * sr / 1000)
    for kind in (0, 1):  # short pauses become speech first, then short bursts silence
        tags = _absorb_short_runs(tags, kind, shortest)
    if flag_only_startend_sil and tags.any():
        spoken = np.flatnonzero(tags)
        tags[spoken[0] : spoken[-1] + 1] = 1
    speech, silence = wav[tags == 1], wav[tags == 0]
    return (speech, silence, tags) if flag_output == 0 else (speech if flag_output == 1 else silence)


def silence_handler_wrapper(wav, sr, *settings, **named_settings):
    """`silence_handler` for (T, 1) arrays: waveforms that come back are (N, 1) too."""
    result = silence_handler(wav, sr, *settings, **named_settings)
    return (result[0][:, None], result[1][:, None], result[2]) if isinstance(result, tuple) else result[:, None]


def _speech_tags(wav: np.ndarray, window: int, hop: int, limits_db: tuple[float, float], norm: bool) -> np.ndarray:
    """1 or 0 per sample, from the level of the frame that is centred on it."""
    peak = float(np.abs(wav).max(initial=0.0))
    scaled = wav / peak if norm and peak > 0 else wav.astype(np.float64)
    frames = max(1, -(-len(wav) // hop))
    left = (window - hop) // 2
    padded = np.pad(scaled, (left, max(0, (frames - 1) * hop + window - left - len(wav))))
    power = (sliding_window_view(padded, window)[::hop][:frames] ** 2).mean(axis=1)
    level_db = 10 * np.log10(np.maximum(power, _POWER_FLOOR))
    is_speech = (level_db > level_db.max() - limits_db[0]) & (level_db > limits_db[1])
    return np.repeat(is_speech.astype(np.int64), hop)[: len(wav)]


def _absorb_short_runs(tags: np.ndarray, kind: int, shortest: int) -> np.ndarray:
    """Runs of `kind` below `shortest` samples turned into the other kind."""
    borders = np.flatnonzero(np.diff(tags)) + 1
    starts, stops = np.concatenate([[0], borders]), np.concatenate([borders, [len(tags)]])
    changed = tags.copy()
    for start, stop in zip(starts.astype(int), stops.astype(int), strict=True):
        if stop > start and tags[start] == kind and stop - start < shortest and stop - start < len(tags):
            changed[start:stop] = 1 - kind
    return changed


def waveReadAsFloat(wavFileIn):  # noqa: N802, N803 (upstream's names)
    """(rate in Hz, waveform (T,) or (T, channels) float32)."""
    header = read_audio_header(Path(wavFileIn))
    waveform = read_frames(Path(wavFileIn), header.channels)
    return header.rate_hz, waveform[:, 0] if header.channels == 1 else waveform


def waveFloatToPCMFile(waveData, wavFile, bit=16, sr=16000):  # noqa: N802, N803 (upstream's names)
    """Write a waveform in [-1, 1] as 16-bit PCM, the only width that is written."""
    write_frames(Path(wavFile), np.asarray(waveData), sr)


def readWaveLength(wavFileIn):  # noqa: N802, N803 (upstream's names)
    """Samples per channel, from the header."""
    return read_audio_header(Path(wavFileIn)).frames
