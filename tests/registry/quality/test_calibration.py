import numpy as np
import pytest

from registry.quality.calibration import Estimate, calibration, estimate
from registry.quality.judgements import LabelSum


def synthetic(calls: int, threshold: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Calibrated probabilities of spam, whether each call is spam, and whether it is answered so."""
    rng = np.random.default_rng(seed)
    probability = rng.beta(0.3, 1.5, calls)
    return probability, rng.random(calls) < probability, probability >= threshold


def sums(probability: np.ndarray, flagged: np.ndarray) -> dict[str, LabelSum]:
    spam, ham = probability[flagged], 1 - probability[~flagged]
    return {"spam": LabelSum(len(spam), float(spam.sum())), "ham": LabelSum(len(ham), float(ham.sum()))}


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.95])
def test_of_calibrated_probabilities_the_estimate_recovers_the_truth(threshold):
    probability, spam, flagged = synthetic(200_000, threshold)
    found = estimate(sums(probability, flagged), "spam")
    assert found.caught_share == pytest.approx(flagged[spam].mean(), abs=0.01)
    assert found.blocked_share == pytest.approx(flagged[~spam].mean(), abs=0.002)
    assert found.calls == 200_000 == pytest.approx(found.caught + found.missed + found.blocked + found.passed)


def test_without_calibration_it_does_not():
    _, spam, flagged = synthetic(200_000, 0.5)
    found = estimate(sums(np.where(flagged, 0.999, 0.001), flagged), "spam")
    assert found.caught_share > 0.99 > flagged[spam].mean() + 0.1


def test_there_is_no_estimate_without_probabilities_or_with_more_than_two_labels():
    assert estimate({}, "spam") is None and estimate({"ham": LabelSum()}, "spam") is None
    known = LabelSum(10, 9.0)
    assert estimate({"ham": known, "spam": known, "scam": known}, "spam") is None
    assert estimate({"spam": known}, "spam") == Estimate(10, 9.0, 0.0, 1.0, 0.0, 1.0, 1.0)
    assert estimate({"spam": LabelSum(1, 1.0)}, "spam").blocked_share is None, "no ham is expected"


def test_the_calibration_error_is_the_distance_of_each_bin_weighted_by_texts():
    found = calibration([(0.95, True)] * 9 + [(0.95, False)] + [(0.12, False)] * 10)
    assert [(bin.texts, bin.probability, bin.positive) for bin in found.bins] == [
        (10, pytest.approx(0.12), 0.0),
        (10, pytest.approx(0.95), 0.9),
    ]
    assert found.texts == 20 and found.error == pytest.approx((0.12 + 0.05) / 2)
    assert calibration([(1.0, True), (0.0, False)]).error == 0 and calibration([]) is None


def test_calibrated_probabilities_have_a_small_error():
    probability, spam, _ = synthetic(50_000, 0.5)
    rows = list(zip(probability.tolist(), spam.tolist(), strict=True))
    assert calibration(rows).error < 0.01 < calibration([(p**0.5, s) for p, s in rows]).error
