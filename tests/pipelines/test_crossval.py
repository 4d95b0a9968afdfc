"""The protocol: what may leak does not, and the figures are what they say."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from pipelines import crossval
from pipelines.data import splits
from pipelines.measure import folds
from pipelines.measure.folds import Held
from tests.pipelines.small import HAM, SPAM, split

PREPARED = Path(__file__).parents[2] / "build/prepared"


@pytest.fixture(scope="module")
def messages():
    return crossval.messages(PREPARED)


def test_no_test_message_nor_a_near_twin_of_one_is_cross_validated(messages):
    test = splits.read(PREPARED, "test")
    assert not set(messages.ids) & set(test.ids)
    assert not set(messages.groups) & set(test.groups)


def test_what_callers_sent_is_not_cross_validated(messages, tmp_path):
    shutil.copytree(PREPARED, tmp_path, dirs_exist_ok=True)
    with open(tmp_path / "train.csv", "a") as train:
        train.write("abcdefabcdef,2,99999,spam,a correction,feedback\n")
    assert crossval.messages(tmp_path).ids == messages.ids


def test_near_twins_are_never_on_both_sides_of_a_fold(messages):
    for _, _, rest, held in crossval.folds(messages, repeats=2, seed=42):
        assert not set(messages.groups[rest]) & set(messages.groups[held])


def test_each_repeat_holds_out_every_message_once_with_its_labels_spread_evenly(messages):
    drawn = list(crossval.folds(messages, repeats=2, seed=42))
    for repeat in range(2):
        held = [part for number, _, _, part in drawn if number == repeat]
        assert sorted(np.concatenate(held)) == list(range(len(messages.ids)))
        shares = [messages.actual[part].mean() for part in held]
        assert max(shares) - min(shares) < 0.02
    assert [sorted(d[3]) for d in drawn[:5]] != [sorted(d[3]) for d in drawn[5:]]


def test_what_was_run_is_not_run_again_and_what_changed_is(tmp_path, monkeypatch, capsys):
    small = split(HAM, SPAM)
    first = crossval.run("baseline", None, small, 1, 1, 42, tmp_path)
    assert capsys.readouterr().out.count("fold") == 5
    again = crossval.run("baseline", None, small, 1, 1, 42, tmp_path)
    assert capsys.readouterr().out == ""
    assert all(np.array_equal(a.scores, b.scores) for a, b in zip(first, again, strict=True))
    crossval.run("baseline", None, small, 1, 1, 43, tmp_path)
    assert capsys.readouterr().out.count("fold") == 5
    assert "key" in json.loads((tmp_path / "baseline/0-0.json").read_text())


def test_the_share_caught_at_a_bound():
    truth = np.array([True] * 4 + [False] * 10)
    scores = np.array([0.9, 0.8, 0.3, 0.1, 0.85, 0.2, *([0.0] * 8)])
    assert folds.caught_at(truth, scores, 0.0) == 0.25  # above the highest of the others
    assert folds.caught_at(truth, scores, 0.1) == 0.75  # one of ten may be blocked


def test_the_corrected_test_is_more_cautious_than_a_plain_one():
    """Nadeau and Bengio (2003), equation 9, by hand: variance (1/15 + 1/4) * s2."""
    values, others = np.linspace(0.95, 0.98, 15), np.linspace(0.94, 0.97, 15) + np.tile([0.002, 0, -0.002], 5)
    difference, p = folds.paired(values, others, folds=5)
    gap = values - others
    t = gap.mean() / np.sqrt((1 / 15 + 1 / 4) * gap.var(ddof=1))
    assert difference == pytest.approx(0.01)
    from scipy import stats

    assert p == pytest.approx(2 * stats.t.sf(t, 14))
    assert p > stats.ttest_rel(values, others).pvalue
    assert folds.paired(values, values, folds=5) == (0.0, 1.0)


def test_calibration_and_bounds_are_taken_over_all_folds_of_a_repeat():
    actual = np.array([1, 0, 0, 0])
    perfect = [Held(0, i, actual, actual, actual.astype(float), True, np.arange(4) + 4 * i) for i in range(5)]
    found = folds.by_repeat(perfect, ("ham", "spam"), "spam")
    assert found["ece"].tolist() == [0.0] and found["caught_at_bound"].tolist() == [1.0]


def test_how_many_others_rank_above_each_message_to_catch():
    first = Held(0, 0, np.array([1, 0]), np.array([1, 0]), np.array([0.3, 0.9]), True, np.array([2, 0]))
    second = Held(0, 1, np.array([0, 1]), np.array([0, 1]), np.array([0.4, 0.8]), True, np.array([3, 1]))
    above, others = folds.blocked_first([first, second], positive=1, messages=4)
    assert others == 2
    assert above.tolist()[0][1:3] == [1, 2]
    assert np.isnan(above[0, [0, 3]]).all()


def test_the_ceiling_leaves_only_the_hardest_messages_out_of_order():
    above = np.array([0, 3, 1, 8])
    precise = [1, 1, 1, 4 / 12]
    assert folds.ceiling(above, hardest=1) == pytest.approx(np.mean(precise))
    assert folds.ceiling(above, hardest=4) == pytest.approx(np.mean([1, 2 / 3, 3 / 6, 4 / 12]))
    assert folds.ceiling(above, hardest=0) == 1.0


def test_an_unknown_candidate_is_answered_with_those_there_are(capsys, monkeypatch):
    monkeypatch.chdir(PREPARED.parents[1])
    monkeypatch.setattr(sys, "argv", ["crossval", "gru"])
    with pytest.raises(SystemExit, match=r"no candidate gru; there are: baseline, workshop"):
        crossval.main()


@pytest.mark.slow
def test_a_comparison_is_printed_drawn_and_put_into_mlflow(tmp_path):
    root = PREPARED.parents[1]
    command = [sys.executable, "-m", "pipelines.crossval", "baseline", "--repeats", "1"]
    where = {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}"}
    kept = ["--out", str(tmp_path / "out"), "--record", str(tmp_path / "kept.json")]
    done = subprocess.run([*command, *kept], cwd=root, env=os.environ | where, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "fold 5/5" in done.stdout and done.stdout.splitlines()[-1].startswith("| baseline | 0.9")
    assert min((tmp_path / "out" / name).stat().st_size for name in ("comparison.png", "curve.png")) > 1000
    hardest = pd.read_csv(tmp_path / "out" / "hardest.csv")
    assert hardest["others_above"].is_monotonic_decreasing and hardest["others_above"][0] > 1000
    assert json.loads((tmp_path / "kept.json").read_text())["candidates"]["baseline"]["mcc"] > 0.9
    client = MlflowClient(where["MLFLOW_TRACKING_URI"])
    nested, parent = client.search_runs([client.get_experiment_by_name("sms-spam").experiment_id])
    assert nested.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert nested.data.metrics["mcc"] > 0.9
    assert len(client.get_metric_history(nested.info.run_id, "fold.mcc")) == crossval.FOLDS
    assert list((tmp_path / "mlartifacts").rglob("comparison.png"))
