"""The Matthews correlation coefficient: the one figure that training, evaluation and the gate all compare."""

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
