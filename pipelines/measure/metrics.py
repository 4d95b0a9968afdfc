"""Metrics of a set of predictions. Pure functions over arrays.

`actual` and `predicted` hold label indices, int (n,); `probabilities` is float (n, labels). The positive label is the
one to catch (spam): `<positive>_caught` is its recall, `<rest>_blocked` the share of the others taken for it.
"""

import re
from collections.abc import Sequence

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, average_precision_score, brier_score_loss, f1_score

from registry.metrics import calibration_error, mcc

CONFIDENCE = 0.95  # of every interval
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
        "mcc": _mcc(actual, predicted),
        caught: float(flagged[is_positive].mean()) if is_positive.any() else np.nan,
        blocked: float(flagged[~is_positive].mean()) if (~is_positive).any() else np.nan,
    }


def _mcc(actual: np.ndarray, predicted: np.ndarray) -> float:
    return mcc(actual, predicted) if len(np.unique(actual)) > 1 else np.nan


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


def intervals(
    actual: np.ndarray,
    predicted: np.ndarray,
    labels: Sequence[str],
    positive: str,
    resamples: int,
    seed: int,
) -> dict[str, tuple[float, float]]:
    """The interval of every metric of `decisions`: {name: (low, high)}.

    It is exact (Clopper and Pearson, 1934) for all but MCC: where nothing was counted, a bootstrap says 0 to 0. MCC has
    the percentile bootstrap's (Efron, 1979), and where no message is wrong, `_least_mcc` as its lower bound.
    """
    rng = np.random.default_rng(seed)
    tail = (1 - CONFIDENCE) / 2
    drawn = [
        _mcc(actual[index], predicted[index])
        for index in (rng.integers(0, len(actual), len(actual)) for _ in range(resamples))
    ]
    low, high = np.nanquantile(drawn, [tail, 1 - tail])
    if (actual == predicted).all():
        low = _least_mcc(actual)
    exact = _exact_intervals(actual, predicted, labels, positive)
    return {"mcc": (float(low), float(high))} | exact


def _least_mcc(actual: np.ndarray) -> float:
    """The lower bound of MCC where no message is wrong: as many are as the exact bound of the accuracy allows.

    All of them are taken to be messages of the rarest label, which costs most.
    """
    accuracy, _ = exact_interval(len(actual), len(actual))
    found, counts = np.unique(actual, return_counts=True)
    if len(found) < 2:
        return 0.0
    predicted, rarest = actual.copy(), np.flatnonzero(actual == found[counts.argmin()])
    predicted[rarest[: int(np.ceil((1 - accuracy) * len(actual)))]] = found[counts.argmax()]
    return mcc(actual, predicted)


def _exact_intervals(
    actual: np.ndarray, predicted: np.ndarray, labels: Sequence[str], positive: str
) -> dict[str, tuple[float, float]]:
    """The intervals of the metrics that are shares of messages, and of F1.

    F1 is 2s / (1 + s), where s is the share of messages that are positive and flagged, of those that are one of both.
    """
    is_positive, flagged = actual == labels.index(positive), predicted == labels.index(positive)
    caught, blocked = names(labels, positive)
    parts = {
        "accuracy": (actual == predicted, np.ones(len(actual), dtype=bool)),
        "f1": (is_positive & flagged, is_positive | flagged),
        caught: (flagged, is_positive),
        blocked: (flagged, ~is_positive),
    }
    intervals = {
        name: exact_interval(int(counted[part].sum()), int(part.sum()))
        for name, (counted, part) in parts.items()
        if part.any()
    }
    if "f1" in intervals:
        low, high = intervals["f1"]
        intervals["f1"] = (2 * low / (1 + low), 2 * high / (1 + high))
    return intervals


def exact_interval(count: int, of: int) -> tuple[float, float]:
    """The interval of the share `count` / `of` by Clopper and Pearson (1934); `of` is 1 or more."""
    interval = binomtest(count, of).proportion_ci(CONFIDENCE, method="exact")
    return float(interval.low), float(interval.high)


def by_slice(
    texts: Sequence[str], actual: np.ndarray, predicted: np.ndarray, labels: Sequence[str], positive: str
) -> dict[str, dict[str, int | float]]:
    """For each of SLICES that has a message: the count of messages, and those `decisions` that are defined."""
    slices = {}
    for name, inside in members(texts).items():
        row = decisions(actual[inside], predicted[inside], labels, positive)
        defined = {metric: value for metric, value in row.items() if not np.isnan(value)}
        slices[name] = {"messages": int(inside.sum()), **defined}
    return slices


def members(texts: Sequence[str]) -> dict[str, np.ndarray]:
    """Which texts each of SLICES has, bool (n,), without a slice that has none."""
    slices = {name: np.array([belongs(text) for text in texts], dtype=bool) for name, belongs in SLICES.items()}
    return {name: inside for name, inside in slices.items() if inside.any()}
