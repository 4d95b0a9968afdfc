"""What a set of predictions is worth. Pure functions over arrays.

`actual` and `predicted` hold label indices, int (n,); `probabilities` is float (n, labels). The positive label is the
one to catch (spam): `<positive>_caught` is its recall, `<rest>_blocked` the share of the others taken for it.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import accuracy_score, average_precision_score, brier_score_loss, f1_score, matthews_corrcoef


def names(labels: Sequence[str], positive: str) -> tuple[str, str]:
    """What caught and blocked are called: `spam_caught` and `ham_blocked`; beside several others, `rest_blocked`."""
    others = [label for label in labels if label != positive]
    return f"{positive}_caught", f"{others[0] if len(others) == 1 else 'rest'}_blocked"


def decisions(actual: np.ndarray, predicted: np.ndarray, labels: Sequence[str], positive: str) -> dict[str, float]:
    """Metrics of decided labels alone: accuracy, F1 of the positive label, MCC, caught and blocked.

    What cannot be said of these messages is NaN: caught without a positive one, blocked without another, MCC without
    two labels (Chicco and Jurman, 2020).
    """
    caught, blocked = names(labels, positive)
    truth, found = actual == labels.index(positive), predicted == labels.index(positive)
    return {
        "accuracy": float(accuracy_score(actual, predicted)),
        "f1": float(f1_score(truth, found, zero_division=0)),
        "mcc": float(matthews_corrcoef(actual, predicted)) if len(np.unique(actual)) > 1 else np.nan,
        caught: float(found[truth].mean()) if truth.any() else np.nan,
        blocked: float(found[~truth].mean()) if (~truth).any() else np.nan,
    }


def ranking(actual: np.ndarray, scores: np.ndarray, labels: Sequence[str], positive: str) -> dict[str, float]:
    """Average precision of the positive label's scores, float (n,), whatever their scale."""
    return {"average_precision": float(average_precision_score(actual == labels.index(positive), scores))}


def calibration(
    actual: np.ndarray, probabilities: np.ndarray, labels: Sequence[str], positive: str, bins: int
) -> dict[str, float]:
    """Brier score and expected calibration error (Naeini et al., 2015) of the positive label's probability."""
    truth = (actual == labels.index(positive)).astype(float)
    probability = probabilities[:, labels.index(positive)].astype(float)
    error = sum(n * abs(mean - share) for mean, share, n in reliability(truth, probability, bins)) / len(truth)
    return {"brier": float(brier_score_loss(truth, probability)), "ece": float(error)}


def reliability(truth: np.ndarray, probability: np.ndarray, bins: int) -> list[tuple[float, float, int]]:
    """(mean probability, share that is true, count) of each of `bins` equal parts of [0, 1] that holds any."""
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
) -> dict[str, list[float]]:
    """Percentile bootstrap intervals (Efron, 1979) of every metric of `decisions`: {name: [low, high]}."""
    rng = np.random.default_rng(seed)
    drawn = [
        decisions(actual[index], predicted[index], labels, positive)
        for index in (rng.integers(0, len(actual), len(actual)) for _ in range(resamples))
    ]
    tail = (1 - confidence) / 2
    return {
        name: [float(q) for q in np.nanquantile([metrics[name] for metrics in drawn], [tail, 1 - tail])]
        for name in drawn[0]
    }
