"""May this version become champion? A pure function of two evaluations and the thresholds.

A test split of a thousand messages holds about ten errors, so "significantly better" hardly ever comes true between two
good models. The gate asks instead for absolute floors, for non-inferiority (a paired bootstrap of the difference in
MCC), and lets an exact McNemar test veto a version that is significantly worse (Dietterich, 1998).
"""

from dataclasses import asdict, dataclass
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from scipy.stats import binomtest

from registry.metrics import mcc

SIGNIFICANCE = 0.05  # of the McNemar veto


class Thresholds(BaseModel):
    """The section `gate` of params.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    floors: dict[str, float]
    ceilings: dict[str, float]
    margin: Annotated[float, Field(ge=0)]
    confidence: Annotated[float, Field(gt=0, lt=1)]
    resamples: Annotated[int, Field(ge=100)]
    seed: int


@dataclass(frozen=True)
class Evaluation:
    """A version's metrics and its test predictions: message ids, actual and predicted labels, arrays of shape (n,)."""

    number: str
    metrics: dict[str, float]
    ids: np.ndarray
    actual: np.ndarray
    predicted: np.ndarray


@dataclass(frozen=True)
class Check:
    name: str
    passed: bool
    found: str
    asked: str


@dataclass(frozen=True)
class Verdict:
    """Passed when every check is."""

    champion: str | None
    challenger: str
    checks: list[Check]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    def as_dict(self) -> dict:
        return {"passed": self.passed, **asdict(self)}


def judge(champion: Evaluation | None, challenger: Evaluation, thresholds: Thresholds) -> Verdict:
    """Floors and ceilings alone where there is no champion yet; a test set other than the champion's is refused."""
    checks = [_floor(challenger, name, bound) for name, bound in thresholds.floors.items()]
    checks += [_ceiling(challenger, name, bound) for name, bound in thresholds.ceilings.items()]
    if champion is not None:
        same = _same_test_set(champion, challenger)
        checks.append(same)
        if same.passed:
            checks += [_not_inferior(champion, challenger, thresholds), _mcnemar(champion, challenger)]
    return Verdict(champion.number if champion else None, challenger.number, checks)


def _floor(challenger: Evaluation, name: str, bound: float) -> Check:
    found = challenger.metrics.get(name)
    return Check(name, found is not None and found >= bound, _figure(found), f">= {bound}")


def _ceiling(challenger: Evaluation, name: str, bound: float) -> Check:
    found = challenger.metrics.get(name)
    return Check(name, found is not None and found <= bound, _figure(found), f"<= {bound}")


def _figure(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4f}"


def _same_test_set(champion: Evaluation, challenger: Evaluation) -> Check:
    same = np.array_equal(champion.ids, challenger.ids) and np.array_equal(champion.actual, challenger.actual)
    return Check("same test set", same, "the champion's" if same else "another", "the champion's")


def _not_inferior(champion: Evaluation, challenger: Evaluation, thresholds: Thresholds) -> Check:
    rng = np.random.default_rng(thresholds.seed)
    n = len(challenger.ids)
    drawn = (rng.integers(0, n, n) for _ in range(thresholds.resamples))
    differences = [
        mcc(actual, challenger.predicted[index]) - mcc(actual, champion.predicted[index])
        for index in drawn
        for actual in (challenger.actual[index],)
    ]
    low = float(np.quantile(differences, 1 - thresholds.confidence))
    asked = f">= {-thresholds.margin:+.4f}"
    return Check(f"MCC difference, {thresholds.confidence:.0%} bound", low >= -thresholds.margin, f"{low:+.4f}", asked)


def _mcnemar(champion: Evaluation, challenger: Evaluation) -> Check:
    right, before = challenger.predicted == challenger.actual, champion.predicted == champion.actual
    gained, lost = int((right & ~before).sum()), int((~right & before).sum())
    p = float(binomtest(lost, gained + lost, alternative="greater").pvalue) if gained + lost else 1.0
    found = f"{gained} gained, {lost} lost, p = {p:.3f}"
    return Check("McNemar, worse", p >= SIGNIFICANCE, found, f"p >= {SIGNIFICANCE}")
