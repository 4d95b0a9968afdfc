"""Metrics of a set of predictions. Pure functions over arrays.

`actual` and `predicted` hold label indices, int (n,); `probabilities` is float (n, labels). The positive label is the
one to catch (spam): `<positive>_caught` is its recall, `<rest>_blocked` the share of the others taken for it.
"""

import re
from collections.abc import Sequence

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, average_precision_score, brier_score_loss, f1_score

from registry.metrics import mcc

_LINK = re.compile(r"https?://|www\.", re.IGNORECASE)
SLICES = {
    "short": lambda text: len(text) <= 40,
    "long": lambda text: len(text) > 140,
    "digits": lambda text: any(c.isdigit() for c in text),
    "no_digits": lambda text: not any(c.isdigit() for c in text),
    "links": lambda text: bool(_LINK.search(text)),
    "non_ascii": lambda text: not text.isascii(),
}


def names(labels: Sequence[str], positive: str) -> tuple[str, str]:
    """The names of caught and blocked: `spam_caught` and `ham_blocked`, or `rest_blocked` with several other labels."""
    others = [label for label in labels if label != positive]
    return f"{positive}_caught", f"{others[0] if len(others) == 1 else 'rest'}_blocked"


def decisions(actual: np.ndarray, predicted: np.ndarray, labels: Sequence[str], positive: str) -> dict[str, float]:
    """Metrics of decided labels: accuracy, F1 of the positive label, MCC (Chicco and Jurman, 2020), caught and blocked.

    NaN where a metric is undefined: caught without a positive message, blocked without another, MCC of one label.
    """
    caught, blocked = names(labels, positive)
    is_positive, flagged = actual == labels.index(positive), predicted == labels.index(positive)
    return {
        "accuracy": float(accuracy_score(actual, predicted)),
        "f1": float(f1_score(is_positive, flagged, zero_division=0)),
        "mcc": mcc(actual, predicted) if len(np.unique(actual)) > 1 else np.nan,
        caught: float(flagged[is_positive].mean()) if is_positive.any() else np.nan,
        blocked: float(flagged[~is_positive].mean()) if (~is_positive).any() else np.nan,
    }


def ranking(actual: np.ndarray, scores: np.ndarray, labels: Sequence[str], positive: str) -> dict[str, float]:
    """Average precision of the positive label's scores, float (n,), on any scale."""
    return {"average_precision": float(average_precision_score(actual == labels.index(positive), scores))}


def calibration(
    actual: np.ndarray, probabilities: np.ndarray, labels: Sequence[str], positive: str, bins: int
) -> dict[str, float]:
    """Brier score and expected calibration error of the positive label's probability."""
    is_positive = (actual == labels.index(positive)).astype(float)
    probability = probabilities[:, labels.index(positive)].astype(float)
    error = calibration_error(is_positive, probability, bins)
    return {"brier": float(brier_score_loss(is_positive, probability)), "ece": error}


def calibration_error(truth: np.ndarray, probability: np.ndarray, bins: int) -> float:
    """Expected calibration error (Naeini et al., 2015); `truth` is 0 or 1, both float (n,)."""
    parts = reliability(truth, probability, bins)
    return float(sum(count * abs(mean - share) for mean, share, count in parts) / len(truth))


def reliability(truth: np.ndarray, probability: np.ndarray, bins: int) -> list[tuple[float, float, int]]:
    """(mean probability, share that is true, count) of each of `bins` equal parts of [0, 1] that is not empty."""
    part = np.minimum((probability * bins).astype(int), bins - 1)
    return [
        (float(probability[part == i].mean()), float(truth[part == i].mean()), int((part == i).sum()))
        for i in np.unique(part)
    ]


def intervals(
    actual: np.ndarray,
    predicted: np.ndarray,
    labels: Sequence[str],
    positive: str,
    resamples: int,
    seed: int,
    confidence: float = 0.95,
) -> dict[str, tuple[float, float]]:
    """The interval of every metric of `decisions`: {name: (low, high)}.

    It is the percentile bootstrap's (Efron, 1979), but exact for caught and blocked: where nothing was counted, a
    bootstrap says 0 to 0.
    """
    rng = np.random.default_rng(seed)
    drawn = [
        decisions(actual[index], predicted[index], labels, positive)
        for index in (rng.integers(0, len(actual), len(actual)) for _ in range(resamples))
    ]
    tail = (1 - confidence) / 2
    quantiles = {name: np.nanquantile([row[name] for row in drawn], [tail, 1 - tail]) for name in drawn[0]}
    bootstrapped = {name: (float(low), float(high)) for name, (low, high) in quantiles.items()}
    return bootstrapped | _exact_intervals(actual, predicted, labels, positive, confidence)


def _exact_intervals(
    actual: np.ndarray, predicted: np.ndarray, labels: Sequence[str], positive: str, confidence: float
) -> dict[str, tuple[float, float]]:
    is_positive, flagged = actual == labels.index(positive), predicted == labels.index(positive)
    parts = zip(names(labels, positive), (is_positive, ~is_positive), strict=True)
    return {
        name: exact_interval(int(flagged[part].sum()), int(part.sum()), confidence)
        for name, part in parts
        if part.any()
    }


def exact_interval(count: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of the share `count` / `of` by Clopper and Pearson (1934); `of` is 1 or more."""
    interval = binomtest(count, of).proportion_ci(confidence, method="exact")
    return float(interval.low), float(interval.high)


def by_slice(
    texts: Sequence[str], actual: np.ndarray, predicted: np.ndarray, labels: Sequence[str], positive: str
) -> dict[str, dict[str, int | float]]:
    """For each of SLICES that has a message: the count of messages, and those `decisions` that are defined."""
    slices = {}
    for name, belongs in SLICES.items():
        inside = np.array([belongs(text) for text in texts])
        if inside.any():
            row = decisions(actual[inside], predicted[inside], labels, positive)
            defined = {metric: value for metric, value in row.items() if not np.isnan(value)}
            slices[name] = {"messages": int(inside.sum()), **defined}
    return slices
