"""What the probabilities of a version are worth: compared with labels, and as an estimate where there are no labels.

Both are of versions with two labels: only then does the answered label's probability say how likely the other one is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from registry.metrics import calibration_error, reliability
from registry.quality.judgements import LabelSum

BINS = 10  # equal parts of [0, 1]


@dataclass(frozen=True)
class Bin:
    """The texts whose probability is in one part of [0, 1]: how many, its mean, and the share that is positive."""

    texts: int
    probability: float
    positive: float


@dataclass(frozen=True)
class Calibration:
    """The expected calibration error (Naeini et al., 2015) of the positive label's probability, and its bins.

    The error is the mean distance of a bin's probability from its share, weighted by texts: 0 is perfect.
    """

    texts: int
    error: float
    bins: tuple[Bin, ...]


def calibration(rows: Iterable[tuple[float, bool]]) -> Calibration | None:
    """Of (probability of the positive label, whether it is right); None without rows."""
    known = np.array(list(rows), dtype=float).reshape(-1, 2)
    probability, positive = known[:, 0], known[:, 1]
    if not len(known):
        return None
    bins = tuple(Bin(count, mean, share) for mean, share, count in reliability(positive, probability, BINS))
    return Calibration(len(known), calibration_error(positive, probability, BINS), bins)


@dataclass(frozen=True)
class Estimate:
    """The confusion matrix that is expected of calls without labels, as counts of calls.

    Confidence-based performance estimation (CBPE): an answer with probability p is right p times and wrong 1 - p times.
    It assumes that the probabilities are calibrated and that the same text would get the same label as in training
    (no concept drift): a version that is surely wrong looks as good as one that is surely right. See Bialek et al.,
    https://arxiv.org/abs/2401.08348, and NannyML's documentation, "How it works: CBPE".
    """

    calls: int
    caught: float
    missed: float
    blocked: float
    passed: float
    caught_share: float | None  # of the calls with the positive label; None where none is expected
    blocked_share: float | None  # of the other calls; None where none is expected


def _share(part: float, rest: float) -> float | None:
    return part / (part + rest) if part + rest > 0 else None


def estimate(labels: Mapping[str, LabelSum], positive: str) -> Estimate | None:
    """From the sums of the probabilities by answered label; None without any, and for more than two labels."""
    others = [total for label, total in labels.items() if label != positive]
    calls = sum(total.known for total in labels.values())
    if not calls or len(others) > 1:
        return None
    flagged, rest = labels.get(positive, LabelSum()), others[0] if others else LabelSum()
    caught, missed = flagged.probability, rest.known - rest.probability
    blocked, passed = flagged.known - flagged.probability, rest.probability
    return Estimate(calls, caught, missed, blocked, passed, _share(caught, missed), _share(blocked, passed))
