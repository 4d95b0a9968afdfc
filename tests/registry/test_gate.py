import numpy as np
import pytest

from registry.gate import Evaluation, Thresholds, judge

THRESHOLDS = Thresholds(
    floors={"mcc": 0.8}, ceilings={"ham_blocked": 0.02}, margin=0.02, confidence=0.9, resamples=500, seed=1
)
ACTUAL = np.array(["spam"] * 130 + ["ham"] * 870)
GOOD = {"mcc": 0.95, "ham_blocked": 0.001}


def evaluation(number, wrong=(), metrics=GOOD, ids=None, actual=ACTUAL):
    predicted = actual.copy()
    for i in wrong:
        predicted[i] = "ham" if actual[i] == "spam" else "spam"
    ids = np.array([f"{i:04}" for i in range(len(actual))]) if ids is None else ids
    return Evaluation(number, metrics, ids, actual, predicted)


def failed(verdict):
    return [check.name for check in verdict.checks if not check.passed]


def test_the_first_champion_needs_only_its_floors():
    assert judge(None, evaluation("1", range(40)), THRESHOLDS).passed


@pytest.mark.parametrize(
    ("metrics", "name"),
    [({"mcc": 0.7, "ham_blocked": 0}, "mcc"), ({"mcc": 0.9, "ham_blocked": 0.03}, "ham_blocked"), ({}, "mcc")],
)
def test_a_floor_or_a_ceiling_that_is_missed_or_not_measured_refuses(metrics, name):
    assert name in failed(judge(None, evaluation("1", metrics=metrics), THRESHOLDS))


def test_an_equal_and_a_better_version_pass():
    champion = evaluation("1", range(10))
    assert judge(champion, evaluation("2", range(10)), THRESHOLDS).passed
    assert judge(champion, evaluation("2", range(3)), THRESHOLDS).passed


def test_a_clearly_worse_version_fails_both_comparisons():
    verdict = judge(evaluation("1", range(5)), evaluation("2", range(40)), THRESHOLDS)
    assert failed(verdict) == ["MCC difference, 90% bound", "McNemar, worse"]
    assert verdict.champion == "1" and verdict.challenger == "2"


def test_another_test_set_is_refused_and_compared_no_further():
    other = evaluation("2", ids=np.array([f"x{i:04}" for i in range(1000)]))
    assert failed(judge(evaluation("1"), other, THRESHOLDS)) == ["same test set"]
    shorter = evaluation("2", actual=ACTUAL[:900])
    assert failed(judge(evaluation("1"), shorter, THRESHOLDS)) == ["same test set"]


def test_the_verdict_is_the_same_each_time():
    one, two = evaluation("1", range(12)), evaluation("2", range(6, 20))
    assert judge(one, two, THRESHOLDS) == judge(one, two, THRESHOLDS)
