"""What repeated cross-validation says of its candidates. Pure functions over their held-out predictions.

Folds share most of their training messages, so their figures are no independent sample: intervals and tests use the
variance of Nadeau and Bengio (2003), larger by the share of messages held out over the share trained on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from sklearn.metrics import average_precision_score

from pipelines.measure import metrics

BLOCKED_BOUND = 0.0015  # how many of the others may be blocked, for `caught_at_bound`
BINS = 10  # of the calibration error


@dataclass(frozen=True)
class Held:
    """A candidate's answers to the messages of one fold: label indices, int (n,), and the positive label's scores.

    `positions`, int (n,), are the messages' among all; `calibrated` where the scores are probabilities.
    """

    repeat: int
    fold: int
    actual: np.ndarray
    predicted: np.ndarray
    scores: np.ndarray
    calibrated: bool
    positions: np.ndarray


def by_fold(held: Sequence[Held], labels: Sequence[str], positive: str) -> dict[str, np.ndarray]:
    """Every fold's metrics, {name: float (folds,)}."""
    rows = [
        metrics.decisions(h.actual, h.predicted, labels, positive)
        | metrics.ranking(h.actual, h.scores, labels, positive)
        for h in held
    ]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def by_repeat(held: Sequence[Held], labels: Sequence[str], positive: str) -> dict[str, np.ndarray]:
    """What takes more messages than a fold has, over the folds of each repeat together, {name: float (repeats,)}.

    `caught_at_bound` is the share caught by the threshold that blocks as many others as `BLOCKED_BOUND` lets it.
    """
    found: dict[str, list[float]] = {"caught_at_bound": [], "pooled_average_precision": [], "ece": []}
    for folds in repeats(held):
        truth = np.concatenate([h.actual for h in folds]) == labels.index(positive)
        scores = np.concatenate([h.scores for h in folds])
        found["caught_at_bound"].append(caught_at(truth, scores, BLOCKED_BOUND))
        found["pooled_average_precision"].append(float(average_precision_score(truth, scores)))
        if folds[0].calibrated:
            parts = metrics.reliability(truth.astype(float), scores, BINS)
            found["ece"].append(sum(n * abs(mean - share) for mean, share, n in parts) / len(truth))
    return {name: np.array(values) for name, values in found.items() if values}


def repeats(held: Sequence[Held]) -> list[list[Held]]:
    """The folds of each repeat."""
    return [[h for h in held if h.repeat == repeat] for repeat in sorted({h.repeat for h in held})]


def blocked_first(held: Sequence[Held], positive: int, messages: int) -> tuple[np.ndarray, int]:
    """How many others rank above each message of the positive label, and how many others there are.

    Float (repeats, messages); NaN where a message is one of the others. The folds of a repeat are ranked together.
    """
    above = np.full((len(folds := repeats(held)), messages), np.nan)
    for row, drawn in zip(above, folds, strict=True):
        truth = np.concatenate([h.actual for h in drawn]) == positive
        scores = np.concatenate([h.scores for h in drawn])
        others = np.sort(scores[~truth])
        positions = np.concatenate([h.positions for h in drawn])
        row[positions[truth]] = len(others) - np.searchsorted(others, scores[truth])
    return above, len(others)


def ceiling(above: np.ndarray, hardest: int) -> float:
    """The average precision if all but the `hardest` messages were in order and these stayed where they are.

    `above`, (messages,), counts the others above each message of the positive label.
    """
    left = np.sort(above)
    left[: max(len(left) - hardest, 0)] = 0
    caught = np.arange(1, len(left) + 1)
    return float((caught / (caught + left)).mean())


def caught_at(truth: np.ndarray, scores: np.ndarray, bound: float) -> float:
    """The share of the true ones above the threshold that at most `bound` of the others are above."""
    others = np.sort(scores[~truth])[::-1]
    return float((scores[truth] > others[int(bound * len(others))]).mean())


def interval(values: np.ndarray, folds: int, confidence: float = 0.95) -> tuple[float, float]:
    """The corrected interval of the mean over repeats of `folds` folds."""
    half = stats.t.ppf((1 + confidence) / 2, len(values) - 1) * _standard_error(values, folds)
    return float(values.mean() - half), float(values.mean() + half)


def paired(values: np.ndarray, others: np.ndarray, folds: int) -> tuple[float, float]:
    """The mean difference over the same folds, and the two-sided p of the corrected resampled t-test."""
    difference = values - others
    error = _standard_error(difference, folds)
    if error == 0:
        return float(difference.mean()), 1.0 if difference.mean() == 0 else 0.0
    t = difference.mean() / error
    return float(difference.mean()), float(2 * stats.t.sf(abs(t), len(difference) - 1))


def _standard_error(values: np.ndarray, folds: int) -> float:
    return float(np.sqrt((1 / len(values) + 1 / (folds - 1)) * values.var(ddof=1)))
