"""Origins held out whole."""

import numpy as np
import pytest

from pipelines import held_out
from pipelines.measure import leave_out
from pipelines.measure.folds import FoldPredictions
from tests.pipelines.small import HAM, SPAM, split, variant

ORIGINS = ["sms", "written/a", "written/b"]


def messages():
    whole = split(HAM, SPAM)
    origins = [ORIGINS[i % 3] for i in range(len(whole.ids))]
    return type(whole)(whole.ids, whole.texts, whole.actual, whole.groups, whole.labels, origins)


def test_each_origin_is_held_out_once():
    split = messages()
    for _, fold, rest, held in held_out.leave_out_folds(split):
        assert {split.origins[i] for i in held} == {ORIGINS[fold]}
        assert sorted([*rest, *held]) == list(range(len(split.ids)))


def test_a_candidate_of_one_corpus_learns_nothing_from_the_others(tmp_path):
    split = messages()
    alone = variant(deep=False).model_copy(update={"corpora": ["sms"]})
    tasks = held_out.tasks("alone", alone, split, list(held_out.leave_out_folds(split)), tmp_path)
    held_out.run(tasks, split, positive=1, jobs=1)
    rows = held_out.predictions(tasks, split)["alone"]
    assert [split.origins[row.positions[0]] for row in rows] == ORIGINS[1:]  # without sms it has nothing to train on


def test_a_part_is_held_out_whole_when_the_wide_part_is_calibrated():
    split = messages()
    parts = {}
    for origin, group, near in zip(split.origins, split.independent, split.groups, strict=True):
        parts.setdefault(origin if "/" in origin else f"{origin} {near}", set()).add(group)
    assert all(len(groups) == 1 for groups in parts.values())
    assert len(set(split.independent)) == len(parts)


def row(fold, actual, scores, positions):
    actual, scores = np.array(actual), np.array(scores)
    return FoldPredictions(0, fold, actual, (scores > 0.5).astype(int), scores, True, np.array(positions))


def test_the_figures_of_each_origin_and_of_all():
    split = messages()
    good = [row(fold, [0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], [fold] * 4) for fold in range(3)]
    bad = [row(fold, [0, 0, 1, 1], [0.1, 0.9, 0.8, 0.4], [fold] * 4) for fold in range(3)]
    record = leave_out.summarise({"good": good, "bad": bad}, split, "spam", ["good"])["candidates"]
    assert record["good"]["auc"] == 1.0 and record["good"]["against"] == {}
    assert record["bad"]["origins"]["sms"]["caught"]["count"] == 1
    assert record["bad"]["blocked"] == record["bad"]["caught"] == 0.5
    assert record["bad"]["against"]["good"]["auc"]["difference"] == pytest.approx(-0.5)
    assert "written/a" in leave_out.format_table({"candidates": record})


def test_probabilities_that_are_too_sure_have_a_temperature_above_one():
    truth = np.array([True, True, True, False] * 100)
    assert leave_out.temperature(truth, np.full(400, 0.999)) > 3
    assert leave_out.temperature(truth, np.full(400, 0.75)) == pytest.approx(1, abs=0.05)
