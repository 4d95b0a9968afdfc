"""Statistics of a repeated cross-validation. Pure functions over the predictions for held-out messages.

Folds share most of their training messages, so their figures are no independent sample: intervals and tests use the
variance of Nadeau and Bengio (2003), which is larger by the share of messages held out over the share trained on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from sklearn.metrics import average_precision_score

from pipelines.measure import metrics
from registry.metrics import calibration_error

BLOCKED_BOUND = 0.0015  # the share of the others that may be blocked, for `caught_at_bound`
BINS = 10  # of the calibration error


@dataclass(frozen=True)
class FoldPredictions:
    """A candidate's predictions for the held-out messages of one fold.

    `actual` and `predicted` are label indices, int (n,); `scores` are the positive label's, float (n,), probabilities
    where `calibrated`. `positions`, int (n,), are the messages' positions among all.
    """

    repeat: int
    fold: int
    actual: np.ndarray
    predicted: np.ndarray
    scores: np.ndarray
    calibrated: bool
    positions: np.ndarray


def by_fold(folds: Sequence[FoldPredictions], labels: Sequence[str], positive: str) -> dict[str, np.ndarray]:
    """Every fold's metrics, {name: float (folds,)}."""
    rows = [
        metrics.decisions(fold.actual, fold.predicted, labels, positive)
        | metrics.ranking(fold.actual, fold.scores, labels, positive)
        for fold in folds
    ]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def by_repeat(folds: Sequence[FoldPredictions], labels: Sequence[str], positive: str) -> dict[str, np.ndarray]:
    """Metrics that need more messages than a fold has, over all folds of a repeat: {name: float (repeats,)}.

    `caught_at_bound` is the share caught by the threshold that blocks `BLOCKED_BOUND` of the others.
    """
    values: dict[str, list[float]] = {"caught_at_bound": [], "pooled_average_precision": [], "ece": []}
    for repeat in group_by_repeat(folds):
        truth = np.concatenate([fold.actual for fold in repeat]) == labels.index(positive)
        scores = np.concatenate([fold.scores for fold in repeat])
        values["caught_at_bound"].append(caught_at(truth, scores, BLOCKED_BOUND))
        values["pooled_average_precision"].append(float(average_precision_score(truth, scores)))
        if repeat[0].calibrated:
            values["ece"].append(calibration_error(truth.astype(float), scores, BINS))
    return {name: np.array(repeats) for name, repeats in values.items() if repeats}


def group_by_repeat(folds: Sequence[FoldPredictions]) -> list[list[FoldPredictions]]:
    return [[fold for fold in folds if fold.repeat == repeat] for repeat in sorted({fold.repeat for fold in folds})]


def others_above(folds: Sequence[FoldPredictions], positive: int, messages: int) -> tuple[np.ndarray, int]:
    """How many of the others are ranked above each message of the positive label, and how many others there are.

    Float (repeats, messages); NaN where a message is one of the others. The folds of a repeat are ranked together.
    """
    repeats = group_by_repeat(folds)
    above = np.full((len(repeats), messages), np.nan)
    for row, repeat in zip(above, repeats, strict=True):
        truth = np.concatenate([fold.actual for fold in repeat]) == positive
        scores = np.concatenate([fold.scores for fold in repeat])
        others = np.sort(scores[~truth])
        positions = np.concatenate([fold.positions for fold in repeat])
        row[positions[truth]] = len(others) - np.searchsorted(others, scores[truth])
    return above, len(others)


def ceiling(above: np.ndarray, hardest: int) -> float:
    """The average precision if all but the `hardest` messages were in order and these stayed where they are.

    `above`, (messages,), counts the others above each message of the positive label.
    """
    above = np.sort(above)
    above[: max(len(above) - hardest, 0)] = 0
    caught = np.arange(1, len(above) + 1)
    return float((caught / (caught + above)).mean())


def caught_at(truth: np.ndarray, scores: np.ndarray, bound: float) -> float:
    """The share of positives caught by the threshold that lets through at most a share `bound` of the negatives."""
    others = np.sort(scores[~truth])[::-1]
    return float((scores[truth] > others[int(bound * len(others))]).mean())


def interval(values: np.ndarray, folds: int, of: int | None = None) -> tuple[float, float]:
    """The corrected interval of the mean over repeats of `folds` folds.

    `of` is the count of messages where the metric is a share of them. Such an interval lies between 0 and 1, and is
    exact where all folds have none, or all have all: their variance would say that there is no doubt.
    """
    if of and values.min() == values.max() and values[0] in (0, 1):
        return metrics.exact_interval(int(values[0]) * of, of)
    half = stats.t.ppf((1 + metrics.CONFIDENCE) / 2, len(values) - 1) * _standard_error(values, folds)
    low, high = float(values.mean() - half), float(values.mean() + half)
    return (max(low, 0.0), min(high, 1.0)) if of else (low, high)


def paired_test(values: np.ndarray, others: np.ndarray, folds: int) -> tuple[float, float]:
    """The mean difference over the same folds, and the two-sided p of the corrected resampled t-test."""
    difference = values - others
    error = _standard_error(difference, folds)
    if error == 0:
        return float(difference.mean()), 1.0 if difference.mean() == 0 else 0.0
    t = difference.mean() / error
    return float(difference.mean()), float(2 * stats.t.sf(abs(t), len(difference) - 1))


def _standard_error(values: np.ndarray, folds: int) -> float:
    return float(np.sqrt((1 / len(values) + 1 / (folds - 1)) * values.var(ddof=1)))
