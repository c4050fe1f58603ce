"""The mel filterbank under the name that upstream's front ends import."""
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

_MAGNITUDE_FLOOR = 1e-12


class Melspec:
    """Log-mel spectra with triangles on the mel scale 1127 ln(1 + f/700) (O'Shaughnessy 1987), peaks of 1.

    sf: rate in Hz; fl, fs, fn: frame length, shift and FFT points in samples; mfbnum: bands from melmin to melmax Hz.
    """

    def __init__(self, sf=16000, fl=400, fs=80, fn=1024, mfbnum=80, melmin=0, melmax=None, ver=1):
        self.sf, self.fl, self.fs, self.fn, self.mfbnum = sf, fl, fs, fn, mfbnum
        top = sf / 2 if melmax is None else melmax
        edges_mel = np.linspace(*(1127.0 * np.log1p(np.array([melmin, top]) / 700.0)), mfbnum + 2)
        edges_hz = 700.0 * np.expm1(edges_mel / 1127.0)
        bins_hz = np.arange(fn // 2 + 1)[:, None] * sf / fn
        rising = (bins_hz - edges_hz[:-2]) / (edges_hz[1:-1] - edges_hz[:-2])
        falling = (edges_hz[2:] - bins_hz) / (edges_hz[2:] - edges_hz[1:-1])
        self.melfb = np.maximum(0.0, np.minimum(rising, falling))  # (fn // 2 + 1, mfbnum)
        self.window = np.hanning(fl)

    def analyze(self, x):
        """Waveform (T,) -> (frames, mfbnum) natural logarithms, frames fully inside the waveform."""
        frames = sliding_window_view(np.asarray(x, dtype=np.float64).reshape(-1), self.fl)[:: self.fs] * self.window
        return np.log(np.maximum(np.abs(np.fft.rfft(frames, self.fn)) @ self.melfb, _MAGNITUDE_FLOOR))
