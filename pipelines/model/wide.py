"""The wide part of a model: a linear decision over n-grams, and what it says of messages that it has not seen.

Each message is two sets of hashed n-grams (`registry.model.tokenizer`). A set becomes a unit vector of inverse document
frequencies, and a linear SVM weighs the two side by side. Logistic regression on held-out scores turns its scores into
logits (Platt, 1999). The recurrent part of a model then learns from what the wide part says of messages that were held
out from it, since of those it was trained on it says nothing wrong (stacking, Wolpert 1992).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import LinearSVC

from pipelines import params
from registry.model.tokenizer import Encoded

BAGS = ("words", "characters")


@dataclass(frozen=True)
class Wide:
    """A fitted wide part.

    `table`, float32 (buckets, scores + 1), holds each n-gram's weights times its inverse document frequency, and in
    the last column that frequency's square: a sum over a set's rows has all that its score needs. `kernel`
    (scores, labels) and `bias` (labels,) turn scores into logits. Two labels need one score.
    """

    table: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray


TINY = 1e-12  # a set without any known n-gram has no length: its score is 0


def incidence(sets: Sequence[Sequence[int]], buckets: int) -> sp.csr_matrix:
    """Sets of n-gram numbers as a 0/1 matrix (n, buckets)."""
    ends = np.cumsum([0, *map(len, sets)])
    return sp.csr_matrix((np.ones(ends[-1]), np.concatenate(sets).astype(int), ends), shape=(len(sets), buckets))


def fit(
    rows: Sequence[Encoded], actual: np.ndarray, groups: np.ndarray, settings: params.Wide, buckets: int
) -> tuple[Wide, np.ndarray]:
    """The wide part learnt from these messages, and its logits, float32 (n, labels), for each while held out.

    Held out together with its near-twins (`groups`).
    """
    table, intercept = _svm(rows, actual, settings, buckets)
    scores = np.empty((len(rows), len(intercept)))
    folds = StratifiedGroupKFold(n_splits=settings.folds, shuffle=True, random_state=settings.seed)
    for rest, held in folds.split(actual, actual, groups):
        partial, constant = _svm([rows[i] for i in rest], actual[rest], settings, buckets)
        scores[held] = score([rows[i] for i in held], partial) + constant
    platt = LogisticRegression(C=100.0).fit(scores, actual)  # as good as unregularised, and it converges
    kernel, bias = platt.coef_.T, platt.intercept_
    if kernel.shape[1] == 1:  # scikit-learn gives two labels one logit, the second's
        kernel, bias = np.hstack([np.zeros_like(kernel), kernel]), np.array([0.0, *bias])
    wide = Wide(table, kernel.astype(np.float32), (bias + intercept @ kernel).astype(np.float32))
    return wide, (scores @ kernel + bias).astype(np.float32)


def score(rows: Sequence[Encoded], table: np.ndarray) -> np.ndarray:
    """Float (n, scores): each set's sum of weights over its length as a vector, the sets added up."""
    found = np.zeros((len(rows), table.shape[1] - 1))
    for bag in BAGS:
        summed = incidence([row[bag] for row in rows], len(table)) @ table
        found += summed[:, :-1] / np.sqrt(np.maximum(summed[:, -1:], TINY))
    return found


def _svm(
    rows: Sequence[Encoded], actual: np.ndarray, settings: params.Wide, buckets: int
) -> tuple[np.ndarray, np.ndarray]:
    """The table of a linear SVM on these messages, and its intercepts, float (scores,)."""
    bags = [incidence([row[bag] for row in rows], buckets) for bag in BAGS]
    counts = np.asarray(sum(bag.sum(axis=0) for bag in bags)).ravel()
    idf = np.where(counts > 0, np.log((1 + len(rows)) / (1 + counts)) + 1, 0.0)
    idf[0] = 0.0  # the padding's
    vectors = sum(_unit(bag @ sp.diags(idf)) for bag in bags)
    fitted = [
        LinearSVC(C=settings.regularisation, random_state=settings.seed).fit(vectors, t) for t in _targets(actual)
    ]
    weights = [idf * svm.coef_[0] for svm in fitted]
    table = np.column_stack([*weights, idf**2]).astype(np.float32)
    return table, np.array([svm.intercept_[0] for svm in fitted])


def _targets(actual: np.ndarray) -> list[np.ndarray]:
    """One target of two labels, one against the rest for each of more."""
    labels = np.unique(actual)
    return [actual == label for label in (labels[1:] if len(labels) == 2 else labels)]


def _unit(vectors: sp.csr_matrix) -> sp.csr_matrix:
    length = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
    return sp.diags(1 / np.maximum(length, TINY)) @ vectors
