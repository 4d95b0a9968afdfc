import tempfile

import pytest

from registry.drift import MIN_CALLS, MIRRORED, drifts, profiles_of, psi, verdict_of
from registry.model.evaluation import EvaluationDetails
from registry.model.profile import SCORES, bin_of, profile_of
from registry.versions import Registry
from tests.toyregistry import MODEL_NAME, make_registry

TRAINED = [("ham", "see you at home later")] * 870 + [("spam", "win a prize, call now " * 7)] * 130
HAM, SPAM = (*TRAINED[0], 0.9999), (*TRAINED[-1], 0.9999)  # calls, with the label's probability


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """Version 1, the champion, has the profile of its training set; version 2, the challenger, has none."""
    registry = Registry(MODEL_NAME, make_registry(tmp_path_factory.mktemp("registry")))
    details = registry.folder(registry.resolve("1")) / "evaluation" / "details.json"
    profile = profile_of(TRAINED)
    profile.positive = "spam"
    profile.count("score", ["0"] * 870 + ["0.999"] * 130)
    EvaluationDetails(training=profile).write(details)
    return registry


@pytest.fixture
def drift(registry):
    """The drift of each version, by its number, after calls of {number: (label, text) rows}."""

    def run(calls):
        keys = {number: registry.resolve(number).key for number in calls}
        keyed = [(keys[number], label, len(text), p) for number, rows in calls.items() for label, text, p in rows]
        return {drift.version: drift for drift in drifts(registry, profiles_of(keyed))}

    return run


def test_the_index_is_the_published_sum_and_says_what_it_means():
    assert psi([50, 50], [50, 50]) == 0
    assert psi([50, 50], [10, 90]) == pytest.approx(0.4 * 1.6094379 + 0.4 * 0.5877867)  # (p - q) ln(p / q), twice
    assert psi([1_000, 0], [500, 500]) < 10, "a bin that was empty in training is not without end"
    verdicts = [verdict_of(index) for index in (0.0, 0.0999, 0.1, 0.2499, 0.25, 7.0)]
    assert verdicts == [*["stable"] * 2, *["shifting"] * 2, *["drifted"] * 2]


def test_each_version_is_compared_with_its_own_training_set(drift):
    alike = ([HAM] * 87 + [SPAM] * 13) * 3
    drifts = drift({"1": alike, "2": [HAM]})
    assert (drifts["1"].calls, drifts["1"].aliases, drifts["1"].verdict) == (300, ("champion",), "stable")
    assert (drifts["1"].labels, drifts["1"].lengths) == pytest.approx((0, 0), abs=1e-9)
    assert drifts["2"].calls == 1 and drifts["2"].labels is None and "training set" in drifts["2"].verdict
    other = drift({"1": alike + [SPAM] * 900})["1"]
    assert other.calls == 1_200 and other.labels > 0.25 and other.verdict == "drifted"
    even = drift({"1": [HAM] * 250 + [SPAM] * 250})["1"]
    assert even.labels == pytest.approx(psi([870, 130], [250, 250])) and even.verdict == "drifted"


def test_a_version_whose_artifact_cannot_be_read_does_not_stop_the_others(registry, drift, tmp_path, monkeypatch):
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    evaluation = registry.folder(registry.resolve("2")) / "evaluation"
    evaluation.rename(tmp_path / "away")
    try:
        drifts = drift({"1": ([HAM] * 87 + [SPAM] * 13) * 3})
    finally:
        (tmp_path / "away").rename(evaluation)
    assert drifts["1"].verdict == "stable"
    assert drifts["2"].labels is None and "cannot be read" in drifts["2"].verdict
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize("content", ["{", '{"training": 3}'])
def test_details_that_are_damaged_are_named(registry, drift, content):
    details = registry.folder(registry.resolve("2")) / "evaluation" / "details.json"
    before = details.read_text()
    details.write_text(content)
    try:
        assert "cannot be read" in drift({})["2"].verdict
    finally:
        details.write_text(before)


def test_too_few_calls_give_no_number(drift):
    few = drift({"1": [SPAM] * (MIN_CALLS - 1)})["1"]
    assert (few.calls, few.labels, few.lengths) == (MIN_CALLS - 1, None, None) and "too few" in few.verdict


def test_the_scores_are_the_probability_of_the_label_to_catch_and_of_the_calls_that_have_one(drift):
    assert {score: bin_of(SCORES, 1 - float(score) - 1e-6) for score in MIRRORED} == MIRRORED
    alike = [HAM] * 870 + [SPAM] * 130
    assert drift({"1": alike})["1"].scores == pytest.approx(0)
    less_sure = [(label, text, 0.85) for label, text, _ in alike]
    found = drift({"1": less_sure})["1"]
    assert found.scores > 0.25 and found.verdict == "drifted" and found.labels == found.lengths == pytest.approx(0)
    before_it_was_logged = [(label, text, None) for label, text, _ in alike]
    assert drift({"1": before_it_was_logged + less_sure[: MIN_CALLS - 1]})["1"].scores is None
    third = drift({"1": [*alike, ("advertisement", "buy", 0.9)]})["1"]
    assert third.scores is None and third.labels is not None, "1 - p is then not the other label's alone"
