"""The protocol of the cross-validation, and the command."""

import json
import re
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

from pipelines import crossval
from pipelines.data import splits
from pipelines.held_out import FOLDS
from pipelines.measure import crossval_record

PREPARED = Path(__file__).parents[2] / "build/prepared"


@pytest.fixture(scope="module")
def messages():
    return crossval_record.messages(PREPARED, ["sms"])


def test_no_test_message_nor_a_near_twin_of_one_is_cross_validated(messages):
    test = splits.read(PREPARED, "test")
    assert not set(messages.ids) & set(test.ids)
    assert not set(messages.groups) & set(test.groups)


def test_what_callers_sent_is_not_cross_validated(messages, tmp_path):
    shutil.copytree(PREPARED, tmp_path, dirs_exist_ok=True)
    with open(tmp_path / "train.csv", "a") as train:
        train.write("abcdefabcdef,2,99999,spam,a correction,feedback,,\n")
    assert crossval_record.messages(tmp_path, ["sms"]).ids == messages.ids


def test_an_unknown_candidate_is_answered_with_those_there_are(capsys, monkeypatch):
    monkeypatch.chdir(PREPARED.parents[1])
    monkeypatch.setattr(sys, "argv", ["crossval", "gru"])
    with pytest.raises(SystemExit, match=r"no candidate gru; there are: baseline, workshop"):
        crossval.main()


def test_a_cross_validation_is_printed_drawn_and_put_into_mlflow(tmp_path, monkeypatch, capsys):
    """On a quarter of the groups, which takes a quarter of the time."""
    for name in ("train", "validation"):
        rows = pd.read_csv(PREPARED / f"{name}.csv", keep_default_na=False)
        rows[rows["group"] % 4 == 0].to_csv(tmp_path / f"{name}.csv", index=False)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.chdir(PREPARED.parents[1])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    where = ["--prepared", str(tmp_path), "--out", str(tmp_path / "out"), "--record", str(tmp_path / "kept.json")]
    monkeypatch.setattr(sys, "argv", ["crossval", "baseline", "--repeats", "1", *where])
    crossval.main()
    printed = capsys.readouterr().out
    assert "crossval: 5/5: baseline" in printed and re.search(r"^candidate +baseline", printed, re.M)
    assert (tmp_path / "out/table.md").read_text().splitlines()[-1].startswith("| baseline | 0.9")
    assert min((tmp_path / "out" / name).stat().st_size for name in ("folds.png", "curve.png")) > 1000
    hardest = pd.read_csv(tmp_path / "out" / "hardest.csv")
    assert hardest["others_above"].is_monotonic_decreasing and hardest["others_above"][0] > 250
    assert json.loads((tmp_path / "kept.json").read_text())["candidates"]["baseline"]["mcc"] > 0.9
    client = MlflowClient(uri)
    nested, parent = client.search_runs([client.get_experiment_by_name("sms-spam").experiment_id])
    assert nested.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert nested.data.metrics["mcc"] > 0.9
    assert len(client.get_metric_history(nested.info.run_id, "fold/mcc")) == FOLDS
    assert list((tmp_path / "mlartifacts").rglob("folds.png")) and list((tmp_path / "mlartifacts").rglob("table.md"))
