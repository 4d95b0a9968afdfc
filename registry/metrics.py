"""Figures that more than one part of the project computes: the Matthews correlation coefficient, which training,
evaluation and the gate compare, and calibration, which evaluation and the live quality measure.
"""

import numpy as np


def mcc(actual: np.ndarray, predicted: np.ndarray) -> float:
    """MCC of labels of any type and number, arrays of shape (n,) (Gorodkin, 2004); 0 where it is undefined."""
    labels, coded = np.unique(np.concatenate([actual, predicted]), return_inverse=True)
    confusion = np.zeros((len(labels), len(labels)))
    np.add.at(confusion, (coded[: len(actual)], coded[len(actual) :]), 1)
    total, actual_counts, predicted_counts = confusion.sum(), confusion.sum(axis=1), confusion.sum(axis=0)
    spread = (total**2 - (actual_counts**2).sum()) * (total**2 - (predicted_counts**2).sum())
    covariance = np.trace(confusion) * total - actual_counts @ predicted_counts
    return float(covariance / np.sqrt(spread)) if spread else 0.0


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
