"""The statistics of a cross-validation, on figures that can be checked by hand."""

import numpy as np
import pytest
from scipy import stats

from pipelines.measure import folds
from pipelines.measure.folds import FoldPredictions


def test_the_share_caught_at_a_bound():
    truth = np.array([True] * 4 + [False] * 10)
    scores = np.array([0.9, 0.8, 0.3, 0.1, 0.85, 0.2, *([0.0] * 8)])
    assert folds.caught_at(truth, scores, 0.0) == 0.25  # above the highest of the others
    assert folds.caught_at(truth, scores, 0.1) == 0.75  # one of ten may be blocked


def test_the_corrected_test_is_more_cautious_than_a_plain_one():
    """Nadeau and Bengio (2003), equation 9, by hand: variance (1/15 + 1/4) * s2."""
    values, others = np.linspace(0.95, 0.98, 15), np.linspace(0.94, 0.97, 15) + np.tile([0.002, 0, -0.002], 5)
    difference, p = folds.paired_test(values, others, folds=5)
    gap = values - others
    t = gap.mean() / np.sqrt((1 / 15 + 1 / 4) * gap.var(ddof=1))
    assert difference == pytest.approx(0.01)
    assert p == pytest.approx(2 * stats.t.sf(t, 14))
    assert p > stats.ttest_rel(values, others).pvalue
    assert folds.paired_test(values, values, folds=5) == (0.0, 1.0)


def test_calibration_and_bounds_are_taken_over_all_folds_of_a_repeat():
    actual = np.array([1, 0, 0, 0])
    perfect = [
        FoldPredictions(0, i, actual, actual, actual.astype(float), True, np.arange(4) + 4 * i) for i in range(5)
    ]
    measured = folds.by_repeat(perfect, ("ham", "spam"), "spam")
    assert measured["ece"].tolist() == [0.0] and measured["caught_at_bound"].tolist() == [1.0]


def test_how_many_others_rank_above_each_message_to_catch():
    first = FoldPredictions(0, 0, np.array([1, 0]), np.array([1, 0]), np.array([0.3, 0.9]), True, np.array([2, 0]))
    second = FoldPredictions(0, 1, np.array([0, 1]), np.array([0, 1]), np.array([0.4, 0.8]), True, np.array([3, 1]))
    above, others = folds.others_above([first, second], positive=1, messages=4)
    assert others == 2
    assert above.tolist()[0][1:3] == [1, 2]
    assert np.isnan(above[0, [0, 3]]).all()


def test_the_ceiling_leaves_only_the_hardest_messages_out_of_order():
    above = np.array([0, 3, 1, 8])
    precise = [1, 1, 1, 4 / 12]
    assert folds.ceiling(above, hardest=1) == pytest.approx(np.mean(precise))
    assert folds.ceiling(above, hardest=4) == pytest.approx(np.mean([1, 2 / 3, 3 / 6, 4 / 12]))
    assert folds.ceiling(above, hardest=0) == 1.0


def test_the_interval_of_a_share_is_exact_where_nothing_was_counted_and_never_below_none():
    assert folds.interval(np.zeros(10), 5, of=904) == (0.0, pytest.approx(1 - 0.025 ** (1 / 904)))
    assert folds.interval(np.ones(10), 5, of=124) == (pytest.approx(0.025 ** (1 / 124)), 1.0)
    rare = np.array([0, 0, 0, 0.001, 0])
    assert folds.interval(rare, 5)[0] < 0 and folds.interval(rare, 5, of=904)[0] == 0
