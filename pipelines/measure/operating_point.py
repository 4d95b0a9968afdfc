"""The operating point of a version: from which probability on it answers the label to catch.

It is chosen on the validation messages of each corpus that the version is trained on, for a bound on the share of the
others that are blocked, and the corpus that needs the highest threshold decides. The verdict is `unsure` between the
threshold that misses few messages to catch and the one that blocks hardly any of the others.
"""

from collections.abc import Sequence

import numpy as np

from pipelines.params import DecisionBounds
from registry.model.artifact import DECIMALS
from registry.model.decision import Decision


def choose(
    probability: np.ndarray,
    is_positive: np.ndarray,
    sources: Sequence[str],
    positive: str,
    known: np.ndarray,
    settings: DecisionBounds,
) -> Decision:
    """The operating point for validation messages: float (n,) probabilities of the positive label, bool (n,), names.

    `known`, float (m,), are the known shares of held-out training messages: all but `settings.unfamiliar` of them are
    familiar.
    """
    names = np.array(sources, dtype=object)
    lowest, highest = settings.thresholds
    needed, surely = [], []
    for name in sorted(set(sources)):
        others = probability[(names == name) & ~is_positive]
        needed.append(above(others, settings.blocked.get(name, settings.blocked["default"])))
        surely.append(above(others, settings.surely_blocked))
    threshold = min(max(lowest, *needed), highest)
    return Decision(
        positive=positive,
        threshold=threshold,
        unsure_from=min(below(probability[is_positive], settings.missed), threshold),
        unsure_to=max(threshold, *surely),
        familiar=round(float(np.quantile(known, settings.unfamiliar)), DECIMALS),
    )


def above(others: np.ndarray, bound: float) -> float:
    """The least threshold, rounded as answers are, that at most `bound` of the probabilities reach."""
    ranked = np.sort(others)[::-1]
    allowed = int(bound * len(ranked))
    return min(round(float(ranked[allowed]) + 10.0**-DECIMALS, DECIMALS), 1.0) if allowed < len(ranked) else 0.0


def below(caught: np.ndarray, bound: float) -> float:
    """The largest threshold, rounded as answers are, that at most `bound` of the probabilities do not reach."""
    ranked = np.sort(caught)
    return round(float(ranked[int(bound * len(ranked))]), DECIMALS) if len(ranked) else 0.0
