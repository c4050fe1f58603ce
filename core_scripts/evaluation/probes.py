"""What a straight line can read: logistic regression on pooled tokens, and judges of voice and content. No torch."""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

from core_scripts.errors import DataError

_SMALLEST_STD = 1e-6
JUDGE_STRENGTH, CONTENT_PARTS = 0.1, 6


@dataclass(frozen=True)
class Probe:
    """Multinomial logistic regression: the class with the largest of (x - mean) / std @ weights + bias."""

    mean: np.ndarray  # (D,)
    std: np.ndarray  # (D,)
    weights: np.ndarray  # (D, classes)
    bias: np.ndarray  # (classes,)

    def choose(self, features: np.ndarray) -> np.ndarray:
        """(N, D) to the classes, (N,)."""
        return ((features - self.mean) / self.std @ self.weights + self.bias).argmax(1)

    def accuracy(self, features: np.ndarray, labels: Sequence[int]) -> float:
        """Share of the labels that are found."""
        return float((self.choose(features) == np.asarray(labels)).mean())


def fit_probe(features: np.ndarray, labels: Sequence[int], strength: float = 1.0, iterations: int = 60) -> Probe:
    """Minimise mean cross-entropy + |weights|**2 / (2 strength N) by L-BFGS (scipy) on standardised features (N, D).

    labels: integers from 0 on. Few iterations do: probes compare representations, they need not be the best.
    Raises: DataError if there is one class only, or features and labels differ in number.
    """
    labels = np.asarray(labels)
    if len(features) != len(labels) or len(np.unique(labels)) < 2:
        raise DataError(f"a probe of {len(features)} examples with {len(labels)} labels of {len(np.unique(labels))} "
                        f"classes cannot be fitted; give one label each, of two classes at least")
    mean, std = features.mean(0), features.std(0) + _SMALLEST_STD
    x, classes = (features - mean) / std, int(labels.max()) + 1
    wanted = np.eye(classes)[labels]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights, bias = np.split(flat, [x.shape[1] * classes])
        weights = weights.reshape(-1, classes)
        log_p = log_softmax(x @ weights + bias, axis=1)
        value = -(wanted * log_p).sum() / len(x) + np.square(weights).sum() / (2 * strength * len(x))
        slope = (np.exp(log_p) - wanted) / len(x)
        return value, np.concatenate([(x.T @ slope + weights / (strength * len(x))).ravel(), slope.sum(0)])

    found = minimize(loss, np.zeros((x.shape[1] + 1) * classes), jac=True, method="L-BFGS-B",
                     options={"maxiter": iterations}).x
    return Probe(mean, std, found[: x.shape[1] * classes].reshape(-1, classes), found[x.shape[1] * classes :])


def pool_parts(frames: np.ndarray, parts: int) -> np.ndarray:
    """Means over `parts` equal parts of (T, D) frames, one behind the other, (parts * D,); parts may share a frame."""
    edges = np.arange(parts + 1) * len(frames) / parts
    return np.concatenate([frames[int(a) : max(int(a) + 1, int(b))].mean(0)
                           for a, b in zip(edges[:-1], edges[1:], strict=True)])


def pool_units(units: np.ndarray, count: int, parts: int) -> np.ndarray:
    """How often each of `count` units stands in each of `parts` equal parts, as shares, (parts * count,)."""
    return pool_parts(np.eye(count)[units], parts)


@dataclass(frozen=True)
class Judge:
    """Two probes of log-mel frames, trained on natural speech: who speaks, and what is said."""

    voice: Probe
    content: Probe

    def hear(self, log_mels: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Speaker and content of each utterance (T, bands)."""
        return (self.voice.choose(np.stack([voice_features(own) for own in log_mels])),
                self.content.choose(np.stack([content_features(own) for own in log_mels])))


@dataclass(frozen=True)
class ConversionScore:
    """Shares of converted utterances."""

    target: float  # taken for the target speaker
    source: float  # taken for the source speaker
    content_kept: float  # the same content as before


def fit_judge(log_mels: Sequence[np.ndarray], speakers: Sequence[int], contents: Sequence[int]) -> Judge:
    """From natural utterances (T, bands). Raises: DataError as `fit_probe`."""
    voices = np.stack([voice_features(own) for own in log_mels])
    words = np.stack([content_features(own) for own in log_mels])
    return Judge(fit_probe(voices, speakers, JUDGE_STRENGTH), fit_probe(words, contents, JUDGE_STRENGTH))


def score_conversion(judge: Judge, log_mels: Sequence[np.ndarray], targets: Sequence[int], sources: Sequence[int],
                     contents: Sequence[int]) -> ConversionScore:
    """The spoofing rate of Serra et al. 2019 with the judge, and whether the content survived."""
    speakers, words = judge.hear(log_mels)
    shares = [float((found == np.asarray(wanted)).mean())
              for found, wanted in ((speakers, targets), (speakers, sources), (words, contents))]
    return ConversionScore(*shares)


def voice_features(log_mel: np.ndarray) -> np.ndarray:
    """Mean and deviation of each band over time, (2 * bands,): a voice's colour, whatever it says."""
    return np.concatenate([log_mel.mean(0), log_mel.std(0)])


def content_features(log_mel: np.ndarray) -> np.ndarray:
    """The course of each band in six parts, without its mean over time, (6 * bands,): what is said, by whomever."""
    return pool_parts(log_mel - log_mel.mean(0), CONTENT_PARTS)
