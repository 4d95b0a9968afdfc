"""Runs in a real MLflow store, and what becomes of one that is interrupted."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from registry.settings import RegistrySettings
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
