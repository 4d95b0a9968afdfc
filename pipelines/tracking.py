"""MLflow runs: one for each training, and one for each cross-validation.

A training's run is identified by the weights that it trained, in its tag `weights_sha256`. So there is exactly one run
for each set of weights, also after a stage came out of DVC's cache, or with a new MLflow store.
"""

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Run

from registry.settings import RegistrySettings

WEIGHTS = "weights_sha256"


def connect() -> MlflowClient:
    """Connect MLflow to the configured store, and create the experiment there, which has the model's name."""
    settings = RegistrySettings()
    os.environ.setdefault("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "2")  # seconds; a training takes half a minute
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    logging.getLogger("mlflow").setLevel(logging.ERROR)  # the stages print their own progress
    mlflow.set_tracking_uri(settings.mlflow_tracking_uri)
    mlflow.set_registry_uri(settings.mlflow_tracking_uri)
    client = MlflowClient()
    if client.get_experiment_by_name(settings.model_name) is None:
        client.create_experiment(settings.model_name, _artifacts_beside(settings.mlflow_tracking_uri))
    mlflow.set_experiment(settings.model_name)
    return client


def _artifacts_beside(uri: str) -> str | None:
    """The folder mlartifacts/ beside an SQLite file; None for a server, which has a place of its own.

    Not MLflow's own choice, mlruns/: an existing folder of that name turns its default store back to files.
    """
    database = uri.removeprefix("sqlite:///")
    return None if database == uri else (Path(database).resolve().parent / "mlartifacts").as_uri()


@contextmanager
def training_run(variant: str, params: dict[str, Any], tags: dict[str, str]) -> Iterator[None]:
    """A run around a training, with system metrics; see `run` for how it ends."""
    connect()
    with run(run_name=variant, tags={"variant": variant, **tags}, log_system_metrics=True):
        mlflow.log_params(flatten(params))
        yield


@contextmanager
def run(**arguments: Any) -> Iterator[None]:
    """`mlflow.start_run` with these arguments: FAILED when the block raises, KILLED after Ctrl-C or SIGTERM.

    SIGTERM ends the block as Ctrl-C does: by itself it would end the process, and the run would be RUNNING for ever.
    """
    before = signal.signal(signal.SIGTERM, _exit)
    try:
        with mlflow.start_run(**arguments):
            try:
                yield
            except (KeyboardInterrupt, SystemExit):
                mlflow.end_run("KILLED")
                raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit(number: int, frame: object) -> None:
    raise SystemExit(128 + number)  # the status that a shell gives to a program ended by a signal


def find_run(client: MlflowClient, weights: str) -> Run | None:
    """The finished run that trained the weights with this hash, the newest if several."""
    experiment = client.get_experiment_by_name(RegistrySettings().model_name)
    runs = client.search_runs(
        [experiment.experiment_id],
        f"tags.{WEIGHTS} = '{weights}' and attributes.status = 'FINISHED'",
        order_by=["attributes.start_time DESC"],
        max_results=1,
    )
    return runs[0] if runs else None


def log_crossval(candidates: dict[str, dict], folds: pd.DataFrame, files: list[Path]) -> None:
    """One run with `files`, and a nested run for each candidate: its parameters, its means, and its folds as steps.

    `folds` has the columns candidate, repeat and fold, and the metrics.
    """
    connect()
    with run(run_name="crossval"):
        for file in files:
            mlflow.log_artifact(str(file))
        for name, figures in candidates.items():
            rows = folds[folds["candidate"] == name].drop(columns=["candidate", "repeat", "fold"])
            with run(run_name=name, nested=True, tags={"candidate": name}):
                mlflow.log_params(flatten(figures["parameters"]))
                mlflow.log_metrics({metric: value for metric, value in figures.items() if isinstance(value, float)})
                for step, row in enumerate(rows.to_dict("records")):
                    mlflow.log_metrics({f"fold.{metric}": value for metric, value in row.items()}, step=step)


def flatten(params: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} as {"a.b": 1}, since MLflow's parameters and metrics are flat."""
    flat = {}
    for key, value in params.items():
        nested = isinstance(value, dict)
        flat |= flatten(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return flat
