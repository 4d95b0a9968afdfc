"""Metrics on predictions that can be counted by hand."""

import numpy as np
import pytest
from sklearn.metrics import matthews_corrcoef

from pipelines.measure import metrics
from registry.metrics import calibration_error, reliability

LABELS = ("ham", "spam")
ACTUAL = np.array([0, 0, 0, 0, 1, 1, 1, 1])
PREDICTED = np.array([0, 0, 0, 1, 1, 1, 1, 0])


def test_decisions_are_counted_for_the_label_to_catch_and_for_the_others():
    row = metrics.decisions(ACTUAL, PREDICTED, LABELS, "spam")
    assert row == {"accuracy": 0.75, "f1": 0.75, "mcc": 0.5, "spam_caught": 0.75, "ham_blocked": 0.25}
    assert list(metrics.decisions(ACTUAL, PREDICTED, ("a", "b", "c"), "b"))[-2:] == ["b_caught", "rest_blocked"]


def test_what_is_undefined_is_nan():
    row = metrics.decisions(ACTUAL[:4], PREDICTED[:4], LABELS, "spam")
    assert np.isnan(row["mcc"]) and np.isnan(row["spam_caught"]) and row["ham_blocked"] == 0.25


def test_mcc_is_scikit_learn_s_to_the_bit():
    rng = np.random.default_rng(1)
    for labels in (2, 3):
        actual, noise = rng.integers(0, labels, 1000), rng.integers(0, labels, 1000)
        predicted = np.where(rng.random(1000) < 0.9, actual, noise)
        names = ("ham", "spam", "news")[:labels]
        assert metrics.decisions(actual, predicted, names, "spam")["mcc"] == matthews_corrcoef(actual, predicted)


def test_the_calibration_error_is_the_distance_of_probabilities_from_shares():
    truth = np.array([1.0, 0.0, 0.0, 0.0, 1.0, 1.0])
    probability = np.array([0.25, 0.25, 0.25, 0.25, 0.9, 1.0])
    assert reliability(truth, probability, 2) == [(0.25, 0.25, 4), (pytest.approx(0.95), 1.0, 2)]
    assert calibration_error(truth, probability, 2) == pytest.approx(0.05 * 2 / 6)
    both = np.stack([1 - probability, probability], axis=1)
    assert metrics.calibration(truth.astype(int), both, LABELS, "spam", 2)["ece"] == pytest.approx(0.05 * 2 / 6)


def test_an_interval_holds_its_metric_and_is_the_same_again():
    actual, predicted = np.tile(ACTUAL, 20), np.tile(PREDICTED, 20)
    first = metrics.intervals(actual, predicted, LABELS, "spam", resamples=100, seed=1)
    for name, value in metrics.decisions(actual, predicted, LABELS, "spam").items():
        low, high = first[name]
        assert low < value < high
    assert metrics.intervals(actual, predicted, LABELS, "spam", resamples=100, seed=1) == first


def test_of_none_blocked_the_interval_is_exact_and_not_none_to_none():
    actual, predicted = np.repeat([0, 1], [904, 124]), np.repeat([0, 1], [904, 124])
    measured = metrics.intervals(actual, predicted, LABELS, "spam", resamples=10, seed=1)
    assert measured["ham_blocked"] == (0.0, pytest.approx(1 - 0.025 ** (1 / 904)))
    assert measured["spam_caught"] == (pytest.approx(0.025 ** (1 / 124)), 1.0)


def test_without_any_error_no_interval_is_a_point():
    """3.58 of 1,028 messages may be wrong: four missed of 124 are an MCC of .9815."""
    actual = np.repeat([0, 1], [904, 124])
    measured = metrics.intervals(actual, actual, LABELS, "spam", resamples=10, seed=1)
    assert measured["accuracy"] == (pytest.approx(0.025 ** (1 / 1028)), 1.0)
    share = 0.025 ** (1 / 124)
    assert measured["f1"] == (pytest.approx(2 * share / (1 + share)), 1.0)
    assert measured["mcc"] == (pytest.approx(0.9815, abs=1e-4), 1.0)


def test_the_interval_of_f1_is_that_of_its_share():
    """Of 100 messages that are spam or were called so, 90 are both: 90 / 100 is a share, F1 is 180 / 190."""
    actual, predicted = np.repeat([0, 1, 1, 0], [200, 5, 90, 5]), np.repeat([0, 0, 1, 1], [200, 5, 90, 5])
    low, high = metrics.intervals(actual, predicted, LABELS, "spam", resamples=10, seed=1)["f1"]
    assert low < 180 / 190 < high
    assert (low / (2 - low), high / (2 - high)) == pytest.approx(metrics.exact_interval(90, 100))


def test_a_slice_has_its_messages_and_leaves_out_what_is_undefined_there():
    texts = ["lunch?", "see you", "café", "ok", "win www.x.com", "call 0906", "x" * 150, "win"]
    slices = metrics.by_slice(texts, ACTUAL, PREDICTED, LABELS, "spam")
    assert {name: row["messages"] for name, row in slices.items()} == {
        "short": 7, "long": 1, "digits": 1, "no_digits": 7, "links": 1, "non_ascii": 1,
    }  # fmt: skip
    assert "mcc" not in slices["links"] and slices["links"]["spam_caught"] == 1.0
