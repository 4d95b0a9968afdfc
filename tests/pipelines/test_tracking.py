"""Runs in a real MLflow store, and what becomes of one that is interrupted."""

import hashlib
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mlflow import MlflowClient

from pipelines import tracking
from registry.errors import RegistryError
from registry.settings import RegistrySettings
from tests.server import free_port
from tests.toyregistry import empty_registry

ROOT = Path(__file__).parents[2]
TRAINING = """
import time
from pipelines.tracking import training_run

with training_run("toy", {"epochs": 1}, {}):
    print("begun", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_leaves_its_run_killed(tmp_path, number):
    uri = empty_registry(tmp_path)
    training = subprocess.Popen(
        [sys.executable, "-c", TRAINING],
        cwd=ROOT,
        env=os.environ | {"MLFLOW_TRACKING_URI": uri},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with training:
        assert training.stdout.readline() == "begun\n"
        training.send_signal(number)
    assert training.returncode != 0
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(RegistrySettings().model_name)
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "KILLED" and run.info.end_time


def test_the_name_of_a_run_has_its_start_and_the_experiment_of_dvc(monkeypatch):
    started = datetime(2026, 11, 25, 20, 37, 19, tzinfo=UTC)
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    assert tracking.run_name("lstm", started) == "lstm 2026-11-25 20:37:19"
    monkeypatch.setenv("DVC_EXP_NAME", "tangy-boat")
    assert tracking.run_name("lstm", started) == "lstm tangy-boat 2026-11-25 20:37:19"


def test_a_run_has_the_data_that_it_was_trained_on_and_says_what_it_is(tmp_path, monkeypatch):
    uri = empty_registry(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    for name in ("train", "validation"):
        (tmp_path / f"{name}.csv").write_text(f"id,text,source\n1,NA,sms\n2,{name},written\n")
    with tracking.training_run("toy", {"epochs": 1}, {"own": "tag"}, log_system_metrics=False):
        tracking.log_training_data(tmp_path, ["sms", "feedback"])
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(RegistrySettings().model_name)
    (run,) = client.search_runs([experiment.experiment_id])
    train, validation = run.inputs.dataset_inputs
    digest = hashlib.sha256((tmp_path / "train.csv").read_bytes()).hexdigest()  # as sha256sum prints it
    tags = {tag.key: tag.value for tag in train.tags}
    assert tags == {"mlflow.data.context": "training", "sha256": digest, "file": "train.csv"}
    assert (train.dataset.name, train.dataset.digest) == ("sms", digest[:36])
    assert '"num_rows": 1' in train.dataset.profile and validation.dataset.digest != train.dataset.digest
    assert "`toy`" in run.data.tags[tracking.NOTE] and run.data.tags["own"] == "tag"
    assert "variants in params.yaml" in experiment.tags[tracking.NOTE]


def test_a_server_that_is_away_is_one_sentence(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv(tracking.RETRIES, "0")
    with pytest.raises(RegistryError) as raised:
        tracking.connect()
    assert "Connection refused" in str(raised.value) and "\n" not in str(raised.value)
