"""May this version become champion? A pure function of two test results and the thresholds.

A good model makes about ten errors on a test split of a thousand messages, too few for one to be significantly better
than another. So the gate checks absolute floors and ceilings, non-inferiority to the champion (a paired bootstrap of
the difference in MCC), and that an exact McNemar test does not find it significantly worse (Dietterich, 1998).
"""

from dataclasses import asdict, dataclass
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from registry.metrics import mcc

SIGNIFICANCE = 0.05  # of the McNemar veto


class Thresholds(BaseModel):
    """The section `gate` of params.yaml: bounds of metrics by name, and how to compare with the champion.

    `caught` and `blocked` name these metrics whatever the labels are: `blocked` is `ham_blocked` for ham and spam.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    corpora: tuple[str, ...] = ()  # those that must be there, not optional: their figures must be measured
    floors: dict[str, float]
    ceilings: dict[str, float]
    margin: Annotated[float, Field(ge=0)]
    confidence: Annotated[float, Field(gt=0, lt=1)]
    resamples: Annotated[int, Field(ge=100)]
    seed: int


@dataclass(frozen=True)
class TestResult:
    """A version's metrics and its predictions for the main corpus's test messages.

    These are message ids, actual and predicted labels, arrays of shape (n,). `inapplicable` are the families of metrics
    that its corpus cannot have, such as `behaviour`.
    """

    number: str
    metrics: dict[str, float]
    ids: np.ndarray
    actual: np.ndarray
    predicted: np.ndarray
    inapplicable: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Check:
    """One condition of the gate; `found` is the measured figure and `asked` its bound, as they are printed."""

    name: str
    passed: bool
    found: str
    asked: str


@dataclass(frozen=True)
class Verdict:
    """The checks of a candidate, the version that would be champion, against the present one, if there is one.

    It passes when every check does. A version's tag `verdict` holds its newest one. `registry.versions` reads only
    `passed` back; tags written by earlier releases have `challenger` in the place of `candidate`.
    """

    champion: str | None
    candidate: str
    checks: list[Check]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def against(self) -> str:
        """What the candidate was compared with, in words."""
        return f"against champion {self.champion}" if self.champion else "no champion to compare with"

    def as_dict(self) -> dict:
        return {"passed": self.passed, **asdict(self)}


def judge(champion: TestResult | None, candidate: TestResult, thresholds: Thresholds) -> Verdict:
    """Check floors and ceilings, and compare with the champion where there is one, on the same test set only."""
    checks = [_bound(candidate, name, low, ">=", thresholds) for name, low in thresholds.floors.items()]
    checks += [_bound(candidate, name, high, "<=", thresholds) for name, high in thresholds.ceilings.items()]
    if champion is not None:
        same = _same_test_set(champion, candidate)
        checks.append(same)
        if same.passed:
            checks += [_not_inferior(champion, candidate, thresholds), _mcnemar(champion, candidate)]
    return Verdict(champion.number if champion else None, candidate.number, checks)


def _bound(candidate: TestResult, name: str, bound: float, sign: str, thresholds: Thresholds) -> Check:
    """A floor (`>=`) or a ceiling (`<=`). A metric that was not measured fails, except where its corpus has no such."""
    value, asked = _value(candidate.metrics, name), f"{sign} {bound}"
    if value is None:
        applies = _applies(name, candidate, thresholds)
        return Check(name, not applies, "not measured" if applies else "does not apply", asked)
    return Check(name, value >= bound if sign == ">=" else value <= bound, f"{value:.4f}", asked)


def _value(metrics: dict[str, float], name: str) -> float | None:
    """The metric; `caught` and `blocked` stand for the one with the labels' names in front."""
    if name in ("caught", "blocked"):
        return next((value for metric, value in metrics.items() if metric.endswith(f"_{name}")), None)
    return metrics.get(name)


def _applies(name: str, candidate: TestResult, thresholds: Thresholds) -> bool:
    """Whether a missing metric counts as a failure.

    `source.NAME...` does if NAME is a corpus of params.yaml that is not optional; any other metric does unless its
    family is in `candidate.inapplicable`.
    """
    family, _, rest = name.partition(".")
    if family == "source":
        return rest.partition(".")[0] in thresholds.corpora
    return family not in candidate.inapplicable


def _same_test_set(champion: TestResult, candidate: TestResult) -> Check:
    same = np.array_equal(champion.ids, candidate.ids) and np.array_equal(champion.actual, candidate.actual)
    return Check("same test set", same, "the champion's" if same else "another", "the champion's")


def _not_inferior(champion: TestResult, candidate: TestResult, thresholds: Thresholds) -> Check:
    rng = np.random.default_rng(thresholds.seed)
    n = len(candidate.ids)
    resamples = (rng.integers(0, n, n) for _ in range(thresholds.resamples))
    differences = [
        mcc(candidate.actual[rows], candidate.predicted[rows]) - mcc(champion.actual[rows], champion.predicted[rows])
        for rows in resamples
    ]
    low = float(np.quantile(differences, 1 - thresholds.confidence))
    name, bound = f"MCC difference, {thresholds.confidence:.0%} bound", -thresholds.margin
    return Check(name, low >= bound, f"{low:+.4f}", f">= {bound:+.4f}")


def _mcnemar(champion: TestResult, candidate: TestResult) -> Check:
    """The one-sided test of the messages that one of the two has right and the other wrong."""
    from scipy.stats import binomtest  # its import takes half a second

    right, champion_right = candidate.predicted == candidate.actual, champion.predicted == champion.actual
    gained, lost = int((right & ~champion_right).sum()), int((~right & champion_right).sum())
    p = float(binomtest(lost, gained + lost, alternative="greater").pvalue) if gained + lost else 1.0
    counts = f"{gained} gained, {lost} lost, p = {p:.3f}"
    return Check("McNemar, worse", p >= SIGNIFICANCE, counts, f"p >= {SIGNIFICANCE}")
