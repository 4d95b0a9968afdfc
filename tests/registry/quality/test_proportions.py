"""Against published figures, and against what the words promise."""

import numpy as np
import pytest
from scipy.stats import binomtest

from registry.quality.proportions import FAVOURED, LEVEL, POWER, labels_needed, paired, proportion


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [  # Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_wilsons_as_published(count, of, low, high):
    found = proportion(count, of)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert (found.count, found.of, found.share) == (count, of, count / of)


def test_of_no_texts_nothing_is_known():
    assert (proportion(0, 0).low, proportion(0, 0).high, proportion(0, 0).share) == (0, 1, None)


def test_the_paired_test_is_mcnemars_exact_one():
    assert paired(20, 12, 2, 16).p_value == pytest.approx(0.0129, abs=5e-5)  # Armitage and Berry (1994), p. 127
    assert paired(20, 2, 12, 16).p_value == paired(20, 12, 2, 16).p_value
    assert paired(50, 0, 0, 3).p_value == 1 and paired(50, 0, 0, 3).texts == 53


def test_the_labels_needed_are_connors():
    assert labels_needed(0.5, favoured=0.9).random == 23  # the example of powerandsamplesize.com: .45 against .05
    assert labels_needed(0) is None
    assert labels_needed(0.01).random > labels_needed(0.02).random > labels_needed(1.0).random


@pytest.mark.parametrize("differing", [0.02, 0.2])
def test_so_many_labels_find_the_difference_as_often_as_they_say(differing):
    rng, trials = np.random.default_rng(1), 2_000
    texts = rng.binomial(labels_needed(differing).random, differing, trials)
    for favoured, expected in ((FAVOURED, POWER), (0.5, LEVEL)):
        better = rng.binomial(texts, favoured)
        found = np.mean([binomtest(int(b), int(n)).pvalue < LEVEL for b, n in zip(better, texts, strict=True)])
        assert abs(found - expected) < 0.06, "the exact test is a little more careful than the formula"
