from dataclasses import replace

import numpy as np
import pytest

from registry import gate
from registry.gate import Thresholds, judge

THRESHOLDS = Thresholds(
    floors={"mcc": 0.8}, ceilings={"blocked": 0.02}, margin=0.02, confidence=0.9, resamples=500, seed=1
)
ACTUAL = np.array(["spam"] * 130 + ["ham"] * 870)
GOOD = {"mcc": 0.95, "ham_blocked": 0.001}


def result(number, wrong=(), metrics=GOOD, ids=None, actual=ACTUAL):
    predicted = actual.copy()
    for i in wrong:
        predicted[i] = "ham" if actual[i] == "spam" else "spam"
    ids = np.array([f"{i:04}" for i in range(len(actual))]) if ids is None else ids
    return gate.TestResult(number, metrics, ids, actual, predicted)


def failed(verdict):
    return [check.name for check in verdict.checks if not check.passed]


def test_the_first_champion_needs_only_its_floors():
    assert judge(None, result("1", range(40)), THRESHOLDS).passed


@pytest.mark.parametrize(
    ("metrics", "name"),
    [({"mcc": 0.7, "ham_blocked": 0}, "mcc"), ({"mcc": 0.9, "ham_blocked": 0.03}, "blocked"), ({}, "mcc")],
)
def test_a_floor_or_a_ceiling_that_is_missed_or_not_measured_refuses(metrics, name):
    assert name in failed(judge(None, result("1", metrics=metrics), THRESHOLDS))


@pytest.mark.parametrize("name", ["ham_blocked", "rest_blocked", "normal_blocked"])
def test_caught_and_blocked_are_one_name_whatever_the_labels_are(name):
    thresholds = THRESHOLDS.model_copy(update={"floors": {"caught": 0.5}})
    assert judge(None, result("1", metrics={"promo_caught": 0.6, name: 0.01}), thresholds).passed
    assert failed(judge(None, result("1", metrics={"promo_caught": 0.4, name: 0.03}), thresholds)) == [
        "caught",
        "blocked",
    ]
    source = {"source.own.caught": 1.0, "source.own.blocked": 0.0}
    assert failed(judge(None, result("1", metrics=source), thresholds)) == ["caught", "blocked"]


def test_what_the_corpus_cannot_have_does_not_apply_and_is_said():
    thresholds = THRESHOLDS.model_copy(update={"floors": {"behaviour.direction": 0.9}})
    assert failed(judge(None, result("1"), thresholds)) == ["behaviour.direction"]
    other = replace(result("1"), inapplicable=frozenset({"behaviour"}))
    verdict = judge(None, other, thresholds)
    assert verdict.passed and verdict.checks[0].found == "does not apply"


def test_a_bound_of_a_source_holds_where_it_was_measured_and_must_be_where_its_corpus_is_configured():
    bounds = {"ceilings": {"source.written.blocked": 0.02}}
    configured = THRESHOLDS.model_copy(update=bounds | {"corpora": ("sms", "written")})
    optional = THRESHOLDS.model_copy(update=bounds | {"corpora": ("sms",)})
    assert failed(judge(None, result("1"), configured)) == ["source.written.blocked"]
    assert judge(None, result("1"), optional).passed
    for thresholds in (configured, optional):
        measured = result("1", metrics=GOOD | {"source.written.blocked": 0.03})
        assert failed(judge(None, measured, thresholds)) == ["source.written.blocked"]
        assert judge(None, result("1", metrics=GOOD | {"source.written.blocked": 0.01}), thresholds).passed


def test_an_equal_and_a_better_version_pass():
    champion = result("1", range(10))
    assert judge(champion, result("2", range(10)), THRESHOLDS).passed
    assert judge(champion, result("2", range(3)), THRESHOLDS).passed


def test_a_clearly_worse_version_fails_both_comparisons():
    verdict = judge(result("1", range(5)), result("2", range(40)), THRESHOLDS)
    assert failed(verdict) == ["MCC difference, 90% bound", "McNemar, worse"]
    assert verdict.champion == "1" and verdict.candidate == "2"


def test_another_test_set_is_refused_and_compared_no_further():
    other = result("2", ids=np.array([f"x{i:04}" for i in range(1000)]))
    assert failed(judge(result("1"), other, THRESHOLDS)) == ["same test set"]
    shorter = result("2", actual=ACTUAL[:900])
    assert failed(judge(result("1"), shorter, THRESHOLDS)) == ["same test set"]


def test_the_verdict_is_the_same_each_time():
    one, two = result("1", range(12)), result("2", range(6, 20))
    assert judge(one, two, THRESHOLDS) == judge(one, two, THRESHOLDS)
