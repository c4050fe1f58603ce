"""How far generation is, and how fast it was: a moving bar on a terminal, else a plain line now and then."""
import sys
import time

from core_scripts import log

LINE_INTERVAL_SECONDS = 15.0


class SampleProgress:
    """Counts the samples of all utterances of a batch, from construction to `finish`."""

    def __init__(self, utterances: int, samples: int, rate_hz: int | None) -> None:
        self._utterances, self._samples, self._rate_hz = utterances, samples, rate_hz
        self._done = 0
        self._begun = self._last = time.monotonic()
        self._bar = _make_bar(samples) if sys.stderr.isatty() else None

    def advance(self, samples: int) -> None:
        """So many more samples are there."""
        self._done += samples
        if self._bar is not None:
            self._bar.update(samples)
            return
        now = time.monotonic()
        if now - self._last >= LINE_INTERVAL_SECONDS:
            self._last = now
            log.note(self._line(now - self._begun))

    def close(self) -> None:
        """Take the bar away; also after a failure."""
        if self._bar is not None:
            self._bar.close()

    def finish(self) -> None:
        """Say how long it took; RTF is seconds of computation per second of audio."""
        log.note(describe_speed(self._utterances, self._done, time.monotonic() - self._begun, self._rate_hz))

    def _line(self, seconds: float) -> str:
        left = seconds / self._done * (self._samples - self._done)
        share = 100 * self._done / self._samples
        return f"generating: {share:.0f} % after {seconds:.0f} s, about {left:.0f} s left"


def describe_speed(utterances: int, samples: int, seconds: float, rate_hz: int | None) -> str:
    """"generated 3 utterances, 7.2 s of audio in 21.0 s: RTF 2.92 (0.34 x real time)"; without a rate in samples."""
    what = f"generated {utterances} utterance{'' if utterances == 1 else 's'}"
    seconds = max(seconds, 1e-9)
    if rate_hz is None:
        return f"{what}, {samples:,} samples in {seconds:.1f} s: {samples / seconds:,.0f} samples per second"
    audio = samples / rate_hz
    return (f"{what}, {audio:.1f} s of audio in {seconds:.1f} s: RTF {seconds / audio:.2f} "
            f"({audio / seconds:.2f} x real time)")


def _make_bar(samples: int):
    """tqdm's bar, or None where tqdm is not installed: plain lines serve as well."""
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm(total=samples, desc="generate", unit="sample", unit_scale=True, leave=False, file=sys.stderr)
